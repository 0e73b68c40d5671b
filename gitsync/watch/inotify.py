"""A watchdog emitter for Linux that watches only directories that matter, and is fast enough to lose no event.

It has no thread: all emitters share one inotify instance and its reader (see `gitsync.watch.shared`), and what an
emitter does with the events is done on its observer's thread, which owns the tree of watches and the result of the
prune factory. So a work tree that takes long, or hangs, holds up no other. `refresh_ignores` and `stop` may be called
from any thread.

The events since the last look become one `Hints`. Names are collected, files never opened. Events are hints: after any
event about a directory, its current state is examined (see `gitsync.watch.tree`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from queue import SimpleQueue

from watchdog.events import FileSystemEvent
from watchdog.observers.api import EventEmitter, EventQueue, ObservedWatch

from gitsync.errors import GitsyncError
from gitsync.model import Problem
from gitsync.watch.digest import Digest
from gitsync.watch.directories import Prune, directories, rest
from gitsync.watch.hints import Hints, Work, unreadable
from gitsync.watch.limits import Shortage, shortage
from gitsync.watch.rulefiles import RuleFiles, RuleWatches, no_files
from gitsync.watch.shared import Listener, SharedInotify
from gitsync.watch.tree import OutOfWatchesError, RootVanishedError, WatchTree


class InotifyEmitter(EventEmitter):
    """Watches one work tree through the shared inotify instance.

    The result of the start is put into `ready` once: None when every directory is watched, else the error.
    """

    def __init__(
        self,
        event_queue: EventQueue,
        watch: ObservedWatch,
        *,
        timeout: float = 1.0,
        event_filter: list[type[FileSystemEvent]] | None = None,
        inotify: SharedInotify,
        prune_factory: Callable[[], Prune],
        ready: SimpleQueue[Exception | Shortage | None],
        rule_files: RuleFiles = no_files,
        max_watches: int | None = None,
    ) -> None:
        super().__init__(event_queue, watch, timeout=timeout, event_filter=event_filter)
        self._inotify = inotify
        self._prune_factory = prune_factory
        self._rule_files = rule_files
        self._ready = ready
        self._max_watches = max_watches
        self._root_text = watch.path
        self._root = os.fsencode(watch.path)
        self._listeners: tuple[Listener, ...] = ()
        self._rules: RuleWatches | None = None
        self._digest: Digest | None = None
        self._tree: WatchTree | None = None
        self._wants_refresh = False
        self.is_over = False
        self.watch_count = 0
        self.problems: tuple[Problem, ...] = ()

    def start(self) -> None:
        """Have the observer's thread begin."""
        self.queue_event(Work(self._root_text, self._begin))

    def is_alive(self) -> bool:
        """Whether changes are noted."""
        return not self.is_over

    def join(self, timeout: float | None = None) -> None:
        """Return at once: there is no thread to wait for."""

    def on_thread_stop(self) -> None:
        """Have the changes until now noted, and the watches removed, by the observer's thread."""
        for listener in self._listeners:
            listener.pull()
        self.queue_event(Work(self._root_text, self._finish))

    def refresh_ignores(self) -> None:
        """Request that ignore rules and all directories are examined again."""
        self._wants_refresh = True
        self._ring()

    def close(self) -> None:
        """Take no more events; any thread."""
        self.is_over = True
        for listener in self._listeners:
            listener.close()

    def _ring(self) -> None:
        self.queue_event(Work(self._root_text, self._look))

    def _begin(self) -> None:
        """Watch every directory, and report the outcome."""
        outcome: Exception | Shortage | None = OSError("it ended before it was started")
        try:
            outcome = self._listen() or self._cover()
        except (RootVanishedError, GitsyncError, OSError) as error:
            outcome = error
        finally:
            if outcome is not None:
                self._end()
            self._ready.put(outcome)

    def _listen(self) -> Shortage | None:
        try:
            listener = self._inotify.listen(self._ring)
            self._listeners = (listener, self._inotify.listen(self._ring))
        except OSError as error:
            return shortage(error.errno or 0)
        return None

    def _cover(self) -> Shortage | None:
        own, beside = self._listeners
        self._rules = RuleWatches(beside, self._rule_files)
        self._rules.cover()  # before the rules are read
        tree = self._tree = WatchTree(self._root, own, self._prune_factory(), own.pull, self._max_watches)
        try:
            tree.rebuild()
        except OutOfWatchesError:
            needed = 1 + sum(1 for _ in directories(self._root, tree.prune))
            return shortage(errno.ENOSPC, needed, self._max_watches)
        self._digest = Digest(tree)
        rest(tree.prune)
        self._publish(tree)
        return None

    def _look(self) -> Hints | None:
        """Return what the events since the last look say; end when the root vanished or the kernel refuses a watch."""
        if self.is_over or self._digest is None or self._tree is None:
            return None
        reason = ""
        try:
            self._take(self._tree, self._digest)
        except RootVanishedError:
            reason = "root vanished"
        except OutOfWatchesError:
            reason = "inotify limit reached"
        except (GitsyncError, OSError) as error:
            reason = f"the watcher has died: {error}"
        if reason:
            self._digest.reasons.add(reason)
            self._end()  # before the hints are noted: their receiver must see it
        return self._hints(self._digest)

    def _finish(self) -> Hints | None:
        hints = self._look()
        self._end()
        return hints

    def _end(self) -> None:
        self.close()
        if self._tree is not None:
            rest(self._tree.prune)

    def _take(self, tree: WatchTree, digest: Digest) -> None:
        if self._rules is not None and self._rules.are_touched():
            self._wants_refresh = True
        digest.feed(self._listeners[0].take())
        if tree.is_doubtful:
            tree.rebuild()
            digest.reasons.add("the tree of watches may be inconsistent")
        if digest.is_stale or self._wants_refresh:
            # Cleared first: a request that arrives while this runs is processed again.
            self._wants_refresh = False
            if self._rules is not None:
                self._rules.cover()
            rest(tree.prune)
            tree.prune = self._prune_factory()
            tree.rebuild()
            digest.reasons.add("ignore rules changed")
        rest(tree.prune)
        self._publish(tree)

    def _publish(self, tree: WatchTree) -> None:
        self.watch_count = len(tree.nodes)
        if tree.problems or self.problems:
            self.problems = tuple(unreadable(path, why) for path, why in sorted(tree.problems.items()))

    def _hints(self, digest: Digest) -> Hints | None:
        hints = Hints(self._root_text, digest.paths, digest.trees, digest.reasons)
        digest.empty()
        return hints
