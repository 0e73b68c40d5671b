"""The log in systemd's journal: each record with its priority, and the repository and the event as fields.

Any thread may log. The protocol is that of systemd's "Native Journal Protocol": one datagram of NAME=value lines, where
a value of several lines is preceded by its length. What cannot be sent that way goes to stderr, with its priority.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import sys
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
# syslog's priorities, as sd-daemon(3) expects them at the beginning of a line.
PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
_OF_EVENT = {"repo": "GITSYNC_REPO", "event": "GITSYNC_EVENT", "code": "GITSYNC_CODE", "commit": "GITSYNC_COMMIT"}
# Threads that work for one repository or job alone are called after it.
_THREADS = ("exchange-", "watch-", "job-")


class JournalHandler(logging.Handler):
    """Sends each record as one entry."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; a record that the journal does not take goes to stderr."""
        text = self.format(record)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.sendto(entry(fields_of(record, text)), str(self._path))
        except OSError:
            priority = priority_of(record.levelno)
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write("".join(f"<{priority}>{line}\n" for line in text.split("\n")))
                sys.stderr.flush()


def priority_of(level: int) -> int:
    """Return syslog's priority of a level."""
    return PRIORITIES.get(level, 6)


def fields_of(record: logging.LogRecord, text: str) -> dict[str, str]:
    """Return the fields of a record's entry."""
    found = {"MESSAGE": text, "PRIORITY": str(priority_of(record.levelno)), "SYSLOG_IDENTIFIER": "gitsync"}
    event = getattr(record, "gitsync_event", None) or {}
    found |= {name: str(event[key]) for key, name in _OF_EVENT.items() if event.get(key)}
    thread = record.threadName or ""
    prefix = next((each for each in _THREADS if thread.startswith(each)), None)
    if prefix is not None and "GITSYNC_REPO" not in found:
        found["GITSYNC_REPO"] = thread.removeprefix(prefix).removesuffix("-reader")
    return found


def entry(fields: dict[str, str]) -> bytes:
    """Return the datagram for these fields."""
    parts = []
    for name, value in fields.items():
        data = value.encode("utf-8", "backslashreplace")
        if b"\n" in data:
            parts.append(name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n")
        else:
            parts.append(name.encode() + b"=" + data + b"\n")
    return b"".join(parts)
