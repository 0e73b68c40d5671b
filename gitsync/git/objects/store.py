"""Reads and writes objects: loose ones one by one, many at once as a pack. Committer thread.

An object is durable, and was read back, before its id is returned (in a pack: before `flush` returns).
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pygit2

from gitsync.errors import OperationError
from gitsync.git.files import full_fsync, storage_error
from gitsync.git.objects import promised
from gitsync.git.objects.large_tree import LARGE_BYTES, LargeTree
from gitsync.git.objects.sharing import sharing_of
from gitsync.git.objects.trees import TreeEntry, TreeStore, parse, serialize
from gitsync.git.program import GitProgram, failed

COMMIT, TREE, BLOB = 1, 2, 3
_NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob"}

# From this many objects on, a pack is cheaper: loose objects need a sync each, a pack a child process.
PACK_FROM = 100
_FLUSH_BYTES = 32 << 20
# The trees that are kept; that of a large directory and those on the way to it stay, whatever they take.
_CACHED_BYTES, _CACHED_LEAST = 1 << 20, 4
_ENTRY_BYTES = 250


class ObjectWriter(TreeStore, Protocol):
    """Accepts objects and stores them durably, at the latest in `flush`."""

    def flush(self) -> None:
        """Store the accepted objects; raise OperationError."""


class ObjectStore:
    """The objects of one repository."""

    def __init__(self, repository: pygit2.Repository, program: GitProgram) -> None:
        self.repository = repository
        self.program = program
        self._directory = os.path.join(common_dir(program.git_dir), "objects")
        self._trees: OrderedDict[str, Mapping[bytes, TreeEntry]] = OrderedDict()
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
        while self._cached > _CACHED_BYTES and len(self._trees) > _CACHED_LEAST:
            self._cached -= _cost(self._trees.popitem(last=False)[1])
        return entries


class PackWriter:
    """Collects objects and stores them as packs; can be passed to `edit_tree` as its store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._pieces: list[bytes] = []
        self._waiting: set[str] = set()
        self._size = 0

    def tree(self, tree_id: str) -> Mapping[bytes, TreeEntry]:
        """Return the entries of a tree that is stored already."""
        return self._store.tree(tree_id)

    def write(self, kind: int, data: bytes) -> str:
        """Accept an object and return its hex id; it is stored by `flush`, or when enough objects wait."""
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

    def write_tree(self, entries: Mapping[bytes, TreeEntry]) -> str:
        """Take a tree and return its hex id."""
        return self.write(TREE, raw_tree(entries))

    def flush(self) -> None:
        """Store the accepted objects durably; raise OperationError."""
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


def raw_object(kind: int, data: bytes) -> bytes:
    """Return an object in git's format: with header, and compressed."""
    return b"%b %d\0%b" % (_NAMES[kind], len(data), data)


def object_id_of(kind: int, data: bytes) -> str:
    """Return the hex id of an object."""
    return hashlib.sha1(raw_object(kind, data)).hexdigest()


def said(what: str, error: Exception) -> OperationError:
    """Wrap a libgit2 error; a full or read-only disk keeps its own code."""
    words = str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return storage_error(what, error)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
        if os.strerror(number).lower() in words.lower():
            return storage_error(what, OSError(number, os.strerror(number)))
    return OperationError(f"{what}: {words}", code="git")


# Limits of what waits in memory; every object also needs a file handle while it is synced.
_LOOSE_FLUSH_BYTES = 4 << 20
_LOOSE_FLUSH_OBJECTS = 64
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
        return self._take(object_id_of(kind, data), kind, data, len(data))

    def write_tree(self, entries: Mapping[bytes, TreeEntry]) -> str:
        """Take a tree and return its hex id; a large one is not put together before it is stored."""
        if not isinstance(entries, LargeTree):
            return self.write(TREE, serialize(entries))
        tree_id = self._take(entries.object_id(), TREE, entries, entries.size)
        self._store.remember(tree_id, entries)
        return tree_id

    def _take(self, object_id: str, kind: int, data: bytes | LargeTree, size: int) -> str:
        if object_id not in self._waiting:
            self._waiting[object_id] = (kind, data)
            self._size += size
            if self._size > _LOOSE_FLUSH_BYTES or len(self._waiting) >= _LOOSE_FLUSH_OBJECTS:
                self.flush()
        return object_id

    def flush(self) -> None:
        """Store the accepted objects durably; raise OperationError (disk-full, read-only, io), and keep all of them."""
        new: dict[str, bytes] = {}
        for object_id, (kind, data) in self._waiting.items():
            if isinstance(data, LargeTree) and not self._store.has(object_id):
                new[object_id] = data.compressed()
            elif isinstance(data, LargeTree) or len(self._waiting) == 1 or self._store.has(object_id):
                # libgit2 updates the mtime of an existing object, so that gc keeps it
                self._store.write(kind, data.raw() if isinstance(data, LargeTree) else data)
            else:
                new[object_id] = zlib.compress(raw_object(kind, data), zlib.Z_BEST_SPEED)
        what = f"cannot store an object in {self._store.program.root}"
        try:
            self._add(new)
        except OSError as error:
            raise storage_error(what, error) from error
        if not all(self._store.has(object_id) for object_id in new):
            raise OperationError(f"{what}: it was not there afterwards", "check for free disk space", code="disk-full")
        self._waiting, self._size = {}, 0

    def _add(self, objects: Mapping[str, bytes]) -> None:
        token = secrets.token_hex(8)
        temporaries = {name: os.path.join(self._directory, f"{_TEMPORARY}{token}_{name}") for name in objects}
        handles: list[int] = []
        sharing = sharing_of(self._store.program.root)
        try:
            for name, data in objects.items():
                handles.append(os.open(temporaries[name], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
                _write(handles[-1], data)
                if sharing is not None:
                    sharing.apply(handles[-1])
            for handle in handles:
                full_fsync(handle)
            above = {name: os.path.join(self._directory, name[:2]) for name in objects}
            changed = {*above.values()}
            is_new = [_is_made(path) for path in changed]
            if sharing is not None:
                for path in above.values():
                    sharing.apply(path)
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
        # Starts the write-back, so that the first sync records the locations of all files, and the others find none.
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


def _is_made(directory: str) -> bool:
    """Create a directory unless it exists; return whether it was created."""
    try:
        os.mkdir(directory)
    except FileExistsError:
        return False
    return True


def _sync_directory(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        full_fsync(handle)
    finally:
        os.close(handle)


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
        with open(os.path.join(directory, object_id[:2], object_id[2:]), "rb") as stream:
            packed = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    inflating = zlib.decompressobj()
    try:
        data = inflating.decompress(packed)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflating.eof or hashlib.sha1(data).hexdigest() != object_id:
        raise ValueError(f"{object_id} is truncated or damaged")
    head, _, content = data.partition(b"\0")
    return _KINDS[head.partition(b" ")[0]], content
