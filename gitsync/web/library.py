"""The histories that the page shows: what gitsync watches, and an index of each history, kept up to date.

Pages call it on worker threads. The indexes are filled on one further worker thread, which the event loop starts: it
owns them while they are filled, and readers never see half a commit (`gitsync.git.history.outline`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
from anyio import CapacityLimiter, from_thread, to_thread

from gitsync.daemon import alone
from gitsync.daemon.handlers.context import Selection
from gitsync.daemon.handlers.moments import View
from gitsync.daemon.handlers.resolve_path import ResolvedPath, locate, whole
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git.history.log import History
from gitsync.git.history.outline import LOG, Outline
from gitsync.git.history.versions import unknown
from gitsync.text import clean

# A page waits so long for an index; then it shows what it can without, and asks again.
PATIENCE_S = 0.06
AGAIN_S = 2.0
# A page that is nothing without the index waits longer.
LONG_S = 20.0
READ_S = 3600.0


class Library:
    """The way to histories, for one configuration."""

    def __init__(self, config: str | None) -> None:
        self._config = config
        self._outlines: dict[str, Outline] = {}
        self._tasks: dict[str, asyncio.Task[Outline | None]] = {}
        self._beginning: asyncio.Task[None] | None = None
        self._one = CapacityLimiter(1)
        self._read_once: set[str] = set()
        self._has_ended = False

    def looking(self) -> Selection:
        """Return what handlers need that only read."""
        return alone.looking(self._config)

    def names(self) -> list[str]:
        """Return the names of what has a history: the repositories, and the mirror of home files."""
        return [repo.name for repo in self.looking().config.repositories]

    def place(self, repo: str, path: str = "") -> ResolvedPath:
        """Return a place in a watched repository; raise UsageError for any other, as one above its top."""
        context = self.looking()
        top = whole(context, repo)
        if not path:
            return top
        found = locate(context, os.path.normpath(f"{top.above}/{path}"))
        if found.repo != top.repo:
            raise UsageError(f"{clean(path)} is not in {repo}", "choose it on the page", code="outside")
        return found

    def begin(self) -> None:
        """Read the histories in the background, one after the other; called on the event loop's thread."""
        if self._beginning is None:
            self._beginning = asyncio.create_task(self._read_all())

    async def _read_all(self) -> None:
        try:
            heads = await to_thread.run_sync(self._heads)
        except GitsyncError:  # the configuration has a fault, which each page says
            self._beginning = None
            return
        for place, head in heads:
            if head is not None:
                with suppress(GitsyncError):
                    await self._refreshed(place.root, head, LONG_S)

    def _heads(self) -> list[tuple[ResolvedPath, str | None]]:
        """Return the places that can be read, each with its HEAD; the overview says what is wrong with the others."""
        context = self.looking()
        found = []
        for repo in context.config.repositories:
            with suppress(GitsyncError):
                place = whole(context, repo.name)
                found.append((place, place.history().head()))
        return found

    def view(self, repo: str, path: str = "", patience_s: float = PATIENCE_S) -> View:
        """Return a place with its history, and with the index where there is one in time."""
        found = self._viewed(self.place(repo, path), patience_s)
        if found.outline is not None and not found.outline.knows(found.place.path):
            raise unknown(found.history, found.place.path)
        return found

    def everything(self) -> list[View]:
        """Return all histories."""
        context = self.looking()
        return [self._viewed(whole(context, repo.name), PATIENCE_S) for repo in context.config.repositories]

    def _viewed(self, place: ResolvedPath, patience_s: float) -> View:
        history = place.history()
        return View(place, history, self._outline(place, history, patience_s))

    def _outline(self, place: ResolvedPath, history: History, patience_s: float) -> Outline | None:
        head = history.head()
        known = self._outlines.get(place.root)
        if head is None:
            return Outline()
        if known is not None and known.head == head:
            return known
        return from_thread.run(self._refreshed, place.root, head, patience_s)

    async def _refreshed(self, root: str, head: str, patience_s: float) -> Outline | None:
        """Return the index up to `head`, None where that takes longer than `patience_s` seconds."""
        task = self._tasks.get(root)
        if task is None or task.done():
            task = self._tasks[root] = asyncio.create_task(self._filled(root, head))
            # A page that waits gets the error; without one, the next page tries again.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # New commits since the last time are read in a moment.
        with anyio.move_on_after(AGAIN_S if root in self._read_once else patience_s):
            return await asyncio.shield(task)
        return None

    async def _filled(self, root: str, head: str) -> Outline | None:
        # Taken out while it is filled: one that is half-filled after an error would get the same commits again.
        old = self._outlines.pop(root, None)
        found = await self._in_thread(filled, root, head, old, self._is_over)
        self._outlines[root] = found
        self._read_once.add(root)
        return found

    def close(self) -> None:
        """Have no history read any further."""
        self._has_ended = True

    def _is_over(self) -> bool:
        return self._has_ended

    async def _in_thread(self, function: Callable[..., Outline], *arguments: Any) -> Outline:
        return await to_thread.run_sync(function, *arguments, limiter=self._one)


def filled(root: str, head: str, old: Outline | None, is_over: Callable[[], bool]) -> Outline:
    """Return the index of a history up to `head`: the old one with what came since, else a new one.

    Raise OperationError "abandoned" when `is_over` says so.
    """
    history = History(root)
    is_further = old is not None and history.try_ask("merge-base", "--is-ancestor", old.head, head) is not None
    outline = old if old is not None and is_further else Outline()
    since = [f"^{outline.head}"] if outline.head else []
    for data in history.program.stream(*LOG, head, *since, "--", deadline_s=READ_S):
        if is_over():
            raise OperationError(f"{root} is not read any further", code="abandoned")
        outline.feed(data)
    outline.finish(head)
    return outline
