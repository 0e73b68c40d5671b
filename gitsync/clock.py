"""The only module that reads the time. Everything below it takes times as arguments.

Intervals are measured on the monotonic clock, in seconds; times that people see are UTC wall-clock times.
"""

from __future__ import annotations

import time

# typing is not imported: it takes 3 ms with datetime, and the control command runs for every shell prompt.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> float:
        """Return the monotonic time in seconds."""

    def wall(self) -> float:
        """Return seconds since the epoch."""


class SystemClock:
    """The system's clocks."""

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Return seconds since the epoch."""
        return time.time()


def iso(wall: float) -> str:
    """Return the time `wall` (seconds since the epoch) as ISO 8601 in UTC, to the second."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")


def parse_iso(text: str) -> float:
    """Return the seconds since the epoch of an ISO 8601 time. Raise ValueError for anything else."""
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def parse_http(text: str) -> float | None:
    """Return the seconds since the epoch of a date in HTTP format, None for anything else."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text.strip()).timestamp()
    except ValueError:
        return None


def local_offset_minutes(wall: float) -> int:
    """Return the local time zone's offset from UTC at `wall`, in minutes, as git commits store it."""
    from datetime import UTC, datetime

    offset = datetime.fromtimestamp(wall, UTC).astimezone().utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60


def local(wall: float) -> str:
    """Return the time `wall` in the local time zone, as "2026-02-03 14:05:06"."""
    return iso(wall + 60 * local_offset_minutes(wall))[:19].replace("T", " ")


def boot_offset() -> float:
    """Return the difference of wall clock and monotonic clock; it jumps after a sleep or when the clock is set."""
    return time.time() - time.monotonic()


def sleep(seconds: float) -> None:
    """Wait in a program's foreground; the daemon's threads must not call this for longer than a moment."""
    time.sleep(seconds)
