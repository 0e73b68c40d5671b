"""Whether a file on disk is the version that a merge started from. Committer thread; reads, writes nothing.

It is when it has the very bytes, or comes to them through its filters, or when git would not even look: a file that a
pull wrote and that has not changed since is not an edit, even if the attributes would convert it differently by now.
"""

from __future__ import annotations

import os

from gitsync.errors import OperationError
from gitsync.git.applying.directories import Root
from gitsync.git.applying.temporaries import read
from gitsync.git.index.raw import CorruptIndexError
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_LINK
from gitsync.git.objects.store import BLOB, object_id_of
from gitsync.git.objects.trees import TreeEntry
from gitsync.git.staging.arrivals import digest_of
from gitsync.git.staging.worktree import Worktree


class BaseVersions:
    """Answers for one work tree."""

    def __init__(self, worktree: Worktree, *, has_modes: bool, has_links: bool) -> None:
        self._worktree = worktree
        self._has_modes = has_modes
        self._has_links = has_links

    def is_there(self, root: Root, path: bytes, entry: TreeEntry, here: str, data: bytes | None = None) -> bool:
        """Whether what `here` is the fingerprint of is the version `entry`; raise OSError or OperationError.

        `data` is its content where that was read already.
        """
        if not here.startswith(("file:", "exec:", "link:")):
            return False
        is_link = entry.mode == MODE_LINK
        if here.startswith("link:") != is_link and (self._has_links or not is_link):
            return False
        if self._has_modes and here.startswith("exec:") != (entry.mode == MODE_EXECUTABLE):
            return False
        data = read(root, path).data if data is None else data
        if object_id_of(BLOB, data) == entry.id:
            return True
        if here.startswith("link:"):
            return False
        if self._worktree.arrivals.of(path, entry.id) == digest_of(data):
            return True
        return self._is_unmodified(path, entry) or self._is_converted(path, entry, data)

    def _is_unmodified(self, path: bytes, entry: TreeEntry) -> bool:
        index = self._worktree.index
        try:
            found = index.entries([path])[path]
        except CorruptIndexError:
            return False
        if found is None or (found.mode, found.id) != entry:
            return False
        place = os.path.join(os.fsencode(self._worktree.root), path)
        return index.is_unmodified(found, os.stat(place, follow_symlinks=False))

    def _is_converted(self, path: bytes, entry: TreeEntry, data: bytes) -> bool:
        filters = self._worktree.filters
        told = filters.attributes(path)
        if not filters.needs_git(told):
            return object_id_of(BLOB, filters.stored(told, data, entry.id)) == entry.id
        try:
            return filters.store_data(path, told, data, entry.id) == entry.id
        except OperationError as error:
            if error.code not in ("filter", "git"):
                raise
            return False
