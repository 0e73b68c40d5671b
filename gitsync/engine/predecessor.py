"""The process of ours that ran here before this one, and what its git may have left when both were killed.

Runs on the exchanger's thread, with that exchanger's memory; owns nothing. git takes its locks away when it is told to
end, but not when it is killed or the power goes: then the lock of a tracking ref stays, and every fetch fails on it.
"""

from __future__ import annotations

import logging
import shlex
from pathlib import Path

from gitsync.clock import Clock
from gitsync.engine.memory import ExchangeMemory
from gitsync.errors import TransientError
from gitsync.git.locks import is_gone, myself
from gitsync.git.translate import clean

logger = logging.getLogger(__name__)

# git holds the lock of a ref for moments (seconds); after a restart of the machine nobody holds one from before.
HELD_S = 10.0


class Predecessor:
    """Tells whether a lock was left by an earlier process that looked at the same remote."""

    def __init__(self, memory: ExchangeMemory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock
        self._began_at = clock.wall()
        found = memory.get("process")
        self._before = found if isinstance(found, dict) else None
        self._is_noted = False

    def note(self, *, is_well: bool) -> None:
        """Leave a note for whoever comes after this process; that of an earlier one stays until a look went well."""
        if not self._is_noted and (is_well or self._before is None):
            self._memory.remember(process={**myself(), "since": self._began_at})
            self._is_noted = is_well

    def clear(self, lock: Path, error: TransientError) -> None:
        """Remove a lock that was provably left over; raise `error`, with the way out, for any other and for none."""
        try:
            made_at = lock.lstat().st_mtime
            if self._has_left(made_at):
                lock.unlink()
                logger.info("removed %s, which was left when an earlier gitsync was killed", clean(str(lock)))
                return
        except OSError:
            raise error from None
        age = self._clock.wall() - made_at
        hint = (
            f"if no git is at work there any more: rm {shlex.quote(clean(str(lock)))}" if age > HELD_S else error.hint
        )
        raise TransientError(error.message, hint, code=error.code) from None

    def _has_left(self, made_at: float) -> bool:
        before = self._before
        if before is None or not is_gone(before) or not isinstance(before.get("since"), int | float):
            return False
        is_of_its_time = float(before["since"]) <= made_at <= self._began_at
        has_restarted = before.get("boot") != myself()["boot"]
        return is_of_its_time and (has_restarted or self._clock.wall() - made_at > HELD_S)
