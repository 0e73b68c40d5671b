"""The engine put together, without a daemon around it."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue

import pytest

from gitsync.clock import SystemClock
from gitsync.config.load import parse
from gitsync.daemon.runtime import Runtime
from gitsync.engine.owner import ThreadDied
from tests.conftest import run_git


def test_a_sync_does_not_wait_for_a_committer_that_died(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchanger would wait five minutes for an answer, and a single pass with it."""
    run_git(tmp_path, "init", "-q", "--bare", "hub.git")
    run_git(repo, "remote", "add", "origin", str(tmp_path / "hub.git"))

    def die(*_: object) -> bool:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("gitsync.engine.repository.steps.answer_at_once", die)
    monkeypatch.setattr("gitsync.engine.repository.steps.integrate", die)
    config = parse(f'[[repo]]\npath = "{repo}"\nname = "notes"\n', tmp_path / "config.toml")
    messages: SimpleQueue[object] = SimpleQueue()
    runtime = Runtime(config, SystemClock(), tmp_path / "state", messages.put, is_watching=False)
    runtime.lock_all()
    try:
        runtime.start()
        runtime.sync(["notes"], patience_s=100.0)
    finally:
        runtime.stop()
    died = messages.get(timeout=1.0)
    assert isinstance(died, ThreadDied)
    assert died.name == "committer"
