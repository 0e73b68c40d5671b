"""Reads objects, and writes them one by one; `loose` and `pack` write several at once. Committer thread.

An object is durable, and was read back, before its id is returned.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pygit2

from gitsync import digests
from gitsync.errors import OperationError
from gitsync.git.files import storage_error
from gitsync.git.objects import promised
from gitsync.git.objects.large_tree import LARGE_BYTES, LargeTree
from gitsync.git.objects.sharing import sharing_of
from gitsync.git.objects.trees import TreeEntry, TreeStore, parse, serialize
from gitsync.git.patience import Patience
from gitsync.git.program import GitProgram

COMMIT, TREE, BLOB = 1, 2, 3
_NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob"}

# The trees that are kept; that of a large directory and those on the way to it stay, whatever they take.
_CACHED_BYTES, _CACHED_LEAST = 256 << 10, 4
# As long as a pull is planned and applied: it compares the same trees five times.
_PULL_BYTES = 16 << 20
_ENTRY_BYTES = 250


class ObjectWriter(TreeStore, Protocol):
    """Accepts objects and stores them durably, at the latest in `flush`."""

    def take(self, object_id: str, kind: int, data: bytes) -> None:
        """Accept an object whose id is known, as `write` does."""

    def flush(self, unsynced: set[str] | None = None) -> None:
        """Store the accepted objects durably; raise OperationError (disk-full, read-only, io), and keep all of them.

        With `unsynced` they are not durable yet: it gets the paths that a later `gitsync.git.flush.flush` needs.
        """


class ObjectStore:
    """The objects of one repository."""

    def __init__(self, repository: pygit2.Repository, program: GitProgram, patience: Patience | None = None) -> None:
        self.repository = repository
        self.program = program
        self.patience = patience or Patience()
        self._directory = os.path.join(common_dir(program.git_dir), "objects")
        self._trees: OrderedDict[str, Mapping[bytes, TreeEntry]] = OrderedDict()
        self._limit = _CACHED_BYTES
        self._cached = 0

    def read(self, object_id: str) -> tuple[int, bytes]:
        """Return type and content; raise OperationError "missing-object" when it is missing or damaged."""
        try:
            kind, data = read_loose(self._directory, object_id) or self.repository.odb.read(object_id)
        except (KeyError, ValueError, OSError, pygit2.GitError) as error:
            if promised.fetch(self.program, self.repository, [object_id]):
                return self.read(object_id)
            file = os.path.join(self._directory, object_id[:2], object_id[2:])
            what = f"the object file {file} is damaged" if os.path.exists(file) else f"object {object_id} is missing"
            raise OperationError(
                f"{self.program.root}: {what}",
                f"to see what is damaged: git -C {self.program.root} fsck",
                code="missing-object",
            ) from error
        return int(kind), data

    def tree(self, tree_id: str) -> Mapping[bytes, TreeEntry]:
        """Return the entries of a tree, not to be modified; raise OperationError as `read` does."""
        entries = self._trees.get(tree_id)
        if entries is not None:
            self._trees.move_to_end(tree_id)
            return entries
        kind, data = self.read(tree_id)
        if kind != TREE:
            raise OperationError(f"object {tree_id} of {self.program.root} is not a tree", code="missing-object")
        try:
            return self.remember(tree_id, _parsed(data))
        except ValueError as error:
            raise OperationError(
                f"object {tree_id} of {self.program.root} is a damaged tree", code="missing-object"
            ) from error

    def size(self, object_id: str) -> int:
        """Return the size of an object in bytes, without reading it; raise OperationError as `read` does."""
        try:
            return int(self.repository.odb.read_header(object_id)[1])
        except (KeyError, ValueError, pygit2.GitError):
            return len(self.read(object_id)[1])

    def has(self, object_id: str) -> bool:
        """Whether the object is stored."""
        return bool(self.repository.odb.exists(object_id))

    def fetch_promised(self, object_ids: Iterable[str]) -> None:
        """Ask for those objects that a partial clone does not have yet, all at once; elsewhere do nothing.

        A failed download is reported when the object is read. Raise TransientError when the remote cannot be reached.
        """
        promised.fetch(self.program, self.repository, object_ids)

    def write(self, kind: int, data: bytes) -> str:
        """Store an object and return its hex id; raise OperationError (disk-full, read-only, io)."""
        what = f"cannot store an object in {self.program.root}"
        try:
            object_id = str(self.repository.odb.write(kind, data))
            is_there = self.has(object_id)
        except (pygit2.GitError, OSError) as error:
            raise said(what, error) from error
        if not is_there:  # libgit2 can return an id although the disk is full
            raise OperationError(f"{what}: it was not there afterwards", "check for free disk space", code="disk-full")
        if (sharing := sharing_of(self.program.root)) is not None:
            sharing.apply_below(self._directory, os.path.join(self._directory, object_id[:2], object_id[2:]))
        return object_id

    def write_tree(self, entries: Mapping[bytes, TreeEntry]) -> str:
        """Store a tree and return its hex id; raise OperationError as `write` does."""
        return self.write(TREE, raw_tree(entries))

    def remember(self, tree_id: str, entries: Mapping[bytes, TreeEntry]) -> Mapping[bytes, TreeEntry]:
        """Keep the entries of a tree that is stored for the next look at it, and return them."""
        if (known := self._trees.pop(tree_id, None)) is not None:
            self._cached -= _cost(known)
        self._trees[tree_id] = entries
        self._cached += _cost(entries)
        self._trim()
        return entries

    @contextmanager
    def keeping_trees(self) -> Iterator[None]:
        """Keep more trees while the context lasts, in which the same ones are compared again and again."""
        self._limit = _PULL_BYTES
        try:
            yield
        finally:
            self._limit = _CACHED_BYTES
            self._trim()

    def _trim(self) -> None:
        while self._cached > self._limit and len(self._trees) > _CACHED_LEAST:
            self._cached -= _cost(self._trees.popitem(last=False)[1])


def raw_tree(entries: Mapping[bytes, TreeEntry]) -> bytes:
    """Return the bytes of a tree object."""
    return entries.raw() if isinstance(entries, LargeTree) else serialize(entries)


def _parsed(raw: bytes) -> Mapping[bytes, TreeEntry]:
    if len(raw) < LARGE_BYTES:
        return parse(raw)
    try:
        return LargeTree.from_raw(raw)
    except ValueError:  # not sorted, as some old programs made them; or not a tree, which is said then
        return parse(raw)


def _cost(entries: Mapping[bytes, TreeEntry]) -> int:
    return entries.size if isinstance(entries, LargeTree) else _ENTRY_BYTES * (len(entries) + 1)


def object_head(kind: int, size: int) -> bytes:
    """Return what git hashes, and stores in a loose object, before the content."""
    return b"%b %d\0" % (_NAMES[kind], size)


def object_id_of(kind: int, data: bytes) -> str:
    """Return the hex id of an object."""
    if len(data) < digests.SHORT:
        return digests.sha1(object_head(kind, len(data)) + data).hexdigest()
    digest = digests.sha1(object_head(kind, len(data)), len(data))
    digest.update(data)
    return digest.hexdigest()


def said(what: str, error: Exception) -> OperationError:
    """Wrap a libgit2 error; a full or read-only disk keeps its own code."""
    words = str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return storage_error(what, error)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
        if os.strerror(number).lower() in words.lower():
            return storage_error(what, OSError(number, os.strerror(number)))
    return OperationError(f"{what}: {words}", code="git")


_KINDS = {b"commit": 1, b"tree": 2, b"blob": 3, b"tag": 4}


def common_dir(git_dir: str) -> str:
    """Return the common git directory, whose objects a linked work tree shares."""
    try:
        with open(os.path.join(git_dir, "commondir"), "rb") as stream:
            return os.path.join(git_dir, os.fsdecode(stream.read().strip()))
    except FileNotFoundError:
        return git_dir


def lock_of(root: Path, ref: str) -> Path:
    """Return the path of a ref's lock, for refs that all work trees of a repository share."""
    return Path(common_dir(pygit2.Repository(str(root)).path.rstrip("/")), f"{ref}.lock")


def read_loose(directory: str, object_id: str) -> tuple[int, bytes] | None:
    """Return type and content of a loose object in `directory` (.git/objects), None when it is not a loose object.

    Raise ValueError when the content does not match the id, and OSError.
    """
    try:
        # Most objects of a large repository are not loose, and asking for one that is not has to cost little.
        handle = os.open(f"{directory}/{object_id[:2]}/{object_id[2:]}", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with open(handle, "rb") as stream:
        packed = stream.read()
    inflating = zlib.decompressobj()
    try:
        data = inflating.decompress(packed)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflating.eof or digests.sha1(data).hexdigest() != object_id:
        raise ValueError(f"{object_id} is truncated or damaged")
    head, _, content = data.partition(b"\0")
    return _KINDS[head.partition(b" ")[0]], content
