"""Stores the few objects of a save as loose objects, with their syncs taken together. Committer thread."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress

from gitsync.errors import OperationError
from gitsync.git.files import storage_error
from gitsync.git.flush import flush
from gitsync.git.objects.large_tree import LargeTree
from gitsync.git.objects.sharing import sharing_of
from gitsync.git.objects.store import TREE, ObjectStore, common_dir, object_head, object_id_of
from gitsync.git.objects.trees import TreeEntry, serialize

# Limits of what waits in memory.
_FLUSH_BYTES = 4 << 20
_FLUSH_OBJECTS = 64
# git's own prefix for such files: `git gc` removes those that a crash left.
_TEMPORARY = "tmp_obj_gitsync_"


class LooseWriter:
    """Collects objects and stores them as loose objects; can be passed to `edit_tree` as its store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._directory = os.path.join(common_dir(store.program.git_dir), "objects")
        self._waiting: dict[str, tuple[int, bytes | LargeTree]] = {}
        self._size = 0

    def tree(self, tree_id: str) -> Mapping[bytes, TreeEntry]:
        """Return the entries of a tree that is stored already."""
        return self._store.tree(tree_id)

    def write(self, kind: int, data: bytes) -> str:
        """Accept an object and return its hex id; it is stored by `flush`, or when enough objects wait."""
        object_id = object_id_of(kind, data)
        self.take(object_id, kind, data)
        return object_id

    def take(self, object_id: str, kind: int, data: bytes) -> None:
        """Accept an object whose id is known, as `write` does."""
        self._take(object_id, kind, data, len(data))

    def write_tree(self, entries: Mapping[bytes, TreeEntry]) -> str:
        """Take a tree and return its hex id; a large one is not put together before it is stored."""
        if not isinstance(entries, LargeTree):
            return self.write(TREE, serialize(entries))
        tree_id = entries.object_id()
        self._take(tree_id, TREE, entries, entries.size)
        self._store.remember(tree_id, entries)
        return tree_id

    def _take(self, object_id: str, kind: int, data: bytes | LargeTree, size: int) -> None:
        if object_id not in self._waiting:
            self._waiting[object_id] = (kind, data)
            self._size += size
            if self._size > _FLUSH_BYTES or len(self._waiting) >= _FLUSH_OBJECTS:
                self.flush()

    def flush(self, unsynced: set[str] | None = None) -> None:
        """Store the accepted objects as `ObjectWriter` says."""
        new: dict[str, bytes] = {}
        paths: set[str] = set()
        for object_id, (kind, data) in self._waiting.items():
            if self._store.has(object_id):
                # libgit2 updates the mtime of an existing object, so that gc keeps it
                self._store.write(kind, data.raw() if isinstance(data, LargeTree) else data)
                paths |= self._written_before(object_id)
            elif isinstance(data, LargeTree):
                new[object_id] = data.compressed()
            else:
                new[object_id] = zlib.compress(object_head(kind, len(data)) + data, zlib.Z_BEST_SPEED)
        what = f"cannot store an object in {self._store.program.root}"
        try:
            paths |= self._add(new)
            if unsynced is None:
                flush(paths)
            else:
                unsynced |= paths
        except OSError as error:
            raise storage_error(what, error) from error
        if not all(self._store.has(object_id) for object_id in new):
            raise OperationError(f"{what}: it was not there afterwards", "check for free disk space", code="disk-full")
        self._waiting, self._size = {}, 0

    def _written_before(self, object_id: str) -> set[str]:
        """Return a loose object and its directory: git, or a save that was given up, may have synced neither."""
        path = os.path.join(self._directory, object_id[:2], object_id[2:])
        return {path, os.path.dirname(path)} if os.path.exists(path) else set()

    def _add(self, objects: Mapping[str, bytes]) -> set[str]:
        """Store objects, whose content is durable before they have their names; return the directories of the names."""
        token = os.urandom(8).hex()
        temporaries = {name: os.path.join(self._directory, f"{_TEMPORARY}{token}_{name}") for name in objects}
        try:
            for name, data in objects.items():
                self._write(temporaries[name], data)
            flush(temporaries.values())
            above = {name: os.path.join(self._directory, name[:2]) for name in objects}
            changed = {*above.values()}
            if self._has_made(above.values()):
                changed.add(self._directory)
            for name, temporary in temporaries.items():
                os.rename(temporary, os.path.join(above[name], name[2:]))
        finally:
            for temporary in temporaries.values():
                with suppress(FileNotFoundError):
                    os.unlink(temporary)
        return changed

    def _write(self, path: str, data: bytes) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            if hasattr(os, "posix_fadvise"):
                # Starts the write-back, so that the first sync records the locations of all files, and the others find
                # none.
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            if (sharing := sharing_of(self._store.program.root)) is not None:
                sharing.apply(handle)
        finally:
            os.close(handle)

    def _has_made(self, directories: Iterable[str]) -> bool:
        """Create the directories that do not exist; return whether there were any."""
        is_new = [_is_made(path) for path in dict.fromkeys(directories)]
        if (sharing := sharing_of(self._store.program.root)) is not None:
            for path in directories:
                sharing.apply(path)
        return any(is_new)


def _is_made(directory: str) -> bool:
    """Create a directory unless it exists; return whether it was created."""
    try:
        os.mkdir(directory)
    except FileExistsError:
        return False
    return True
