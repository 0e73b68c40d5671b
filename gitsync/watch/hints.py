"""What goes from an emitter through watchdog's queue to the observer: a batch of hints, or work that finds them.

Created on any thread, read on the observer's, and never changed in between.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from watchdog.events import FileSystemEvent

from gitsync.model import Problem

HINTS = "gitsync-hints"


class Hints(FileSystemEvent):
    """The result of one read of the kernel's queue, or of one walk; paths are relative to the work tree."""

    event_type = HINTS

    def __init__(
        self, root: str, paths: Iterable[bytes] = (), trees: Iterable[bytes] = (), reasons: Iterable[str] = ()
    ) -> None:
        super().__init__(src_path=root)
        self.paths = frozenset(paths)
        self.trees = frozenset(trees)
        self.reasons = frozenset(reasons)

    # watchdog's queue drops an event that equals the previous one, and compares events by path: two batches of the
    # same root would be equal, and the second one would be lost.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Work(FileSystemEvent):
    """Something for the observer's thread to do; `act` may return hints."""

    event_type = "gitsync-work"

    def __init__(self, root: str, act: Callable[[], Hints | None]) -> None:
        super().__init__(src_path=root)
        self.act = act

    __eq__ = object.__eq__
    __hash__ = object.__hash__


def unreadable(path: bytes, why: str) -> Problem:
    """Return the problem of a directory that cannot be watched."""
    return Problem(
        "unreadable",
        f"the directory {os.fsdecode(path) or '.'!r} cannot be watched: {why}",
        "make it readable, or add it to .gitignore",
    )
