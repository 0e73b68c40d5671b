"""Watches where there is no inotify: translates the events of watchdog's own emitters (FSEvents, kqueue) to hints.

Runs on the observer's thread. The prune function is created there too, at the first event that needs it.

FSEvents and kqueue themselves are not tested, for lack of macOS and BSD; the tests translate the events of watchdog's
inotify emitter. These emitters watch ignored directories as well; their events are dropped here.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from watchdog.events import (
    EVENT_TYPE_ATTRIB,
    EVENT_TYPE_CLOSED,
    EVENT_TYPE_CREATED,
    EVENT_TYPE_DELETED,
    EVENT_TYPE_MODIFIED,
    EVENT_TYPE_MOVED,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
)

from gitsync.watch.directories import Prune, rest
from gitsync.watch.hints import Hints

# Events that can mean a change. Reads are left out, and so are changes of a directory, which its entries report.
EVENTS: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
_TYPES = frozenset(
    (
        EVENT_TYPE_ATTRIB,
        EVENT_TYPE_CLOSED,
        EVENT_TYPE_CREATED,
        EVENT_TYPE_DELETED,
        EVENT_TYPE_MODIFIED,
        EVENT_TYPE_MOVED,
    )
)


class Translator:
    """Converts watchdog's events to hints about one work tree."""

    def __init__(self, root: str, prune_factory: Callable[[], Prune]) -> None:
        self._root_text = root
        self._root = os.fsencode(root)
        self._prune_factory = prune_factory
        self._prune: Prune | None = None
        self._wants_refresh = False

    def refresh_ignores(self) -> None:
        """Request fresh ignore rules from the next event on."""
        self._wants_refresh = True

    def translate(self, event: FileSystemEvent) -> Hints:
        """Return the hints in the event, which may be empty; may raise what the prune factory raises."""
        paths: set[bytes] = set()
        trees: set[bytes] = set()
        reasons: set[str] = set()
        # The type is checked again: not every emitter respects the filter that it was given.
        if event.event_type not in _TYPES or (event.is_directory and event.event_type == EVENT_TYPE_MODIFIED):
            return Hints(self._root_text)
        if self._wants_refresh:
            self._wants_refresh, self._prune = False, None
        for name in (event.src_path, event.dest_path):
            path = self._relative(os.fsencode(name)) if name else None
            if path is None or b".git" in path.split(b"/"):
                continue
            if path == b"":
                if event.event_type in (EVENT_TYPE_DELETED, EVENT_TYPE_MOVED):
                    reasons.add("root vanished")
            elif path == b".gitignore" or path.endswith(b"/.gitignore"):
                self._prune = None
                paths.add(path)
                reasons.add("ignore rules changed")
            elif not self._is_pruned(path, event.is_directory):
                (trees if event.is_directory else paths).add(path)
        if self._prune is not None:
            rest(self._prune)
        return Hints(self._root_text, paths, trees, reasons)

    def _relative(self, path: bytes) -> bytes | None:
        if path == self._root:
            return b""
        return path[len(self._root) + 1 :] if path.startswith(self._root + b"/") else None

    def _is_pruned(self, path: bytes, is_directory: bool) -> bool:
        """Whether a directory above `path` is not to be watched, or is a separate repository."""
        if self._prune is None:
            self._prune = self._prune_factory()
        names = path.split(b"/")
        for depth in range(1, len(names) + is_directory):
            above = b"/".join(names[:depth])
            if self._prune(above):
                return True
            if depth < len(names) and os.path.lexists(self._root + b"/" + above + b"/.git"):
                return True
        return False
