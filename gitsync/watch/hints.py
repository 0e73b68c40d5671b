"""One batch of hints on its way from an emitter through watchdog's queue to the buffer.

Made on the emitter's thread, read on the observer's; nobody changes it in between.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from watchdog.events import FileSystemEvent

from gitsync.model import Problem

HINTS = "gitsync-hints"


class Hints(FileSystemEvent):
    """What one read of the kernel's queue, or one walk, came to; paths are relative to the work tree."""

    event_type = HINTS

    def __init__(
        self, root: str, paths: Iterable[bytes] = (), trees: Iterable[bytes] = (), reasons: Iterable[str] = ()
    ) -> None:
        super().__init__(src_path=root)
        self.paths = frozenset(paths)
        self.trees = frozenset(trees)
        self.reasons = frozenset(reasons)

    # watchdog's queue drops an event that equals the one before it, and its events are compared by their paths: two
    # batches of one root would be equal, and the second one lost.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


def unreadable(path: bytes, why: str) -> Problem:
    """Return what to tell a person about a directory that cannot be watched."""
    return Problem(
        "unreadable",
        f"the directory {os.fsdecode(path) or '.'!r} cannot be watched: {why}",
        "make it readable, or list it in .gitignore",
    )
