"""Finds the files that one side of a merge renamed. Committer thread; reads only.

Used only where needed: a file was edited that the other side removed, or added to a directory that the other removed.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property

import pygit2

from gitsync.git.objects.ancestry import merge_bases
from gitsync.git.objects.store import BLOB, object_id_of
from gitsync.git.objects.trees import TREE, TreeEntry, TreeStore, lookup
from gitsync.git.repository import Readable, tree_of

# All empty files have the same content, which is not evidence of a rename.
_EMPTY = object_id_of(BLOB, b"")


class Renames:
    """The renames between two trees, as libgit2 detects them: at least half of the content is the same."""

    def __init__(self, repo: pygit2.Repository, store: TreeStore, base: str | None, side: str) -> None:
        self._repo = repo
        self._store = store
        self._base, self._side = base, side

    @cached_property
    def by_source(self) -> dict[bytes, bytes]:
        """Map the old path of each renamed file to its new one."""
        if self._base is None:
            return {}
        before, after = (self._repo[tree].peel(pygit2.Tree) for tree in (self._base, self._side))
        found = before.diff_to_tree(after, context_lines=0)
        found.find_similar()
        return {
            delta.old_file.raw_path: delta.new_file.raw_path
            for delta in found.deltas
            if delta.status == pygit2.enums.DeltaStatus.RENAMED and str(delta.old_file.id) != _EMPTY
        }

    @cached_property
    def by_target(self) -> dict[bytes, bytes]:
        """Map the new path of each renamed file to its old one."""
        return {target: source for source, target in self.by_source.items()}

    @cached_property
    def _directories(self) -> dict[bytes, bytes]:
        votes: dict[bytes, Counter[bytes]] = {}
        for source, target in sorted(self.by_source.items()):
            (old, _, name), (new, _, renamed) = source.rpartition(b"/"), target.rpartition(b"/")
            if old != new and name == renamed:
                votes.setdefault(old, Counter())[new] += 1
        # Of equally many, the first by name: every machine must choose the same.
        return {old: min(counted, key=lambda new: (-counted[new], new)) for old, counted in votes.items()}

    def follow_directory(self, path: bytes) -> bytes | None:
        """Return the new path of a file that the other side added, when this side renamed its directory; else None."""
        directory, slash, name = path.rpartition(b"/")
        if not slash or not _is_tree(self._store, self._base, directory):
            return None
        if _is_tree(self._store, self._side, directory) or directory not in self._directories:
            return None
        new = self._directories[directory]
        return new + b"/" + name if new else name


def place_in(place: Readable, side: str, other: str, path: bytes) -> bytes:
    """Return the path in commit `side` of the file that `other` calls `path`: its old path where `other` renamed it."""
    if lookup(place.store, tree_of(place, side), path) is not None:
        return path
    for base in merge_bases(place.repo, side, other):
        renames = Renames(place.repo, place.store, tree_of(place, base), tree_of(place, other))
        source = renames.by_target.get(path)
        if source is not None and lookup(place.store, tree_of(place, side), source) is not None:
            return source
    return path


def entry_in(place: Readable, side: str, other: str, path: bytes) -> TreeEntry | None:
    """Return the entry in `side` of the file that `other` calls `path`, under whichever path; None for nothing."""
    return lookup(place.store, tree_of(place, side), place_in(place, side, other, path))


def _is_tree(store: TreeStore, root: str | None, path: bytes) -> bool:
    entry = lookup(store, root, path)
    return entry is not None and entry.mode == TREE
