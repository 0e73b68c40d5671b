"""Stores many objects at once as packs, each with its index: one flush for all of them. Committer thread.

A pack here is what git's documentation describes in gitformat-pack(5), without deltas; `git gc` makes them later.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import accumulate

from gitsync import digests
from gitsync.errors import OperationError
from gitsync.git.files import storage_error, write_new
from gitsync.git.flush import flush
from gitsync.git.objects.sharing import sharing_of
from gitsync.git.objects.store import TREE, ObjectStore, common_dir, object_id_of, raw_tree
from gitsync.git.objects.trees import TreeEntry

# From this many objects on a pack is cheaper: loose objects need a file each.
PACK_FROM = 100
# Bytes of content in one pack: it is kept in memory until it is written.
_FLUSH_BYTES = 32 << 20
# Content of so many bytes is compressed on another thread: zlib works without the GIL.
_APART_FROM = 32 << 10
# git's own prefix for such files: `git gc` removes those that a crash left.
_TEMPORARY = "tmp_pack_gitsync_"
_IDX_HEAD = b"\xfftOc\0\0\0\x02"

_Piece = tuple[bytes, "bytes | Future[bytes]"]


class PackWriter:
    """Collects objects and stores them as packs; can be passed to `edit_tree` as its store."""

    def __init__(self, store: ObjectStore, *, limit: int = _FLUSH_BYTES) -> None:
        """Write a pack whenever more than `limit` bytes of content wait."""
        self._store = store
        self._limit = limit
        self._pieces: dict[str, _Piece] = {}
        self._size = 0
        self._pool: ThreadPoolExecutor | None = None

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
        if object_id not in self._pieces:
            self._pieces[object_id] = (_head(kind, len(data)), self._compressed(data))
            self._size += len(data)
            if self._size > self._limit:
                self.flush()

    def write_tree(self, entries: Mapping[bytes, TreeEntry]) -> str:
        """Take a tree and return its hex id."""
        return self.write(TREE, raw_tree(entries))

    def flush(self, unsynced: set[str] | None = None) -> None:
        """Store the accepted objects as `ObjectWriter` says."""
        if not self._pieces:
            return
        what = f"cannot store a pack in {self._store.program.root}"
        directory = os.path.join(common_dir(self._store.program.git_dir), "objects/pack")
        try:
            self._add(directory)
            if unsynced is None:
                flush([directory])
            else:
                unsynced.add(directory)
        except OSError as error:
            raise storage_error(what, error) from error
        self._check(what)
        self._pieces, self._size = {}, 0

    def _compressed(self, data: bytes) -> bytes | Future[bytes]:
        if len(data) < _APART_FROM:
            return zlib.compress(data, zlib.Z_BEST_SPEED)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(os.cpu_count(), "pack")
        return self._pool.submit(zlib.compress, data, zlib.Z_BEST_SPEED)

    def _add(self, directory: str) -> None:
        """Write a pack and its index; both have their content on the disk before they have their names."""
        pack, entries = self._packed()
        checksum = pack[-1][-20:]
        token = os.urandom(8).hex()
        temporaries = {end: os.path.join(directory, f"{_TEMPORARY}{token}.{end}") for end in ("pack", "idx")}
        sharing = sharing_of(self._store.program.root)
        try:
            os.makedirs(directory, exist_ok=True)
            for end, data in (("pack", pack), ("idx", _index(entries, checksum))):
                write_new(temporaries[end], data, mode=0o444)
                if sharing is not None:
                    sharing.apply(temporaries[end])
            flush(temporaries.values())
            # git takes a pack for one once it has an index.
            for end, temporary in temporaries.items():
                os.rename(temporary, os.path.join(directory, f"pack-{checksum.hex()}.{end}"))
        finally:
            for temporary in temporaries.values():
                with suppress(FileNotFoundError):
                    os.unlink(temporary)

    def _packed(self) -> tuple[list[bytes], list[tuple[str, int, int]]]:
        """Return a pack in pieces, and of each object its id, the checksum of its bytes in the pack and their place."""
        pieces = [b"PACK" + struct.pack(">II", 2, len(self._pieces))]
        entries = []
        place = len(pieces[0])
        for object_id, (head, packed) in self._pieces.items():
            data = packed.result() if isinstance(packed, Future) else packed
            entries.append((object_id, zlib.crc32(data, zlib.crc32(head)), place))
            pieces += (head, data)
            place += len(head) + len(data)
        digest = digests.sha1(size=sum(map(len, pieces)))
        for piece in pieces:
            digest.update(piece)
        return [*pieces, digest.digest()], entries

    def _check(self, what: str) -> None:
        """Have libgit2 find every object and read the last, for which it compares the pack with its index."""
        is_there = all(self._store.has(object_id) for object_id in self._pieces)
        if is_there:
            self._store.read(next(reversed(self._pieces)))
        else:
            raise OperationError(f"{what}: it was not there afterwards", "check for free disk space", code="io")


def _head(kind: int, size: int) -> bytes:
    """Return what an object in a pack begins with: its type and its size, in groups of bits."""
    head = bytearray()
    group, size = (kind << 4) | (size & 15), size >> 4
    while size:
        head.append(group | 0x80)
        group, size = size & 0x7F, size >> 7
    head.append(group)
    return bytes(head)


def _index(entries: list[tuple[str, int, int]], checksum: bytes) -> list[bytes]:
    """Return the index (version 2) of the pack that ends with `checksum`, in pieces."""
    entries.sort()
    counts = [0] * 256
    for object_id, _, _ in entries:
        counts[int(object_id[:2], 16)] += 1
    fanout = accumulate(counts)
    pieces = [
        _IDX_HEAD,
        struct.pack(">256I", *fanout),
        bytes.fromhex("".join(object_id for object_id, _, _ in entries)),
        struct.pack(f">{len(entries)}I", *(crc for _, crc, _ in entries)),
        struct.pack(f">{len(entries)}I", *(place for _, _, place in entries)),
        checksum,
    ]
    return [*pieces, digests.sha1(b"".join(pieces)).digest()]
