"""Those who asked for an exchange and wait until it is done. On the exchanger's thread; their futures are anybody's."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any


class Askers:
    """Whom the cycle under way answers, and whom only the next one does."""

    def __init__(self) -> None:
        self._now: list[Future[Any]] = []
        self._next: list[Future[Any]] = []

    def add(self, future: Future[Any], *, is_late: bool) -> None:
        """Note who asks; late is who came when the cycle under way had looked at the remote already."""
        (self._next if is_late else self._now).append(future)

    def answer(self) -> bool:
        """Answer those whose cycle has ended; return whether the others need one of their own."""
        done, self._now, self._next = self._now, self._next, []
        for future in done:
            if not future.done():
                future.set_result(None)
        return bool(self._now)

    def answer_all(self) -> None:
        """Answer those too who wait for a cycle of their own: there will be none for now."""
        while self.answer():
            pass
