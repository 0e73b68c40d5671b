"""Bounds the time that a regular expression may take for one content: some need years for a line of fifty letters.

The bound is a signal, which Python's own matching heeds, and which only the main thread of a process can have: that of
a process of its own (`gitsync.daemon.reads`), and of the control command.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TypeVar

from gitsync.errors import UsageError

LIMIT_S = 5.0

T = TypeVar("T")


def limit() -> None:
    """Bound all matching in this process; called on its main thread."""
    signal.signal(signal.SIGALRM, _over)


def in_time(match: Callable[[], T], limit_s: float = LIMIT_S) -> T:
    """Return what `match` returns; raise UsageError "pattern" where that takes too long, and there is a bound."""
    if signal.getsignal(signal.SIGALRM) is not _over:
        return match()
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        return match()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _over(number: int, frame: object) -> None:
    raise UsageError(
        f"the regular expression takes more than {LIMIT_S:.0f} s for one file",
        "write it without a repetition inside a repetition, or look for a part of it as a plain word",
        code="pattern",
    )
