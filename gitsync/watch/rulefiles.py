"""Detects changes of ignore files outside the work tree by inotify watches on their directories.

Runs on the observer's thread, which owns the listener. Linux only; the polling watcher examines the files themselves.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence

from gitsync.watch import syscalls
from gitsync.watch.shared import Listener

logger = logging.getLogger(__name__)

# Absolute paths; a file need not exist.
RuleFiles = Callable[[], Sequence[bytes]]
# An editor replaces the file, a shell writes to it; a write is complete when the file is closed.
MASK = (
    syscalls.IN_CREATE
    | syscalls.IN_CLOSE_WRITE
    | syscalls.IN_MOVED_FROM
    | syscalls.IN_MOVED_TO
    | syscalls.IN_DELETE
    | syscalls.IN_ONLYDIR
)


def no_files() -> Sequence[bytes]:
    """Return no files."""
    return ()


class RuleWatches:
    """The watches on the directories of rule files; `listener` is for them alone."""

    def __init__(self, listener: Listener, files: RuleFiles) -> None:
        self._listener = listener
        self._files = files
        self._names: dict[int, set[bytes]] = {}

    def cover(self) -> None:
        """Watch the files that the rules are read from now."""
        names: dict[int, set[bytes]] = {}
        for directory, name in {_place(path) for file in self._files() for path in (file, os.path.realpath(file))}:
            try:
                names.setdefault(self._listener.add(directory, MASK), set()).add(name)
            except OSError as error:
                # The periodic scan finds files that a changed rule includes.
                logger.debug("changes of %s are not detected: %s", os.fsdecode(os.path.join(directory, name)), error)
        for wd in self._names.keys() - names.keys():
            self._listener.remove(wd)
        self._names = names

    def are_touched(self) -> bool:
        """Whether one of the files may have changed since the last call, or is no longer watched."""
        names = self._names
        return any(
            mask & syscalls.IN_Q_OVERFLOW or (wd in names and (name in names[wd] or mask & syscalls.IN_IGNORED))
            for wd, mask, _, name in self._listener.take()
        )


def _place(file: bytes) -> tuple[bytes, bytes]:
    """Return the nearest existing directory above a file, and the name in it that leads to the file."""
    directory, name = os.path.split(file)
    while name and not os.path.isdir(directory):
        directory, name = os.path.split(directory)
    return directory, name
