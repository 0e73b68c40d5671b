"""Sets up logging: to stderr in the foreground (the journal, a terminal or a pipe), to a file when detached.

INFO is for users, one line per commit, pull, push and state; DEBUG for developers. Secrets in URLs are removed and
control characters escaped before anything is written.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TextIO

from gitsync.daemon.journal import SOCKET, JournalHandler, priority_of
from gitsync.errors import UsageError
from gitsync.redaction import redact
from gitsync.text import escape

LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
FILE_BYTES = 5_000_000
FILES_KEPT = 3
DATES = "%Y-%m-%d %H:%M:%S"


COLOURS = {"CRITICAL": "1;31", "ERROR": "31", "WARNING": "33", "DEBUG": "2"}


class _SafeFormatter(logging.Formatter):
    """Removes secrets and escapes control characters in the complete text of a record."""

    def format(self, record: logging.LogRecord) -> str:
        text = redact(super().format(record))
        # A traceback keeps its line breaks.
        return "\n".join(escape(line) for line in text.split("\n")) if record.exc_info else escape(text)


class _ColourFormatter(_SafeFormatter):
    """Adds colour to warnings and errors, for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        text, colour = super().format(record), COLOURS.get(record.levelname)
        return text if colour is None else f"\x1b[{colour}m{text}\x1b[0m"


def level_for(configured: str, verbose: int, quiet: bool) -> int:
    """Return the level: `-v` shows details for developers, `-q` problems only, else the configured one."""
    if quiet:
        return logging.WARNING
    return logging.DEBUG if verbose else LEVELS[configured]


def set_up(
    level: int, log_file: Path | None, *, file_bytes: int = FILE_BYTES, journal: Path = SOCKET
) -> logging.Handler:
    """Send the log to `log_file`, or to stderr without one. Raise UsageError when the file cannot be written."""
    let_go()
    handler: logging.Handler
    if log_file is None and is_journal(sys.stderr):
        handler = JournalHandler(journal)
    elif log_file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        # Imported late: the foreground does not need it, and it would delay the start by 10 ms.
        from gitsync.daemon.log_file import PrivateFileHandler

        try:
            log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handler = PrivateFileHandler(
                log_file, maxBytes=file_bytes, backupCount=FILES_KEPT, encoding="utf-8", errors="backslashreplace"
            )
        except OSError as error:
            raise UsageError(
                f"cannot write the log file {log_file}: {error.strerror}", "choose another one with --log-file"
            ) from error
    handler.setFormatter(_formatter(level, is_file=log_file is not None))
    # A full disk must not cause a traceback on stderr for every line.
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.addHandler(handler)
    # Info and debug messages of libraries are left out: they may contain secrets.
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("gitsync").setLevel(level)
    return handler


def set_level(level: int) -> None:
    """Change the level of the log that was set up."""
    root = logging.getLogger()
    for handler in root.handlers:
        handler.setFormatter(_formatter(level, is_file=isinstance(handler, logging.FileHandler)))
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("gitsync").setLevel(level)


def let_go() -> None:
    """Close the log's handlers.

    To be called before descriptors are closed: a log file that is garbage-collected later closes its descriptor number
    again, which may belong to another file by then.
    """
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        if isinstance(old, logging.FileHandler):
            old.close()


def reopen() -> None:
    """Open the log file again, because another program (logrotate) has renamed it."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.close()  # the next message opens it again


def _formatter(level: int, *, is_file: bool) -> logging.Formatter:
    # Developers need to know the thread and the module.
    story = "%(message)s" if level > logging.DEBUG else "[%(threadName)s %(name)s] %(message)s"
    if is_file:
        return _SafeFormatter(f"%(asctime)s %(levelname)-7s {story}", DATES)
    if is_journal(sys.stderr):
        return _SafeFormatter(story)  # the journal adds time, program and priority
    if not sys.stderr.isatty():
        return _SafeFormatter(f"%(levelname)-7s {story}")  # the reader adds the time: a container, a supervisor
    wants_colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    return (_ColourFormatter if wants_colour else _SafeFormatter)(f"%(asctime)s %(levelname)-7s {story}", DATES)


def complain(level: int, line: str) -> None:
    """Print a line on stderr before there is a log, or beside it; in the journal it has its priority."""
    prefix = f"<{priority_of(level)}>" if is_journal(sys.stderr) else ""
    if sys.stderr is not None:
        sys.stderr.write(f"{prefix}{line}\n")


def is_journal(stream: TextIO) -> bool:
    """Whether `stream` is connected to journald (systemd.exec(5), $JOURNAL_STREAM)."""
    try:
        facts = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{facts.st_dev}:{facts.st_ino}"
