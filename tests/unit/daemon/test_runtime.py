"""The engine put together, without a daemon around it."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue

from gitsync.clock import SystemClock
from gitsync.config.load import parse
from gitsync.daemon.runtime import Runtime
from gitsync.engine.owner import ThreadDied
from tests.conftest import run_git


def test_a_sync_does_not_wait_for_a_committer_that_died(repo: Path, tmp_path: Path) -> None:
    """The exchanger would wait five minutes for an answer, and a single pass with it."""
    run_git(tmp_path, "init", "-q", "--bare", "hub.git")
    run_git(repo, "remote", "add", "origin", str(tmp_path / "hub.git"))

    run_git(tmp_path, "clone", "-q", str(repo), "other")
    (tmp_path / "other/b.txt").write_text("theirs\n")
    run_git(tmp_path / "other", "add", ".")
    run_git(tmp_path / "other", "commit", "-qm", "theirs")
    run_git(tmp_path / "other", "push", "-q", str(tmp_path / "hub.git"), "HEAD:main")

    def die(point: str, path: bytes) -> None:
        raise ZeroDivisionError("a bug")

    config = parse(f'[[repo]]\npath = "{repo}"\nname = "notes"\n', tmp_path / "config.toml")
    messages: SimpleQueue[object] = SimpleQueue()
    runtime = Runtime(config, SystemClock(), tmp_path / "state", messages.put, is_watching=False, probe=die)
    runtime.lock_all()
    try:
        runtime.start()
        runtime.sync(["notes"], patience_s=100.0)
    finally:
        runtime.stop()
    died = messages.get(timeout=1.0)
    assert isinstance(died, ThreadDied)
    assert died.name == "committer"
