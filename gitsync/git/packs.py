"""Where objects come from and go to: loose ones one by one, many at once as one pack. Committer thread.

An object is durable and was seen in the store before its id is returned (a pack: before `flush` returns).
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

import pygit2

from gitsync.errors import OperationError
from gitsync.git.locks import storage_error
from gitsync.git.program import GitProgram, failed
from gitsync.git.stored import common_dir, read_loose
from gitsync.git.trees import TreeEntry, TreeStore, parse

COMMIT, TREE, BLOB = 1, 2, 3
_NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob"}

# As many objects as make a pack worth a child; loose ones cost a sync each.
PACK_FROM = 100
_FLUSH_BYTES = 32 << 20
_CACHED_ENTRIES = 20_000


class ObjectWriter(TreeStore, Protocol):
    """Takes objects now and stores them, durably, at the latest by `flush`."""

    def flush(self) -> None:
        """Store what was taken; raise OperationError."""


class ObjectStore:
    """The objects of one repository."""

    def __init__(self, repository: pygit2.Repository, program: GitProgram) -> None:
        self.repository = repository
        self.program = program
        self._directory = os.path.join(common_dir(program.git_dir), "objects")
        self._trees: OrderedDict[str, dict[bytes, TreeEntry]] = OrderedDict()
        self._cached = 0

    def read(self, object_id: str) -> tuple[int, bytes]:
        """Return kind and content; raise OperationError "missing-object" when it is not there or damaged."""
        try:
            kind, data = read_loose(self._directory, object_id) or self.repository.odb.read(object_id)
        except (KeyError, ValueError, OSError, pygit2.GitError) as error:
            raise OperationError(
                f"object {object_id} of {self.program.root} is missing or damaged",
                f"see what git says: git -C {self.program.root} fsck",
                code="missing-object",
            ) from error
        return int(kind), data

    def tree(self, tree_id: str) -> dict[bytes, TreeEntry]:
        """Return the entries of a tree, not to be changed; raise OperationError as `read` does."""
        entries = self._trees.get(tree_id)
        if entries is not None:
            self._trees.move_to_end(tree_id)
            return entries
        kind, data = self.read(tree_id)
        if kind != TREE:
            raise OperationError(f"object {tree_id} of {self.program.root} is no tree", code="missing-object")
        try:
            return self._remember(tree_id, parse(data))
        except ValueError as error:
            raise OperationError(
                f"object {tree_id} of {self.program.root} is no whole tree", code="missing-object"
            ) from error

    def size(self, object_id: str) -> int:
        """Return how many bytes an object has, without reading them; raise OperationError as `read` does."""
        try:
            return int(self.repository.odb.read_header(object_id)[1])
        except (KeyError, ValueError, pygit2.GitError):
            return len(self.read(object_id)[1])

    def has(self, object_id: str) -> bool:
        """Whether the object is stored."""
        return bool(self.repository.odb.exists(object_id))

    def write(self, kind: int, data: bytes) -> str:
        """Store an object and return its hex id; raise OperationError (disk-full, read-only, io)."""
        what = f"cannot store an object in {self.program.root}"
        try:
            object_id = str(self.repository.odb.write(kind, data))
            is_there = self.has(object_id)
        except (pygit2.GitError, OSError) as error:
            raise said(what, error) from error
        if not is_there:  # libgit2 has been seen to return an id on a full disk
            raise OperationError(f"{what}: it was not there afterwards", "is the disk full?", code="disk-full")
        return object_id

    def _remember(self, tree_id: str, entries: dict[bytes, TreeEntry]) -> dict[bytes, TreeEntry]:
        self._trees[tree_id] = entries
        self._cached += len(entries) + 1
        while self._cached > _CACHED_ENTRIES and len(self._trees) > 1:
            self._cached -= len(self._trees.popitem(last=False)[1]) + 1
        return entries


class PackWriter:
    """Collects objects and stores them as packs; a store for `edit_tree` as well."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._pieces: list[bytes] = []
        self._waiting: set[str] = set()
        self._size = 0

    def tree(self, tree_id: str) -> Mapping[bytes, TreeEntry]:
        """Return the entries of a tree that is stored already."""
        return self._store.tree(tree_id)

    def write(self, kind: int, data: bytes) -> str:
        """Take an object and return its hex id; it is stored by `flush`, or when there is much of it."""
        object_id = object_id_of(kind, data)
        if object_id not in self._waiting:
            size = len(data)
            first, size = (kind << 4) | (size & 15), size >> 4
            head = bytearray()
            while size:
                head.append(first | 0x80)
                first, size = size & 0x7F, size >> 7
            head.append(first)
            packed = zlib.compress(data)
            self._pieces += [bytes(head), packed]
            self._waiting.add(object_id)
            self._size += len(packed)
            if self._size > _FLUSH_BYTES:
                self.flush()
        return object_id

    def flush(self) -> None:
        """Store what was taken, durably; raise OperationError."""
        if not self._waiting:
            return
        body = b"".join((b"PACK", struct.pack(">II", 2, len(self._waiting)), *self._pieces))
        pack = body + hashlib.sha1(body).digest()
        done = self._store.program.run("index-pack", "--stdin", "--threads=1", input=pack, deadline_s=300)
        if not done.ok:
            raise failed(f"cannot store a pack in {self._store.program.root}", done)
        for object_id in self._waiting:
            if not self._store.has(object_id):
                raise OperationError(f"git stored a pack in {self._store.program.root}, but it is not there", code="io")
        self._pieces, self._waiting, self._size = [], set(), 0


def raw_object(kind: int, data: bytes) -> bytes:
    """Return an object as git hashes it and, compressed, keeps it."""
    return b"%b %d\0%b" % (_NAMES[kind], len(data), data)


def object_id_of(kind: int, data: bytes) -> str:
    """Return the hex id that an object has."""
    return hashlib.sha1(raw_object(kind, data)).hexdigest()


def said(what: str, error: Exception) -> OperationError:
    """Return libgit2's words as an error; a full or read-only disk keeps the code people know it by."""
    words = str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return storage_error(what, error)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
        if os.strerror(number).lower() in words.lower():
            return storage_error(what, OSError(number, os.strerror(number)))
    return OperationError(f"{what}: {words}", code="git")
