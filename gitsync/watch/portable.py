"""Watches where there is no inotify: translates the events of watchdog's own emitters (FSEvents, kqueue) to hints.

Runs on the observer's thread. The prune function is created there too, at the first event that needs it.

FSEvents and kqueue themselves are not tested, for lack of macOS and BSD; the tests translate the events of watchdog's
inotify emitter. These emitters watch ignored directories as well; their events are dropped here.

macOS reports a path as it is spelled on the disk. In the configuration it may have another case or normal form, which
leads to the same directory there.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from contextlib import suppress

from watchdog import events as watchdog_events
from watchdog.events import (
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

from gitsync.core.temporary import is_temporary
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
# watchdog 6 reports changed permissions as a modification, later versions as an event of its own.
if hasattr(watchdog_events, "FileAttribEvent"):
    EVENTS.append(watchdog_events.FileAttribEvent)
_ATTRIB = "attrib"
_TYPES = frozenset(
    (
        _ATTRIB,
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
        self._spelling = self._root
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
        if event.event_type not in _TYPES or (
            event.is_directory and event.event_type in (EVENT_TYPE_MODIFIED, _ATTRIB)
        ):
            return Hints(self._root_text)
        if self._wants_refresh:
            self._wants_refresh, self._prune = False, None
        for name in (event.src_path, event.dest_path):
            path = self._relative(os.fsencode(name)) if name else None
            if path is None or b".git" in path.split(b"/") or is_temporary(path):
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
        for root in (self._root, self._spelling):
            if path.startswith(root + b"/"):
                return path[len(root) + 1 :]
        return self._spelled_otherwise(path)

    def _spelled_otherwise(self, path: bytes) -> bytes | None:
        """Return the path below the root of one that has another spelling of the root; None for one outside of it."""
        depth = self._root.count(b"/") + 1
        parts = path.split(b"/")
        root = b"/".join(parts[:depth])
        if root == self._root or _folded(root) != _folded(self._root):
            return None
        # Where case counts, it is another directory. A root that does not exist any more is to be reported.
        with suppress(OSError):
            if not os.path.samefile(root, self._root):
                return None
        self._spelling = root
        return b"/".join(parts[depth:])

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


def _folded(path: bytes) -> str:
    """Return a path so that two spellings of one on macOS are equal."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", os.fsdecode(path)).casefold())
