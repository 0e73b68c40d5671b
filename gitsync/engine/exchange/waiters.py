"""Those who asked for an exchange, and which cycle answers them.

Runs on the exchanger's thread.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

# A lock is held for moments, here or over there: so many failures for that reason are followed by another try while
# somebody waits. A lock that stays is reported then.
MOMENTARY, OUTWAITED = frozenset({"locked", "remote-locked"}), 2


class Waiters:
    """Who asked for an exchange: the cycle under way answers those who asked before it looked at the remote.

    Who asked later is answered by the next cycle, since this one may have missed what they know of.
    """

    def __init__(self) -> None:
        self._now: list[Future[Any]] = []
        self._next: list[tuple[Future[Any], str]] = []
        self._outwaited = 0

    @property
    def is_empty(self) -> bool:
        """Whether the cycle under way was not asked for."""
        return not self._now

    def add(self, future: Future[Any], direction: str, *, is_late: bool) -> None:
        """Note who asks; late is who came when the cycle under way had looked at the remote already."""
        if is_late:
            self._next.append((future, direction))
        else:
            self._now.append(future)

    def answer(self, code: str = "") -> list[str]:
        """Answer those whose cycle has ended; return which directions the others need a cycle for.

        `code` says why it failed: what is over in a moment answers nobody yet.
        """
        self._outwaited = self._outwaited + 1 if code in MOMENTARY and self._now else 0
        if 0 < self._outwaited <= OUTWAITED:
            return []
        directions = [direction for _, direction in self._next]
        done, self._now, self._next = self._now, [future for future, _ in self._next], []
        for future in done:
            if not future.done():
                future.set_result(None)
        return directions

    def answer_all(self) -> None:
        """Answer those too who wait for a cycle of their own: there will be none for now."""
        while self.answer():
            pass
