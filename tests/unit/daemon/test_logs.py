"""How a line of the log looks, by where it goes."""

from __future__ import annotations

import io
import logging
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from gitsync.daemon import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _quiet_afterwards() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("gitsync")
    before = list(root.handlers), root.level, ours.level, logging.raiseExceptions
    yield
    for handler in list(root.handlers):
        if handler not in before[0]:
            root.removeHandler(handler)
            handler.close()
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.raiseExceptions = before[3]


def write(level: int, tell: Callable[[logging.Logger], object], journal: Path = Path("/nonexistent")) -> None:
    logs.set_up(level, None, journal=journal)
    tell(logging.getLogger("gitsync.somewhere"))


def test_a_pipe_gets_the_level_and_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", screen := io.StringIO())

    def tell(log: logging.Logger) -> None:
        log.info("committed %s", "notes")
        log.debug("unseen")

    write(logging.INFO, tell)
    assert screen.getvalue() == "INFO    committed notes\n"


def test_an_engineer_sees_who_said_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", screen := io.StringIO())
    write(logging.DEBUG, lambda log: log.debug("seen"))
    assert screen.getvalue() == "DEBUG   [MainThread gitsync.somewhere] seen\n"


def test_a_terminal_gets_the_time_and_colours_for_the_unusual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def tell(log: logging.Logger) -> None:
        log.info("fine")
        log.error("not\x1b[2J fine")

    write(logging.INFO, tell)
    fine, broken = screen.getvalue().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO    fine", fine)
    assert broken.startswith("\x1b[31m")
    assert broken.endswith("not\\x1b[2J fine\x1b[0m")
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    write(logging.INFO, lambda log: log.error("plain"))
    assert "\x1b" not in screen.getvalue()


def be_under_systemd(monkeypatch: pytest.MonkeyPatch, stream: TextIO) -> None:
    facts = os.fstat(stream.fileno())
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("JOURNAL_STREAM", f"{facts.st_dev}:{facts.st_ino}")


def tell_all(log: logging.Logger) -> None:
    log.info("a story", extra={"gitsync_event": {"repo": "notes", "event": "committed"}})
    log.warning("a warning")
    try:
        raise ZeroDivisionError("a bug")
    except ZeroDivisionError:
        log.critical("ended", exc_info=True)


def test_the_journal_gets_priority_and_repository_as_fields(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal, (tmp_path / "stderr").open("w") as stream:
        journal.bind(str(tmp_path / "socket"))
        be_under_systemd(monkeypatch, stream)
        write(logging.INFO, tell_all, tmp_path / "socket")
        stream.flush()
        story, warning, bug = (journal.recv(65536) for _ in range(3))
        assert story.splitlines() == [
            b"MESSAGE=a story",
            b"PRIORITY=6",
            b"SYSLOG_IDENTIFIER=gitsync",
            b"GITSYNC_REPO=notes",
            b"GITSYNC_EVENT=committed",
        ]
        assert b"PRIORITY=4\n" in warning
        # Several lines are one entry: their length goes first.
        length = int.from_bytes(bug[8:16], "little")
        assert bug[:8] == b"MESSAGE\n"
        assert bug[16 : 16 + length].endswith(b"ZeroDivisionError: a bug")
        assert bug[16 + length :] == b"\nPRIORITY=2\nSYSLOG_IDENTIFIER=gitsync\n"
        # What is said before there is a log, and a reason to end, have a level, too.
        logs.complain(logging.ERROR, "error: a fault")
        stream.flush()
    assert (tmp_path / "stderr").read_text() == "<3>error: a fault\n"


def test_without_the_journals_socket_each_line_has_its_priority(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "stderr").open("w") as stream:
        be_under_systemd(monkeypatch, stream)
        write(logging.INFO, tell_all)
        stream.flush()
    lines = (tmp_path / "stderr").read_text().splitlines()
    assert lines[:3] == ["<6>a story", "<4>a warning", "<2>ended"]
    assert all(line.startswith("<2>") for line in lines[3:])
    assert lines[-1] == "<2>ZeroDivisionError: a bug"


def test_a_stream_that_is_not_the_journals_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    monkeypatch.setattr(sys, "stderr", screen := io.StringIO())
    write(logging.INFO, lambda log: log.info("x"))
    assert screen.getvalue() == "INFO    x\n"


def test_a_file_is_bounded(tmp_path: Path) -> None:
    handler = logs.set_up(logging.INFO, tmp_path / "sub/gitsync.log", file_bytes=2000)
    for number in range(500):
        logging.getLogger("gitsync").info("line %d", number)
    handler.close()
    files = sorted(path.name for path in (tmp_path / "sub").iterdir())
    assert files == ["gitsync.log", "gitsync.log.1", "gitsync.log.2", "gitsync.log.3"]
    assert sum((tmp_path / "sub" / name).stat().st_size for name in files) <= 4 * 2000


@pytest.mark.parametrize(
    "text",
    [
        "https://ada:hunter2secret@example.org/x.git",
        "https://hunter2secret@example.org/x.git",
        "https://example.org/x.git?access_token=hunter2secret",
        "Authorization: Bearer hunter2secret",
    ],
)
def test_secrets_are_taken_out_of_messages_and_tracebacks(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stderr", screen := io.StringIO())

    def tell(log: logging.Logger) -> None:
        log.info("fetching %s", text)
        try:
            raise ValueError(f"cannot use {text}")
        except ValueError:
            log.critical("ended", exc_info=True)

    write(logging.INFO, tell)
    assert "hunter2secret" not in screen.getvalue()
    assert "ValueError" in screen.getvalue()


def test_what_libraries_tell_at_their_leisure_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", screen := io.StringIO())
    logs.set_up(logging.DEBUG, None)
    logging.getLogger("urllib3").info("GET /?token=x")
    logging.getLogger("watchdog").warning("queue overflow")
    assert screen.getvalue().count("\n") == 1


def test_a_log_that_was_moved_away_goes_on_in_a_new_file_that_nobody_else_reads(tmp_path: Path) -> None:
    path, moved = tmp_path / "gitsync.log", tmp_path / "gitsync.log.1"
    mask = os.umask(0)
    try:
        logs.set_up(logging.INFO, path)
        logging.getLogger("gitsync").info("before")
        path.rename(moved)
        logs.reopen()
        logging.getLogger("gitsync").info("after")
    finally:
        os.umask(mask)
        logs.let_go()
    assert [line.split()[-1] for line in moved.read_text().splitlines()] == ["before"]
    assert [line.split()[-1] for line in path.read_text().splitlines()] == ["after"]
    assert {file.stat().st_mode & 0o777 for file in (path, moved)} == {0o600}


def test_a_log_that_was_cut_off_in_place_is_written_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "gitsync.log"
    logs.set_up(logging.INFO, path)
    logging.getLogger("gitsync").info("before")
    os.truncate(path, 0)
    logging.getLogger("gitsync").info("after")
    logs.let_go()
    assert path.read_text().endswith("after\n")
    assert "\0" not in path.read_text()
