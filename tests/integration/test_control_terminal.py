"""The installed gitsyncctl on a terminal: colour, width, and the picture that draws itself anew."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.cli import layout
from tests.fakes.control import PATIENCE_S, PROGRAM, Daemon
from tests.fakes.dispatch import repo_status, status

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONG = "/srv/a/very/long/way/down/in/the/file/system/where/nobody/ever/looks/notes"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    made = Daemon(directory)
    made.dispatch.answers["status"] = status(
        repo_status("notes", path=LONG, reason="a reason that is long enough to need a lot of room on any screen"),
        repo_status("日本語", state="conflict", conflicts=["a.txt"], branch="feature/with-a-long-name"),
    )
    yield made
    made.server.stop(PATIENCE_S)


class Terminal:
    """A child on a pseudo-terminal of so many columns."""

    def __init__(self, daemon: Daemon, columns: int, *argv: str, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
        self.child = subprocess.Popen(
            [PROGRAM, *argv],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**inherited, "TERM": "xterm", "GITSYNC_SOCKET": str(daemon.path), **environment},
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def read_until(self, wanted: str) -> None:
        """Read until `wanted` was shown."""
        while wanted not in self.shown:
            assert select.select([self._ours], [], [], PATIENCE_S)[0], self.shown
            data = self._read()
            assert data, self.shown
            self.shown += data.decode()

    def end(self) -> int:
        """Read what is left and return the exit status."""
        while data := self._read():
            self.shown += data.decode()
        os.close(self._ours)
        return self.child.wait(PATIENCE_S)

    def _read(self) -> bytes:
        try:
            return os.read(self._ours, 65536)
        except OSError:
            return b""  # EIO: the other side is closed


def lines(shown: str) -> list[str]:
    return COLOUR.sub("", shown).replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("columns", [30, 60, 80, 120, 200])
def test_every_line_fits(daemon: Daemon, columns: int) -> None:
    terminal = Terminal(daemon, columns, "status")
    assert terminal.end() == 1
    shown = lines(terminal.shown)
    # A command is left whole: the terminal breaks it, without a line break in what is copied.
    assert all(layout.width(line) <= columns or "gitsyncctl " in line for line in shown)
    assert any(line.startswith("日本語") for line in shown)
    assert ("down/in/the" in terminal.shown) == (columns == 200)


def test_there_is_colour_on_a_terminal(daemon: Daemon) -> None:
    terminal = Terminal(daemon, 80, "status")
    terminal.end()
    assert "\x1b[31mconflict\x1b[0m" in terminal.shown
    assert "\x1b[32mok\x1b[0m" in terminal.shown


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_there_is_none_where_it_is_not_wanted(daemon: Daemon, environment: dict[str, str]) -> None:
    for argv in (["status"], ["nonsense"]):
        terminal = Terminal(daemon, 80, *argv, **environment)
        terminal.end()
        assert "\x1b" not in terminal.shown


def test_errors_are_coloured_and_json_is_not(daemon: Daemon) -> None:
    terminal = Terminal(daemon, 80, "nonsense")
    assert terminal.end() == 2
    assert terminal.shown.startswith("\x1b[31merror:\x1b[0m there is no command 'nonsense'")
    terminal = Terminal(daemon, 80, "status", "--json")
    terminal.end()
    assert "\x1b" not in terminal.shown


def test_watch_draws_anew_on_an_event_and_ends_well_with_ctrl_c(daemon: Daemon) -> None:
    terminal = Terminal(daemon, 80, "status", "--watch")
    terminal.read_until("a.txt")
    daemon.board.wait_for(1)
    daemon.dispatch.answers["status"] = status(repo_status("notes", state="syncing"))
    daemon.board.publish({"event": "state"})
    terminal.read_until("syncing")
    terminal.child.send_signal(signal.SIGINT)
    assert terminal.end() == 0
    assert "Traceback" not in terminal.shown


def test_watch_shows_the_beginning_of_what_does_not_fit(daemon: Daemon) -> None:
    daemon.dispatch.answers["status"] = status(*(repo_status(f"r{number:02}") for number in range(60)))
    terminal = Terminal(daemon, 80, "status", "--watch")
    terminal.read_until("\x1b[J")
    terminal.child.send_signal(signal.SIGINT)
    terminal.end()
    frame = COLOUR.sub("", terminal.shown.split("\x1b[J")[0])
    assert frame.count("\n") == 23
    assert "r20" in frame
    assert "r40" not in frame
