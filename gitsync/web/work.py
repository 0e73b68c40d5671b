"""Work that takes longer than a page may: it goes on by itself, is shown as such, and can be cancelled.

Begun and waited for by pages, on their worker threads; done on others. The event loop, on which the tasks are, and the
dictionary's own operations are all that is shared.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio import from_thread, to_thread

from gitsync.clock import SystemClock
from gitsync.errors import UsageError

MOST = 20
# How long the end of the process may be noticed late.
SLICE_S = 0.25

Function = Callable[[Callable[[], bool]], Any]


@dataclass(slots=True)
class Work:
    """A piece of work: `back` is the page to go to when it is cancelled, "" where it cannot be.

    `about` names the repository whose state tells how far it is.
    """

    label: str
    back: str = ""
    about: str = ""
    word: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    began_at: float = field(default_factory=lambda: SystemClock().now())
    _is_cancelled: bool = False
    _has_ended: Callable[[], bool] = lambda: False
    _task: asyncio.Task[Any] | None = None

    def begin(self, function: Function, has_ended: Callable[[], bool]) -> None:
        """Begin; the function gets another one, which says that nobody waits any more. On the event loop's thread.

        `has_ended` says that the process ends.
        """
        self._has_ended = has_ended
        # A thread that only waits for an answer of the daemon keeps no page.
        run = to_thread.run_sync(function, self.is_over, abandon_on_cancel=True)
        self._task = asyncio.ensure_future(run)
        self._task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def wait(self, patience_s: float) -> bool:
        """Wait so long for its end, and return whether it has ended. On the event loop's thread."""
        assert self._task is not None
        with anyio.move_on_after(patience_s):
            await asyncio.wait([self._task])
        return self._task.done()

    def is_done(self, patience_s: float = 0) -> bool:
        """Return whether it has ended, or does so in time. On a worker thread."""
        left = patience_s
        while not from_thread.run(self.wait, min(left, SLICE_S)):
            left -= SLICE_S
            if left <= 0 or self.is_over():
                return False
        return True

    def result(self) -> Any:
        """Return what came of it, once it is done; raise what it raised."""
        assert self._task is not None
        return self._task.result()

    def is_over(self) -> bool:
        """Return whether nobody waits for it any more."""
        return self._is_cancelled or self._has_ended()

    def cancel(self) -> None:
        """Have it end as soon as it can."""
        self._is_cancelled = True


class Works:
    """What is worked on, and what was done and may be looked at again."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Work, Callable[[Any], Any]]] = {}
        self._busy: list[str] = []
        self._is_over = False

    @property
    def is_busy(self) -> bool:
        """Whether a thread is at work, wanted or not."""
        return bool(self._busy)

    def begin(self, work: Work, function: Function) -> None:
        """Begin a piece of work; called on a worker thread."""

        def counted(is_over: Callable[[], bool]) -> Any:
            self._busy.append(work.word)
            try:
                return function(is_over)
            finally:
                self._busy.remove(work.word)

        from_thread.run_sync(work.begin, counted, lambda: self._is_over)

    def keep(self, work: Work, show: Callable[[Any], Any]) -> None:
        """Keep it; `show` makes a response of its result."""
        while len(self._kept) >= MOST:
            self._kept.pop(next(iter(self._kept)), None)
        self._kept[work.word] = work, show

    def get(self, word: str) -> tuple[Work, Callable[[Any], Any]]:
        """Return what was kept; raise UsageError where there is nothing."""
        work, show = self._kept.get(word) or (None, None)
        if work is None or show is None or work.is_over():
            raise UsageError("this is not worked on any more", "begin at the overview")
        return work, show

    def close(self) -> None:
        """Have everything end as soon as it can."""
        self._is_over = True
