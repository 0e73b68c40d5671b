"""Those who asked for an exchange, and which cycle answers them.

Runs on the exchanger's thread.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any


class Waiters:
    """Who asked for an exchange: the cycle under way answers those who asked before it looked at the remote.

    Who asked later is answered by the next cycle, since this one may have missed what they know of.
    """

    def __init__(self) -> None:
        self._now: list[Future[Any]] = []
        self._next: list[tuple[Future[Any], str]] = []

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

    def answer(self) -> list[str]:
        """Answer those whose cycle has ended; return which directions the others need a cycle for."""
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
