"""The memory of what quiet passes have reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.daemon.reported import fresh, is_fresh
from gitsync.errors import AlreadyRunningError, ConfigError


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_a_problem_is_reported_again_after_it_was_solved() -> None:
    assert fresh({"notes": ["a"], "home": []}) == {"notes": ["a"]}
    assert fresh({"notes": ["a"], "home": ["b"]}) == {"home": ["b"]}
    assert fresh({"notes": [], "home": ["b"]}) == {}
    assert fresh({"notes": ["a"], "home": ["c"]}) == {"notes": ["a"], "home": ["c"]}


def test_what_keeps_a_pass_from_beginning_leaves_the_rest_as_it_was() -> None:
    assert fresh({"notes": ["a"]})
    fault = ConfigError(["config.toml:3: key quiett: is unknown here"])
    assert is_fresh(fault)
    assert not is_fresh(fault)
    assert is_fresh(ConfigError(["config.toml:4: another"]))
    is_fresh(None)
    assert is_fresh(fault)
    assert not fresh({"notes": ["a"]})
    # Each process has another number, and is no news.
    assert is_fresh(AlreadyRunningError("already running with PID 7"))
    assert not is_fresh(AlreadyRunningError("already running with PID 8"))
