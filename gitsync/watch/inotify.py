"""A watchdog emitter for Linux that watches only directories that matter, and is fast enough to lose no event.

Runs on its own thread (`run`), which owns the inotify descriptor, the tree of watches and the result of the prune
factory; it sleeps in poll without a timeout. `refresh_ignores` and `stop` may be called from any thread.

Each read becomes one `Hints` in watchdog's queue. Names are collected, files never opened. Events are hints: after any
event about a directory, its current state is examined (see `gitsync.watch.tree`).
"""

from __future__ import annotations

import errno
import os
import select
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

from watchdog.events import FileSystemEvent
from watchdog.observers.api import EventEmitter, EventQueue, ObservedWatch

from gitsync.errors import GitsyncError
from gitsync.model import Problem
from gitsync.watch import syscalls
from gitsync.watch.digest import Digest
from gitsync.watch.directories import Prune, directories, rest
from gitsync.watch.hints import Hints, unreadable
from gitsync.watch.limits import Shortage, shortage
from gitsync.watch.rulefiles import RuleFiles, RuleWatches, no_files
from gitsync.watch.syscalls import Inotify, Wake
from gitsync.watch.tree import OutOfWatchesError, RootVanishedError, WatchTree

# After a few events the next read waits: a file written a thousand times a second then costs a hundred reads. The first
# wait after a lull is short, because a single save is a write and a close, and its quiet period begins when the close
# is read. After a flood there is no wait, because the kernel's queue is finite.
# The first wait after a lull is short, because a single save is a write and a close, and its quiet period begins when
# the close is seen. After a flood there is no wait, for the kernel's queue is finite.
FIRST_PAUSE_MS, PAUSE_MS = 1, 10
LULL_MS = 100
FLOOD = 2000


class InotifyEmitter(EventEmitter):
    """Watches one work tree through one inotify descriptor.

    The result of the start is put into `ready` once: None when every directory is watched, else the error.
    """

    def __init__(
        self,
        event_queue: EventQueue,
        watch: ObservedWatch,
        *,
        timeout: float = 1.0,
        event_filter: list[type[FileSystemEvent]] | None = None,
        prune_factory: Callable[[], Prune],
        ready: SimpleQueue[Exception | Shortage | None],
        rule_files: RuleFiles = no_files,
        max_watches: int | None = None,
    ) -> None:
        super().__init__(event_queue, watch, timeout=timeout, event_filter=event_filter)
        self._prune_factory = prune_factory
        self._rule_files = rule_files
        self._ready = ready
        self._max_watches = max_watches
        self._root_text = watch.path
        self._root = os.fsencode(watch.path)
        self._wake = Wake()
        self._backlog: deque[bytes] = deque()
        self._wants_refresh = False
        self.is_over = False
        self.watch_count = 0
        self.problems: tuple[Problem, ...] = ()

    def refresh_ignores(self) -> None:
        """Request that ignore rules and all directories are examined again."""
        self._wants_refresh = True
        self._wake.ring()

    def on_thread_stop(self) -> None:
        """Wake the thread, so that it notices the request to stop."""
        self._wake.ring()

    def run(self) -> None:
        """Watch until stopped, or until the root vanishes or the kernel refuses a watch."""
        outcome: Exception | Shortage | None = OSError("it ended before it was started")
        reason = "the watcher has died"
        try:
            inotify = Inotify()
        except OSError as error:
            self.is_over = True
            self._ready.put(shortage(error.errno or 0))
            return
        digest: Digest | None = None
        tree: WatchTree | None = None
        try:
            rules = RuleWatches(inotify, self._rule_files)
            rules.cover(())  # before the rules are read
            tree = WatchTree(self._root, inotify, self._prune_factory(), lambda: self._pull(inotify), self._max_watches)
            tree.rebuild()
            digest = Digest(tree)
            rest(tree.prune)
            self._publish(tree)
            self._ready.put(None)
            self._watch_on(inotify, tree, digest, rules)
            reason = ""
        except RootVanishedError as error:
            reason, outcome = "root vanished", error
        except OutOfWatchesError:
            reason = "inotify limit reached"
            needed = 1 + sum(1 for _ in directories(self._root, tree.prune)) if tree is not None else 0
            outcome = shortage(errno.ENOSPC, needed, self._max_watches)
        except (GitsyncError, OSError) as error:
            reason, outcome = f"the watcher has died: {error}", error
        finally:
            # Before the last batch: its receiver must see that the watcher has ended.
            self.is_over = True
            if digest is None:
                self._ready.put(outcome)
            else:
                if reason:
                    digest.reasons.add(reason)
                self._hand_over(digest)
            if tree is not None:
                rest(tree.prune)
            inotify.close()

    def _watch_on(self, inotify: Inotify, tree: WatchTree, digest: Digest, rules: RuleWatches) -> None:
        all_news, wake_only = select.poll(), select.poll()
        all_news.register(inotify.fd, select.POLLIN)
        all_news.register(self._wake.fd, select.POLLIN)
        wake_only.register(self._wake.fd, select.POLLIN)
        pause = FIRST_PAUSE_MS
        while self.should_keep_running():
            if not self._backlog and not all_news.poll(LULL_MS):
                pause = FIRST_PAUSE_MS
                all_news.poll()
            self._wake.clear()
            if self._take(inotify, tree, digest, rules) < FLOOD and self.should_keep_running():
                wake_only.poll(pause)
                pause = min(2 * pause, PAUSE_MS)
        # Changes made before the stop are still noted.
        self._take(inotify, tree, digest, rules)

    def _take(self, inotify: Inotify, tree: WatchTree, digest: Digest, rules: RuleWatches) -> int:
        """Read the kernel's queue, publish the hints as one batch, and return the number of events."""
        self._pull(inotify)
        count = 0
        while self._backlog:
            events = syscalls.parse(self._backlog.popleft())
            count += len(events)
            digest.feed(events)
            if rules.are_touched_by(events):
                self._wants_refresh = True
        if tree.is_doubtful:
            tree.rebuild()
            digest.reasons.add("the tree of watches may be inconsistent")
        if digest.is_stale or self._wants_refresh:
            # Cleared first: a request that arrives while this runs is processed again.
            self._wants_refresh = False
            rules.cover(tree.nodes.keys())
            rest(tree.prune)
            tree.prune = self._prune_factory()
            tree.rebuild()
            digest.reasons.add("ignore rules changed")
        rest(tree.prune)
        self._publish(tree)
        self._hand_over(digest)
        return count

    def _pull(self, inotify: Inotify) -> None:
        """Move the kernel's queue into a queue of gitsync's own, which does not overflow."""
        while data := inotify.read():
            self._backlog.append(data)

    def _publish(self, tree: WatchTree) -> None:
        self.watch_count = len(tree.nodes)
        if tree.problems or self.problems:
            self.problems = tuple(unreadable(path, why) for path, why in sorted(tree.problems.items()))

    def _hand_over(self, digest: Digest) -> None:
        if digest.paths or digest.trees or digest.reasons:
            self.queue_event(Hints(self._root_text, digest.paths, digest.trees, digest.reasons))
        digest.empty()
