"""A tree object with very many entries, in chunks: look-ups and edits touch one chunk, the rest is kept as it is. Pure.

A directory of 100,000 files is a tree of 4 MB, and every save in it makes another one. Parsing, sorting and compressing
all of it would take a second. Here the raw bytes are cut into chunks where the names say so, so that equal parts of two
trees are equal chunks; each is compressed once, by itself, and the stream of a tree is put together from them.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from gitsync import digests
from gitsync.git.objects.trees import MODES, TREE, EditableTree, TreeEntry

# A tree of this many bytes or more is kept in chunks: some 700 names.
LARGE_BYTES = 32 << 10
# A chunk ends behind a name whose checksum has these bits unset: one name in 512.
_CUT = 0x1FF
# The beginning of a zlib stream, and its last block, an empty one (RFC 1950, RFC 1951).
_ZLIB_HEAD, _LAST_BLOCK = b"\x78\x9c", b"\x03\x00"


class _Item(NamedTuple):
    """An entry as it is in a tree: by what it is sorted, its name, and its bytes."""

    key: bytes
    name: bytes
    raw: bytes


class _Chunk:
    """Some entries that follow each other; `packed` is their deflated form, made when it is wanted."""

    __slots__ = ("count", "first", "packed", "raw")

    def __init__(self, items: list[_Item]) -> None:
        self.first = items[0].key
        self.count = len(items)
        self.raw = b"".join(item.raw for item in items)
        self.packed: bytes | None = None


class LargeTree(EditableTree):
    """The entries of a tree, not to be changed; `edited` makes another one."""

    def __init__(self, chunks: list[_Chunk]) -> None:
        self._chunks = chunks
        self._firsts = [chunk.first for chunk in chunks]

    @classmethod
    def from_raw(cls, raw: bytes) -> LargeTree:
        """Return the tree whose object has these bytes; raise ValueError when it is not one, or is not sorted."""
        items = list(_items(raw))
        if any(one.key >= other.key for one, other in pairwise(items)):
            raise ValueError("a tree object is not sorted")
        return cls(_cut(items))

    def __getitem__(self, name: bytes) -> TreeEntry:
        # A directory is sorted as if its name ended with a slash.
        for at in dict.fromkeys((self._place(name), self._place(name + b"/"))):
            chunk = self._chunks[at] if self._chunks else None
            if chunk is not None and b" " + name + b"\0" in chunk.raw:
                for item in _items(chunk.raw):
                    if item.name == name:
                        return _entry(item)
        raise KeyError(name)

    def __iter__(self) -> Iterator[bytes]:
        return (item.name for chunk in self._chunks for item in _items(chunk.raw))

    def items(self) -> Iterator[tuple[bytes, TreeEntry]]:  # type: ignore[override]  # once through, and not kept
        """Yield every name with its entry."""
        return ((item.name, _entry(item)) for chunk in self._chunks for item in _items(chunk.raw))

    def __len__(self) -> int:
        return sum(chunk.count for chunk in self._chunks)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LargeTree):
            return [chunk.raw for chunk in self._chunks] == [chunk.raw for chunk in other._chunks]
        return dict(self.items()) == other

    __hash__ = None  # type: ignore[assignment]  # as every mapping that compares by its content

    @property
    def size(self) -> int:
        """Return how many bytes the object has."""
        return sum(len(chunk.raw) for chunk in self._chunks)

    def edited(self, changes: Mapping[bytes, TreeEntry | None]) -> LargeTree:
        """Return the tree in which each of these names has its entry, or is gone for None."""
        chunks = list(self._chunks)
        places: dict[int, dict[bytes, TreeEntry | None]] = {}
        for name, entry in changes.items():
            # The name may be there as the other kind, a file or a directory, in another chunk.
            for at in (self._place(name), self._place(name + b"/")):
                places.setdefault(at, {})[name] = None
            if entry is not None:
                places[self._place(name + b"/" if entry.mode == TREE else name)][name] = entry
        for at in sorted(places, reverse=True):
            items = [item for item in (_items(chunks[at].raw) if chunks else ()) if item.name not in places[at]]
            items += [_item(name, entry) for name, entry in places[at].items() if entry is not None]
            items.sort(key=lambda item: item.key)
            end = at + 1
            while end < len(chunks) and items and not _is_cut(items[-1].name):
                items += _items(chunks[end].raw)  # where a chunk ended, a name has gone
                end += 1
            chunks[at:end] = _cut(items)
        return LargeTree(chunks)

    def differing(self, other: EditableTree) -> Iterator[bytes]:
        """Yield every name that may be different in `other`, and some that are not; what both share is not read."""
        if not isinstance(other, LargeTree):
            yield from {*self, *other}
            return
        ours, theirs = ({chunk.raw for chunk in tree._chunks} for tree in (self, other))
        for tree, shared in ((self, theirs), (other, ours)):
            for chunk in tree._chunks:
                if chunk.raw not in shared:
                    yield from (item.name for item in _items(chunk.raw))

    def raw(self) -> bytes:
        """Return the bytes of the object."""
        return b"".join(chunk.raw for chunk in self._chunks)

    def object_id(self) -> str:
        """Return the hex id of the object."""
        digest = digests.sha1(self._head(), digests.SHORT + 1)
        for chunk in self._chunks:
            digest.update(chunk.raw)
        return digest.hexdigest()

    def compressed(self) -> bytes:
        """Return the object as git keeps a loose one: header and content as one zlib stream."""
        head = self._head()
        checksum = zlib.adler32(head)
        pieces = [_ZLIB_HEAD, _deflated(head)]
        for chunk in self._chunks:
            if chunk.packed is None:
                chunk.packed = _deflated(chunk.raw)
            checksum = zlib.adler32(chunk.raw, checksum)
            pieces.append(chunk.packed)
        return b"".join((*pieces, _LAST_BLOCK, checksum.to_bytes(4, "big")))

    def _head(self) -> bytes:
        return b"tree %d\0" % self.size

    def _place(self, key: bytes) -> int:
        return max(0, bisect_right(self._firsts, key) - 1)


def _items(raw: bytes) -> Iterator[_Item]:
    """Yield the entries of a raw tree; raise ValueError when it is not one."""
    at, end = 0, len(raw)
    find = raw.index
    while at < end:
        space = find(b" ", at)
        nul = find(b"\0", space)
        name = raw[space + 1 : nul]
        until = nul + 21
        if until > end:
            raise ValueError("a tree object is cut short")
        yield _Item(name + b"/" if raw.startswith((b"40000", b"040000"), at, space) else name, name, raw[at:until])
        at = until


def _item(name: bytes, entry: TreeEntry) -> _Item:
    raw = b"%o %b\0%b" % (entry.mode, name, bytes.fromhex(entry.id))
    return _Item(name + b"/" if entry.mode == TREE else name, name, raw)


def _entry(item: _Item) -> TreeEntry:
    mode = item.raw.partition(b" ")[0]
    return TreeEntry(MODES.get(mode) or int(mode, 8), item.raw[-20:].hex())


def _is_cut(name: bytes) -> bool:
    return not zlib.crc32(name) & _CUT


def _cut(items: Iterable[_Item]) -> list[_Chunk]:
    chunks: list[_Chunk] = []
    waiting: list[_Item] = []
    for item in items:
        waiting.append(item)
        if _is_cut(item.name):
            chunks.append(_Chunk(waiting))
            waiting = []
    return [*chunks, _Chunk(waiting)] if waiting else chunks


def _deflated(data: bytes) -> bytes:
    """Return blocks that can be followed by any others: nothing in what follows refers to them."""
    packer = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
