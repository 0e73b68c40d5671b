"""Watches one work tree in the best way that the machine allows, and reports when that is not native watching.

The owner's thread calls the methods; the observer's thread (`watch-NAME`) finds the hints and notes them in the buffer.
Owns that thread, and the thread `watch-NAME-reader` where the tree is polled. The owner of the Watcher checks
`is_alive` after a rescan was noted (every failure notes one), and creates a new Watcher.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal, cast

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver, EventDispatcher, EventEmitter

from gitsync.clock import SystemClock
from gitsync.errors import GitsyncError, OperationError
from gitsync.model import Problem
from gitsync.watch.buffer import ChangeBuffer
from gitsync.watch.directories import Prune
from gitsync.watch.hints import Hints, Work
from gitsync.watch.limits import Shortage
from gitsync.watch.polling import PollingEmitter
from gitsync.watch.portable import EVENTS, Translator
from gitsync.watch.rulefiles import RuleFiles, no_files
from gitsync.watch.shared import SharedInotify

logger = logging.getLogger(__name__)

Kind = Literal["native", "polling"]
IS_LINUX: bool = sys.platform == "linux"
_Ready = SimpleQueue[Exception | Shortage | None]


class Watcher:
    """Notes changes below `root` in `buffer`; `mode` is auto, native or polling.

    `prune_factory` and `rule_files` are called on the thread that uses their result; `rule_files` returns further files
    that the prune function depends on, so that their changes are detected. `inotify` is shared with others.
    `max_watches` overrides the kernel's limit.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        buffer: ChangeBuffer,
        prune_factory: Callable[[], Prune],
        mode: str = "auto",
        *,
        rule_files: RuleFiles = no_files,
        inotify: SharedInotify | None = None,
        max_watches: int | None = None,
        has_inotify: bool = IS_LINUX,
    ) -> None:
        self._name = name
        self._has_inotify = has_inotify
        # watchdog refuses a root that is a symbolic link; links are not followed anywhere in the tree.
        self._root = Path(os.path.realpath(root))
        self._buffer = buffer
        self._prune_factory = prune_factory
        self._rule_files = rule_files
        self._mode = mode
        self._inotify = inotify or SharedInotify()
        self._max_watches = max_watches
        self._handler = _Handler(name, str(self._root), buffer, prune_factory)
        self._observer: BaseObserver | None = None
        self._emitter: Any = None
        self.kind: Kind = "polling" if mode == "polling" else "native"
        self.hint = ""

    def start(self, timeout_s: float = 600.0) -> None:
        """Return when everything is watched: changes from now on are noted, earlier ones are not.

        Falls back to polling, with a hint, when the kernel refuses. Raise OperationError when the root does not exist
        or the watches are not established in time, and any GitsyncError of the prune factory.
        """
        if not self._root.is_dir():
            raise self._vanished()
        outcome: Exception | Shortage | None = None
        if self.kind == "native":
            outcome = self._start_native(timeout_s)
            if isinstance(outcome, Shortage):
                logger.warning("%s is watched by polling: %s", self._name, outcome.hint)
                self.hint, self.kind = outcome.hint, "polling"
        if self.kind == "polling":
            outcome = self._launch(PollingEmitter, timeout_s)
        if isinstance(outcome, Exception):
            self.stop(0.0)
            if isinstance(outcome, GitsyncError):
                raise outcome
            if not self._root.is_dir():
                raise self._vanished() from outcome
            raise OperationError(f"cannot watch {self._root}: {outcome}") from outcome

    def stop(self, timeout_s: float) -> bool:
        """Note all changes up to now, then stop; return whether the threads ended within `timeout_s` seconds."""
        observer, self._observer = self._observer, None
        if observer is None:
            return True
        now = SystemClock().now
        ends_at = now() + timeout_s
        emitters = list(observer.emitters)
        for emitter in emitters:
            emitter.stop()
        for emitter in emitters:
            emitter.join(max(0.0, ends_at - now()))
        # Not the observer's own stop: it waits for emitters without a limit, and removes the handler of a batch that is
        # being delivered. It ends after what is in its queue.
        for emitter in emitters:
            emitter.queue_event(Work(str(self._root), observer.stopped_event.set))
        observer.join(max(0.0, ends_at - now()))
        observer.stopped_event.set()
        observer.event_queue.put(EventDispatcher.stop_event)
        for emitter in emitters:
            getattr(emitter, "close", _nothing)()
        if not observer.is_alive() and not any(emitter.is_alive() for emitter in emitters):
            self._deliver_rest(observer)
            observer.unschedule_all()
            return True
        logger.warning("the watcher of %s does not stop; it is abandoned", self._name)
        return False

    def refresh_ignores(self) -> None:
        """Examine ignore rules and all directories again, then note a rescan; any thread, returns at once."""
        refresh = getattr(self._emitter, "refresh_ignores", self._handler.translator.refresh_ignores)
        refresh()

    @property
    def is_alive(self) -> bool:
        """Whether changes are still being noted."""
        observer = self._observer
        return (
            observer is not None
            and observer.is_alive()
            and not self._handler.has_failed
            and all(emitter.is_alive() and not getattr(emitter, "is_over", False) for emitter in observer.emitters)
        )

    @property
    def watch_count(self) -> int:
        """The number of kernel watches in use."""
        return int(getattr(self._emitter, "watch_count", 0))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Directories that cannot be watched, and why."""
        found: tuple[Problem, ...] = getattr(self._emitter, "problems", ())
        return found

    def _start_native(self, timeout_s: float) -> Exception | Shortage | None:
        if self._has_inotify:
            # Imported here, because the module is Linux-only.
            from gitsync.watch.inotify import InotifyEmitter

            return self._launch(InotifyEmitter, timeout_s, inotify=self._inotify, max_watches=self._max_watches)
        return self._launch_portable()

    def _launch(
        self, emitter_class: Callable[..., EventEmitter], timeout_s: float, **options: Any
    ) -> Exception | Shortage | None:
        ready: _Ready = SimpleQueue()
        made = partial(
            emitter_class,
            prune_factory=self._prune_factory,
            rule_files=self._rule_files,
            ready=ready,
            **options,
        )
        # An observer takes a class and only calls it; watchdog 6 has no other way to pass options.
        self._observe(BaseObserver(cast("type[EventEmitter]", made)))
        try:
            outcome = ready.get(timeout=timeout_s)
        except Empty:
            outcome = OperationError(f"the watches of {self._root} were not established within {timeout_s:g} s")
        if outcome is not None:
            self.stop(1.0)
        return outcome

    def _launch_portable(self) -> Exception | None:
        try:
            self._observe(_portable_observer())
        except OSError as error:
            return error
        return None

    def _observe(self, observer: BaseObserver) -> None:
        events: list[type[FileSystemEvent]] = [Hints, Work, *EVENTS]
        observer.name = f"watch-{self._name}"
        observer.schedule(self._handler, os.fspath(self._root), recursive=True, event_filter=events)
        for emitter in observer.emitters:
            emitter.name = f"watch-{self._name}-reader"
            self._emitter = emitter
        observer.start()
        self._observer = observer

    def _deliver_rest(self, observer: BaseObserver) -> None:
        """Note the hints that were left in the observer's queue when it stopped."""
        while True:
            try:
                entry = observer.event_queue.get_nowait()
            except Empty:
                return
            if entry is not EventDispatcher.stop_event:
                self._handler.dispatch(entry[0])

    def _vanished(self) -> OperationError:
        return OperationError(
            f"the directory {self._root} does not exist",
            "mount or restore it, or stop watching it",
            code="root-vanished",
        )


def _portable_observer() -> BaseObserver:
    """Return the observer of this system."""
    if sys.platform == "darwin":
        from gitsync.watch.fsevents import Observer as FsEventsObserver

        return FsEventsObserver()
    from watchdog.observers import Observer

    return Observer()


def _nothing() -> None:
    """Close an emitter that has nothing to close."""


class _Handler(FileSystemEventHandler):
    """Runs on the observer's thread: does the emitter's work, and passes hints to the buffer."""

    def __init__(
        self,
        name: str,
        root: str,
        buffer: ChangeBuffer,
        prune_factory: Callable[[], Prune],
    ) -> None:
        self.translator = Translator(root, prune_factory)
        self.has_failed = False
        self._name = name
        self._buffer = buffer

    def dispatch(self, event: FileSystemEvent) -> None:
        try:
            if isinstance(event, Work):
                hints = event.act()
            else:
                hints = event if isinstance(event, Hints) else self.translator.translate(event)
            if hints is None:
                return
            self._buffer.note_batch(hints.paths, hints.trees, hints.reasons)
        except Exception as error:
            # Catches everything on purpose: otherwise watchdog's thread would end, and the process go on without a
            # watcher.
            logger.exception("the watcher of %s has failed", self._name)
            # Before the note: its receiver must see that the watcher has failed.
            self.has_failed = True
            self._buffer.note_rescan(f"the watcher has failed: {error}")
