"""What is in the way and can never be committed, and so has to be moved. Committer thread; reads only."""

from __future__ import annotations

import os

from gitsync.git import swap
from gitsync.git.trees import TREE, lookup
from gitsync.git.worktree import Worktree


class Obstacles:
    """Judges what is on disk and not in HEAD's tree `base`, below the handle `root`.

    `movable` are paths that a commit was tried of, and that it left out.
    """

    def __init__(self, worktree: Worktree, root: int, base: str | None, movable: frozenset[bytes]) -> None:
        self._worktree = worktree
        self._root = root
        self._base = base
        self._movable = movable

    def is_movable(self, path: bytes) -> bool:
        """Whether no commit would take what is at `path`: it is ignored, another repository, or no file at all."""
        if path in self._movable or not swap.exists(self._root, path):
            return path in self._movable
        if not swap.is_directory(self._root, path):
            return not swap.is_plain(self._root, path) or self._worktree.ignores.is_ignored(path, False)
        if self._is_tree(path):
            return False
        return self._worktree.ignores.is_nested(path) or self._worktree.ignores.is_ignored(path, True)

    def below(self, directory: bytes) -> tuple[list[bytes], list[bytes]]:
        """Return what is in a directory and not in HEAD, and the directories that hold nothing else themselves.

        Raise OSError.
        """
        found: list[bytes] = []
        emptied = [directory]
        with os.scandir(os.path.join(os.fsencode(self._worktree.root), directory)) as entries:
            names = sorted((directory + b"/" + entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        for path, is_directory in names:
            if is_directory and not self.is_movable(path):
                parts, directories = self.below(path)
                found += parts
                emptied += directories
            elif lookup(self._worktree.store, self._base, path) is None:
                found.append(path)
        return found, emptied

    def _is_tree(self, path: bytes) -> bool:
        entry = lookup(self._worktree.store, self._base, path)
        return entry is not None and entry.mode == TREE
