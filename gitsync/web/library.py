"""The histories that the page shows: what gitsync watches, and an index of each history, kept up to date.

Pages call it on worker threads. Each index is filled on a further worker thread, which the event loop starts: it owns
it while it is filled, and readers never see half a commit (`gitsync.git.history.outline`).
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import anyio
from anyio import CapacityLimiter, from_thread, to_thread

from gitsync import places
from gitsync.clock import SystemClock
from gitsync.daemon import alone, apart
from gitsync.daemon.handlers import outlines
from gitsync.daemon.handlers.context import Json, Selection
from gitsync.daemon.handlers.moments import View
from gitsync.daemon.handlers.resolve_path import ResolvedPath, locate, whole
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git.history.log import History
from gitsync.git.history.outline import Outline
from gitsync.git.history.outline_file import FILE
from gitsync.git.history.versions import unknown
from gitsync.text import clean

# A page waits so long for an index; then it shows what it can without, and asks again.
PATIENCE_S = 0.06
AGAIN_S = 2.0
# The reading of all histories goes on to the next one after so long.
LONG_S = 20.0


class Library:
    """The way to histories, for one configuration."""

    def __init__(self, config: str | None) -> None:
        self._config = config
        self._outlines: dict[str, Outline] = {}
        self._tasks: dict[str, asyncio.Task[Outline | None]] = {}
        self._beginning: asyncio.Task[None] | None = None
        # A long history is read in another process; others need not wait for it.
        self._few = CapacityLimiter(2)
        self._read_once: set[str] = set()
        # How far a long reading is: the times of its first and its last commit.
        self._progress: dict[str, Json] = {}
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
                    await self._refreshed(place, head, LONG_S)

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
        """Return all histories that can be read; `away` says which cannot."""
        # All of them together are waited for no longer than one.
        clock = SystemClock()
        found, ends_at = [], clock.now() + PATIENCE_S
        for place, _ in self._heads():
            with suppress(GitsyncError):
                found.append(self._viewed(place, max(0.0, ends_at - clock.now())))
        return found

    def away(self) -> dict[str, GitsyncError]:
        """Return the histories that cannot be read now, by name, each with the reason."""
        context, found = self.looking(), {}
        for repo in context.config.repositories:
            try:
                whole(context, repo.name).history()
            except GitsyncError as error:
                found[repo.name] = error
        return found

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
        return from_thread.run(self._refreshed, place, head, patience_s)

    async def _refreshed(self, place: ResolvedPath, head: str, patience_s: float) -> Outline | None:
        """Return the index up to `head`, None where that takes longer than `patience_s` seconds."""
        root = place.root
        task = self._tasks.get(root)
        if task is None or task.done():
            task = self._tasks[root] = asyncio.create_task(self._filled(place, head))
            # A page that waits gets the error; without one, the next page tries again.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # New commits since the last time are read in a moment.
        with anyio.move_on_after(AGAIN_S if root in self._read_once else patience_s):
            return await asyncio.shield(task)
        return None

    async def _filled(self, place: ResolvedPath, head: str) -> Outline | None:
        root = place.root
        # Taken out while it is filled: one that is half-filled after an error would get the same commits again.
        old = self._outlines.pop(root, None)
        kept = places.repository_dir(places.state_dir(), place.configured) / FILE
        try:
            found = await to_thread.run_sync(
                outlines.filled, root, head, old, kept, self._read_apart, self._is_over, limiter=self._few
            )
        finally:
            self._progress.pop(root, None)
        self._outlines[root] = found
        self._read_once.add(root)
        return found

    def _read_apart(self, root: str, head: str, kept: Path) -> None:
        """Have a long history read in a process of its own, and note how far it is."""
        self._progress[root] = {}
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OperationError(f"the index cannot be kept: {error}", code=outlines.NOT_KEPT) from error
        params = {"root": root, "head": head, "place": str(kept)}
        for told in apart.ask(apart.OUTLINE, params, self._config, outlines.READ_S, self._is_over):
            self._progress[root] = told

    def progress(self, root: str) -> Json | None:
        """Return how far a long reading is: the times of the first and of the last commit that was read."""
        return self._progress.get(root) or None

    def close(self) -> None:
        """Have no history read any further."""
        self._has_ended = True

    def _is_over(self) -> bool:
        return self._has_ended
