"""A few objects stored as loose ones, with their syncs taken together. Committer thread.

One by one, every object makes the file system commit its journal twice: for the content and for the name. Here all
contents are handed to the disk first, then synced, then named, then the directories of the names are synced, which is
two commits for all of them together. Nothing is promised before `flush` returns.
"""

from __future__ import annotations

import os
import secrets
import zlib
from collections.abc import Mapping
from contextlib import suppress

from gitsync.errors import OperationError
from gitsync.git.locks import storage_error
from gitsync.git.packs import ObjectStore, object_id_of, raw_object
from gitsync.git.stored import common_dir
from gitsync.git.trees import TreeEntry

# What waits is held in memory, and every object takes a handle while it is synced.
_FLUSH_BYTES = 4 << 20
_FLUSH_OBJECTS = 64
# git's own prefix for such files: `git gc` removes those that a crash has left.
_TEMPORARY = "tmp_obj_gitsync_"


class LooseWriter:
    """Collects objects and stores them; a store for `edit_tree` as well."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._directory = os.path.join(common_dir(store.program.git_dir), "objects")
        self._waiting: dict[str, tuple[int, bytes]] = {}
        self._size = 0

    def tree(self, tree_id: str) -> Mapping[bytes, TreeEntry]:
        """Return the entries of a tree that is stored already."""
        return self._store.tree(tree_id)

    def write(self, kind: int, data: bytes) -> str:
        """Take an object and return its hex id; it is stored by `flush`, or when there is much of it."""
        object_id = object_id_of(kind, data)
        if object_id not in self._waiting:
            self._waiting[object_id] = (kind, data)
            self._size += len(data)
            if self._size > _FLUSH_BYTES or len(self._waiting) >= _FLUSH_OBJECTS:
                self.flush()
        return object_id

    def flush(self) -> None:
        """Store what was taken, durably; raise OperationError (disk-full, read-only, io), and then all of it waits."""
        new: dict[str, bytes] = {}
        for object_id, (kind, data) in self._waiting.items():
            if len(self._waiting) == 1 or self._store.has(object_id):
                self._store.write(kind, data)  # of what is there libgit2 renews the age, so that no gc takes it
            else:
                new[object_id] = zlib.compress(raw_object(kind, data), zlib.Z_BEST_SPEED)
        what = f"cannot store an object in {self._store.program.root}"
        try:
            self._add(new)
        except OSError as error:
            raise storage_error(what, error) from error
        if not all(self._store.has(object_id) for object_id in new):
            raise OperationError(f"{what}: it was not there afterwards", "is the disk full?", code="disk-full")
        self._waiting, self._size = {}, 0

    def _add(self, objects: Mapping[str, bytes]) -> None:
        token = secrets.token_hex(8)
        temporaries = {name: os.path.join(self._directory, f"{_TEMPORARY}{token}_{name}") for name in objects}
        handles: list[int] = []
        try:
            for name, data in objects.items():
                handles.append(os.open(temporaries[name], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
                _write(handles[-1], data)
            for handle in handles:
                os.fsync(handle)
            above = {name: os.path.join(self._directory, name[:2]) for name in objects}
            changed = {*above.values()}
            is_new = [_is_made(path) for path in changed]
            if any(is_new):
                changed.add(self._directory)
            for name, temporary in temporaries.items():
                os.rename(temporary, os.path.join(above[name], name[2:]))
            for path in changed:
                _sync_directory(path)
        finally:
            for handle in handles:
                os.close(handle)
            for temporary in temporaries.values():
                with suppress(FileNotFoundError):
                    os.unlink(temporary)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
    if hasattr(os, "posix_fadvise"):
        # Begins to write it out: the first sync then has the places of all files to record, and the others none.
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


def _is_made(directory: str) -> bool:
    """Make a directory unless it is there; return whether it was made."""
    try:
        os.mkdir(directory)
    except FileExistsError:
        return False
    return True


def _sync_directory(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
