"""The directories above the paths that an integration changes: as they are, as HEAD has them, and as they will be.

Runs on the committer thread; reads only. Each directory is examined once in a check, however many files it has. A
directory may still change afterwards: the applier opens the way to each path again.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator

from gitsync.git.applying import atomic_replace
from gitsync.git.applying.directories import Directories
from gitsync.git.objects.trees import TREE, TreeStore, lookup


class Ancestors:
    """Answers for one check of one work tree, that is to go from tree `base` to tree `target` by `changes`."""

    def __init__(
        self, store: TreeStore, root: Directories, base: str | None, target: str, changes: Container[bytes]
    ) -> None:
        self._store = store
        self._root = root
        self._trees = base, target
        self._changes = changes
        self._directories: dict[bytes, bool] = {}
        self._remaining: dict[bytes, bool] = {}
        self._blockers: dict[bytes, bytes | None] = {}
        self._writable: dict[bytes, bool] = {}
        self._anchors: dict[bytes, bytes] = {}

    def is_directory(self, path: bytes) -> bool:
        """Return whether `path` is a directory now."""
        if path not in self._directories:
            self._directories[path] = atomic_replace.is_directory(self._root, path)
        return self._directories[path]

    def will_be_tree(self, path: bytes) -> bool:
        """Return whether the target has a directory at `path`."""
        if path not in self._remaining:
            self._remaining[path] = self._is_tree(self._trees[1], path)
        return self._remaining[path]

    def blocker(self, path: bytes) -> bytes | None:
        """Return a file in the place of a directory above a new path, unless the steps remove it."""
        directory = path.rpartition(b"/")[0]
        if directory not in self._blockers:
            self._blockers[directory] = self._find_blocker(path)
        return self._blockers[directory]

    def _find_blocker(self, path: bytes) -> bytes | None:
        for above in reversed(list(_above(path))):
            if atomic_replace.is_plain(self._root, above) and above not in self._changes:
                return above
            if not atomic_replace.exists(self._root, above):
                break
        return None

    def anchor(self, path: bytes) -> bytes:
        """Return the deepest directory above `path` that exists now and remains."""
        directory = path.rpartition(b"/")[0]
        if directory not in self._anchors:
            self._anchors[directory] = next((above for above in _above(path) if self._stays(above)), b"")
        return self._anchors[directory]

    def _stays(self, directory: bytes) -> bool:
        is_now = self.will_be_tree(directory) and self.is_directory(directory)
        return is_now and self._is_tree(self._trees[0], directory)

    def _is_tree(self, tree: str | None, path: bytes) -> bool:
        entry = lookup(self._store, tree, path)
        return entry is not None and entry.mode == TREE

    def is_writable(self, place: bytes, directory: bytes) -> bool:
        """Return whether names in `directory` can be created, or it does not exist; `place` is the root's path."""
        if directory not in self._writable:
            where = os.path.join(place, directory)
            self._writable[directory] = not os.path.isdir(where) or os.access(where, os.W_OK | os.X_OK)
        return self._writable[directory]


def _above(path: bytes) -> Iterator[bytes]:
    """Yield the directories above `path`, the deepest first."""
    while path := path.rpartition(b"/")[0]:
        yield path
