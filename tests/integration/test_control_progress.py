"""The line that moves while an answer takes long: on a terminal, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitsync.cli import layout
from tests.fakes.control import PATIENCE_S, Daemon, ctl
from tests.fakes.dispatch import repo_status
from tests.integration.test_control_terminal import Terminal, lines

ERASE = "\x1b[K"


class Slow:
    """A sync that ends when it is told to."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700)
        self.go_on = threading.Event()
        self.daemon = Daemon(directory, sync=self.answer)

    def answer(self, params: dict[str, Any]) -> dict[str, Any]:
        assert self.go_on.wait(PATIENCE_S)
        return {"repos": [repo_status("notes")]}


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Slow]:
    made = Slow(tmp_path / "run")
    yield made
    made.go_on.set()
    made.daemon.server.stop(PATIENCE_S)


def test_a_long_answer_is_waited_for_with_a_line_that_says_what_is_done(slow: Slow) -> None:
    terminal = Terminal(slow.daemon, 60, "sync", "--wait", LC_ALL="C.UTF-8")
    terminal.read_until("sync  1 s")
    slow.daemon.board.wait_for(1)
    slow.daemon.board.publish({"event": "problem", "message": "trouble that the answer tells"})
    slow.daemon.board.publish({"event": "state", "state": "syncing", "message": "notes: syncing (pushing\x1b[2J)"})
    terminal.read_until("notes: syncing (pushing")
    slow.go_on.set()
    assert terminal.end() == 0
    assert "trouble" not in terminal.shown
    assert "\x1b[2J" not in terminal.shown
    frames = terminal.shown.split(ERASE)
    assert all(layout.width(frame.replace("\r", "")) < 60 for frame in frames[:-1])
    # The last thing done with the line is to take it away.
    assert frames[-2] == "\r"
    assert lines(frames[-1])[0].startswith("notes  ok")


def test_what_began_before_anybody_listened_is_shown_too(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    go_on = threading.Event()

    def push(params: dict[str, Any]) -> dict[str, Any]:
        assert go_on.wait(PATIENCE_S)
        return {"repos": [], "jobs": []}

    job = {"name": "photos", "state": "syncing", "reason": "bringing 3 changes over"}
    daemon = Daemon(directory, push=push, status=lambda params: {"repos": [repo_status("notes")], "jobs": [job]})
    try:
        terminal = Terminal(daemon, 60, "push", LC_ALL="C.UTF-8")
        terminal.read_until("photos: bringing 3 changes over")
        go_on.set()
        assert terminal.end() == 0
    finally:
        go_on.set()
        daemon.server.stop(PATIENCE_S)


@pytest.mark.parametrize(
    ("argv", "environment"), [(["--json"], {}), ([], {"TERM": "dumb"})], ids=["json", "a terminal that cannot go back"]
)
def test_there_is_none_for_programs(slow: Slow, argv: list[str], environment: dict[str, str]) -> None:
    threading.Timer(1.5, slow.go_on.set).start()
    terminal = Terminal(slow.daemon, 60, "sync", "--wait", *argv, **environment)
    terminal.end()
    assert "\r" not in terminal.shown.replace("\r\n", "")


def test_there_is_none_in_a_pipe(slow: Slow) -> None:
    threading.Timer(1.5, slow.go_on.set).start()
    done = ctl(slow.daemon.path, "sync", "--wait")
    assert done.returncode == 0
    assert "\r" not in done.stdout + done.stderr
