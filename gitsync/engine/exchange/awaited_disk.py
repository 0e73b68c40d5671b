"""Waits for the disk that a remote is on, at the cost of a few system calls now and then.

Runs on the exchanger's thread.
"""

from __future__ import annotations

from gitsync.engine.exchange.halt_reasons import not_mounted
from gitsync.engine.exchange.remote_branch import RemoteBranch
from gitsync.engine.memory import ExchangeMemory
from gitsync.model import Problem
from gitsync.text import clean

# While a disk is not mounted, the remote's address is read this often (seconds): it may be another one by now.
WHOLE_LOOK_S = 60.0


class AwaitedDisk:
    """The disk of one exchange's remote, while it is not mounted."""

    def __init__(self) -> None:
        self._is_missing = False
        self._look_whole_at = 0.0

    def problem(self, place: RemoteBranch | None, memory: ExchangeMemory, now: float) -> Problem | None:
        """Return the problem of a remote whose disk is not mounted."""
        missing = place.missing_disk(was_there=memory.known(place.key) is not None) if place is not None else None
        self._is_missing, self._look_whole_at = missing is not None, now + WHOLE_LOOK_S
        if place is None or missing is None:
            return None
        return not_mounted(place.config.name, place.name, clean(str(missing)))

    def is_still_missing(self, place: RemoteBranch | None, now: float) -> bool:
        """Whether there is nothing to be done, because the disk is still not mounted."""
        if not self._is_missing or place is None or now >= self._look_whole_at:
            return False
        return place.missing_disk(was_there=True) is not None
