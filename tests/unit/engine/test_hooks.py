"""The user's hook commands: what they are told, and that one which fails or hangs hurts nobody."""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from gitsync.config.options import HooksConfig
from gitsync.engine import housekeeper
from gitsync.engine.housekeeper import Housekeeper, commands_for
from tests.conftest import run_git
from tests.fakes.clock import FakeClock

HOOKS = HooksConfig(after_commit=("c",), after_sync=("s",), on_conflict=("x",), on_error=("e",))


def event(kind: str, **details: Any) -> dict[str, Any]:
    return {"time": "2026-01-01T00:00:00+00:00", "event": kind, "repo": "notes", "path": "", "message": "m", **details}


@pytest.mark.parametrize(
    ("kind", "details", "command"),
    [
        ("committed", {}, "c"),
        ("pushed", {}, "s"),
        ("pulled", {}, "s"),
        ("merged", {}, "s"),
        ("conflict", {"copies": ["a.conflict-1.txt"]}, "x"),
        ("problem", {"code": "conflict"}, "x"),
        ("problem", {"code": "auth"}, "e"),
        ("problem", {"code": "remote-emptied"}, "e"),
    ],
)
def test_which_hook_an_event_calls_for(kind: str, details: dict[str, Any], command: str) -> None:
    assert commands_for(HOOKS, event(kind, **details)) == (command,)


@pytest.mark.parametrize("kind", ["state", "recovered", "conflict", "job"])
def test_other_events_call_for_none(kind: str) -> None:
    assert commands_for(HOOKS, event(kind)) == ()


def run(command: str, *events: dict[str, Any], deadline_s: float = 60.0) -> Housekeeper:
    it = Housekeeper(HooksConfig(after_commit=(command,)), FakeClock(), _die, deadline_s=deadline_s)
    for one in events:
        it.inbox.put(one)
    while not it.inbox.empty():
        it.step(it.inbox.get_nowait(), 0.0)
    return it


def _die(died: object) -> None:
    raise AssertionError(died)


def test_it_is_told_in_variables_and_runs_in_the_work_tree(tmp_path: Path) -> None:
    told = tmp_path / "told"
    run(f'env >"{told}"; pwd >>"{told}"', event("committed", path=str(tmp_path), commit="1234", files=["a b", "c"]))
    lines = told.read_text()
    for line in ("GITSYNC_EVENT=committed", "GITSYNC_REPO=notes", f"GITSYNC_PATH={tmp_path}", "GITSYNC_COMMIT=1234"):
        assert f"{line}\n" in lines
    assert "GITSYNC_FILES=a b\nc\n" in lines
    assert lines.endswith(f"{os.path.realpath(tmp_path)}\n")


def test_what_it_says_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        run("echo said so; echo and that >&2", event("committed"))
        run("exit 7", event("committed"))
    assert "said so" in caplog.text
    assert "and that" in caplog.text
    assert "ended with 7" in caplog.text


def test_one_that_cannot_be_told_of_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = tmp_path / "told"
    run(f'echo "${{#GITSYNC_MESSAGE}}" >>"{told}"', event("committed", message="x" * 1_000_000))
    assert told.read_text() == f"{housekeeper.VALUE_CHARS}\n"
    run("true", event("committed", message="a\0b"))
    assert "could not be run" in caplog.text


def test_one_that_hangs_is_ended_and_does_not_fall_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = tmp_path / "told"
    run(f'echo x >>"{told}"; sleep 600', *[event("committed") for _ in range(20)], deadline_s=0.3)
    assert told.read_text() == "x\n", "it was not run for the nineteen that came meanwhile"
    assert "took longer than" in caplog.text
    assert "19 events" in caplog.text


def put_loose(repo: Path, count: int) -> None:
    """Store blobs in the one directory that stands for all."""
    numbers = (b"%d" % number for number in itertools.count())
    blobs = (b"blob %d\0" % len(number) + number for number in numbers)
    for blob in itertools.islice((blob for blob in blobs if hashlib.sha1(blob).hexdigest().startswith("17")), count):
        path = repo / ".git/objects/17" / hashlib.sha1(blob).hexdigest()[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(blob))


@pytest.mark.parametrize(("auto", "is_collected"), [("1", True), ("0", False), ("-1", False)])
def test_garbage_is_left_to_a_user_who_says_so(auto: str, is_collected: bool, repo: Path) -> None:
    put_loose(repo, housekeeper.LOOSE_LIMIT + 1)
    run_git(repo, "config", "gc.auto", auto)
    run("true", event("committed", path=str(repo)))
    assert bool(list((repo / ".git/objects/pack").glob("*.pack"))) is is_collected
