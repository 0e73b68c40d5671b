"""The bytes of git's index (versions 2 and 3): look up and change single entries without parsing the rest. Pure.

Entries are sorted and contain their length, but not their position. A look-up is a binary search that finds the next
entry by its mode field and verifies it by the entries that follow. It reads a few hundred bytes, where libgit2 needs
40 ms for 100,000 entries. Anything else raises UnsupportedIndexError: the git program handles it.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple

from gitsync import digests

HEADER = struct.Struct(">4sII")
ENTRY = struct.Struct(">10I20sH")
LENGTH = 0x0FFF


class UnsupportedIndexError(Exception):
    """A valid index of a kind that is not handled here."""


class CorruptIndexError(Exception):
    """An index that git could not read either."""


class IndexEntry(NamedTuple):
    """One entry: `stage` is above 0 in a conflict; git does not compare the file of an assumed or skipped one.

    `stat` is what the index remembers of the file: times of change, inode and size; () when that is not known.
    """

    mode: int
    id: str
    stage: int = 0
    is_assumed: bool = False
    is_skipped: bool = False
    is_intent: bool = False
    stat: tuple[int, ...] = ()


class NewEntry(NamedTuple):
    """The new value of an entry; without `stat`, git compares the content the next time.

    git does not look at the file of one that is assumed or skipped, as for an `IndexEntry`.
    """

    mode: int
    id: str
    stat: os.stat_result | None = None
    is_assumed: bool = False
    is_skipped: bool = False


_STAGE, _EXTENDED, _ASSUMED = 0x3000, 0x4000, 0x8000
_SKIPPED, _INTENT = 0x4000, 0x2000


def stat_of(facts: os.stat_result) -> tuple[int, ...]:
    """Return what an entry remembers of a file."""
    times = (*divmod(facts.st_ctime_ns, 1_000_000_000), *divmod(facts.st_mtime_ns, 1_000_000_000))
    return tuple(number & 0xFFFFFFFF for number in (*times, facts.st_ino, facts.st_size))


def empty() -> bytes:
    """Return an index without entries."""
    head = HEADER.pack(b"DIRC", 2, 0)
    return head + digests.sha1(head).digest()


def packed(path: bytes, new: NewEntry) -> bytes:
    """Return an entry in the format of index version 2 or 3; without stat data git reads the file itself."""
    facts, low = new.stat, 0xFFFFFFFF
    flags = min(len(path), LENGTH) | (_ASSUMED if new.is_assumed else 0) | (_EXTENDED if new.is_skipped else 0)
    object_id = bytes.fromhex(new.id)
    if facts is None:
        head = ENTRY.pack(0, 0, 0, 0, 0, 0, new.mode, 0, 0, 0, object_id, flags)
    else:
        changed_at, changed_ns = divmod(facts.st_ctime_ns, 1_000_000_000)
        written_at, written_ns = divmod(facts.st_mtime_ns, 1_000_000_000)
        device, inode = facts.st_dev & low, facts.st_ino & low
        head = ENTRY.pack(
            changed_at & low, changed_ns, written_at & low, written_ns, device, inode,
            new.mode, facts.st_uid & low, facts.st_gid & low, facts.st_size & low, object_id, flags,
        )  # fmt: skip
    if new.is_skipped:
        head += _SKIPPED.to_bytes(2, "big")
    return (head + path).ljust((len(head) + len(path) + 8) & ~7, b"\0")


def invalidated(body: bytes, changes: Mapping[bytes, NewEntry | None]) -> bytes:
    """Return the cached-tree extension with every directory above a changed path invalidated."""
    stale: set[bytes] = {b""}
    for path in changes:
        at = len(path)
        while at > 0:
            stale.add(path[:at])  # the path itself, too: a file may have replaced a directory
            at = path.rfind(b"/", 0, at)
    pieces: list[bytes] = []
    open_dirs: list[tuple[bytes, int]] = []
    at = kept = 0
    while at < len(body):
        nul = body.index(b"\0", at)
        line = body.index(b"\n", nul)
        counted, below = body[nul + 1 : line].split(b" ")
        while open_dirs and open_dirs[-1][1] == 0:
            open_dirs.pop()
        prefix = b""
        if open_dirs:
            prefix = open_dirs[-1][0]
            open_dirs[-1] = (prefix, open_dirs[-1][1] - 1)
        path = prefix + body[at:nul]
        end = line + 1 + (0 if counted == b"-1" else 20)
        if path in stale and counted != b"-1":
            pieces += [body[kept:at], body[at : nul + 1], b"-1 ", below, b"\n"]
            kept = end
        open_dirs.append((path + b"/" if path else b"", int(below)))
        at = end
    return b"".join(pieces) + body[kept:]


_NAME = ENTRY.size
# Where in an entry the time of the last change and the size are.
_MTIME, _SIZE = 8, 36
_MODES = rb"\0\0(?:\x81[\xa4\xed]|\xa0\0|\xe0\0)"
_MODE = re.compile(_MODES, re.DOTALL)
_UNMERGED = re.compile(_MODES + rb".{32}[\x10-\x3f\x50-\x7f\x90-\xbf\xd0-\xff]", re.DOTALL)
_TRAILER = 20
# Spans of fewer bytes than this are walked entry by entry.
_WALK = 4096
# A search costs as much as walking this many entries; each change takes two.
_SEARCH = 50
# How many entries after a guessed one must be valid, too.
_CHAIN = 3
# Extensions that are kept, and those that are dropped (git rebuilds them); others need the git program.
_KEPT, _DROPPED = (b"TREE", b"REUC"), (b"EOIE", b"IEOT")


Layout = tuple[int, list[tuple[bytes, int, int]]]


class RawIndex:
    """An index as bytes or as a mapped file."""

    def __init__(self, data: bytes | mmap.mmap, layout: Layout | None = None) -> None:
        """Take the bytes of an index, and its layout if it is known already.

        Raise CorruptIndexError or UnsupportedIndexError.
        """
        if len(data) < HEADER.size + _TRAILER:
            raise CorruptIndexError("it is truncated")
        signature, self.version, self.count = HEADER.unpack_from(data)
        if signature != b"DIRC" or not 2 <= self.version <= 4:
            raise CorruptIndexError("it has no index header")
        if self.version == 4:
            raise UnsupportedIndexError("version 4")
        self._data = data
        self._last = len(data) - _TRAILER
        self._names: list[bytes] = []
        self._starts: list[int] = []
        self.entries_end, self.extensions = layout or self._find_end()
        for name, _, _ in self.extensions:
            if name not in _KEPT + _DROPPED:
                raise UnsupportedIndexError(f"extension {name!r}")

    @property
    def layout(self) -> Layout:
        """The end of the entries and the extensions; pass it to a later read of the same bytes."""
        return self.entries_end, self.extensions

    def check(self) -> None:
        """Raise CorruptIndexError unless the checksum is correct (or absent, as with index.skipHash)."""
        trailer = bytes(self._data[self._last :])
        if any(trailer) and digests.sha1(memoryview(self._data)[: self._last]).digest() != trailer:
            raise CorruptIndexError("its checksum is wrong")

    def entry(self, path: bytes) -> IndexEntry | None:
        """Return the entry of `path` (of several stages the first), or None."""
        at = self._find(path)
        return self._read(at) if at < self.entries_end and self._name(at) == path else None

    def walk(self) -> Iterator[tuple[bytes, IndexEntry]]:
        """Yield every path and entry in order."""
        for at, name in self._named():
            yield name, self._read(at)

    def among(self, paths: Container[bytes]) -> Iterator[tuple[bytes, IndexEntry]]:
        """Yield what `walk` yields of these paths; the other entries are passed over."""
        for at, name in self._named():
            if name in paths:
                yield name, self._read(at)

    def has_conflicts(self) -> bool:
        """Whether an entry is unmerged."""
        for name, start, _ in self.extensions:
            if name == b"TREE" and bytes(self._data[start : start + 3]) not in (b"", b"\0-1"):
                return False  # git does not cache the tree of a conflicted index
        for match in _UNMERGED.finditer(self._data, HEADER.size, self.entries_end):
            start = match.start() - 24
            if (start - HEADER.size) % 8 == 0 and start >= HEADER.size and self._is_entry(start, _CHAIN):
                return True
        return False

    def distrust(self, since_ns: int) -> None:
        """Have git look again into files that were changed in the moment when the index was written, `since_ns` or
        later: once the index is newer, nothing else tells that they may have changed after that.
        """
        second = since_ns // 1_000_000_000
        found = [at for number in (second, second + 1) for at in self._changed_in(number, since_ns)]
        if found:
            data = bytearray(self._data)
            for at in found:
                data[at + _SIZE : at + _SIZE + 4] = bytes(4)
            self._data = bytes(data)

    def _changed_in(self, second: int, since_ns: int) -> Iterator[int]:
        """Yield where the entries are whose file was last changed in a second of the clock, from `since_ns` on."""
        sought = struct.pack(">I", second & 0xFFFFFFFF)
        at = self._data.find(sought, HEADER.size)
        while 0 <= at < self.entries_end:
            start = at - _MTIME
            nanoseconds = int.from_bytes(self._data[at + 4 : at + 8], "big")
            is_late = second * 1_000_000_000 + nanoseconds >= since_ns
            if is_late and start >= HEADER.size and (start - HEADER.size) % 8 == 0 and self._is_entry(start, _CHAIN):
                yield start
            at = self._data.find(sought, at + 4)

    def patched(
        self, changes: Mapping[bytes, NewEntry | None], *, search_cost: int = _SEARCH
    ) -> list[bytes | memoryview]:
        """Return the pieces of the index with each path of `changes` set or removed.

        A file replaces a directory of the same name, and the reverse.
        """
        # By where a cut begins: its end, and what is put there.
        cuts: dict[int, tuple[int, list[bytes]]] = {}
        fine: set[bytes] = set()
        count = self.count
        if 2 * len(changes) * search_cost > count:
            self._list_all()
        for path, new in sorted(changes.items()):
            start, end, found = self._span(path)
            count -= found
            # Several new entries may be inserted before the same old one; they come in order.
            had_end, put = cuts.get(start, (start, []))
            cuts[start] = (max(end, had_end), put)
            if new is not None:
                put.append(packed(path, new))
                # Next to an entry that is there, none is that would conflict with it.
                count += 1 - (self._cut_clashes(path, changes, cuts, fine) if end == start else 0)
        data = memoryview(self._data)
        has_extended = any(new is not None and new.is_skipped for new in changes.values())
        version = max(self.version, 3) if has_extended else self.version
        pieces: list[bytes | memoryview] = [HEADER.pack(b"DIRC", version, count)]
        at = HEADER.size
        for start, (end, put) in sorted(cuts.items()):
            pieces += [data[at:start], *put]
            at = max(end, at)
        pieces.append(data[at : self.entries_end])
        for name, start, stop in self.extensions:
            if name in _KEPT:
                body = bytes(data[start:stop])
                body = invalidated(body, changes) if name == b"TREE" else body
                pieces += [name, struct.pack(">I", len(body)), body]
        digest = digests.sha1(size=sum(map(len, pieces)))
        for piece in pieces:
            digest.update(piece)
        return [*pieces, digest.digest() if any(data[self._last :]) else bytes(_TRAILER)]

    def _cut_clashes(
        self,
        path: bytes,
        changes: Mapping[bytes, NewEntry | None],
        cuts: dict[int, tuple[int, list[bytes]]],
        fine: set[bytes],
    ) -> int:
        """Remove entries that conflict with a new `path`; return how many. Those in `changes` are handled already, and
        `fine` holds the directories that were checked before.
        """
        clashing = []
        end = path.rfind(b"/")
        while end > 0 and (prefix := path[:end]) not in fine:
            at = self._find(prefix)
            if at < self.entries_end and self._name(at) == prefix:
                clashing.append(at)
            fine.add(prefix)
            end = path.rfind(b"/", 0, end)
        at = self._find(path + b"/")
        while at < self.entries_end and self._name(at).startswith(path + b"/"):
            clashing.append(at)
            at = self._next(at)
        found = 0
        for at in clashing:
            end, put = cuts.get(at, (at, []))
            if end == at and self._name(at) not in changes:
                cuts[at] = (self._next(at), put)
                found += 1
        return found

    def _span(self, path: bytes) -> tuple[int, int, int]:
        """Return where the entries of `path` begin and end, and how many they are: none, one, or some stages."""
        if self._names:
            first = bisect_left(self._names, path)
            last = bisect_right(self._names, path, first)
            return self._start(first), self._start(last), last - first
        start = end = self._find(path)
        found = 0
        while end < self.entries_end and self._name(end) == path:
            end = self._next(end)
            found += 1
        return start, end, found

    def _start(self, number: int) -> int:
        return self._starts[number] if number < len(self._starts) else self.entries_end

    def _find(self, path: bytes) -> int:
        """Return the offset of the first entry whose name is not less than `path`, or the end of the entries."""
        if self._names:
            return self._start(bisect_left(self._names, path))
        low, high = HEADER.size, self.entries_end
        while high - low > _WALK:
            start = self._resync((low + high) // 2, high)
            if start is None:
                high = (low + high) // 2
            elif self._name(start) < path:
                low = start
            else:
                high = start
        at = low
        while at < self.entries_end and self._name(at) < path:
            at = self._next(at)
        return at

    def _list_all(self) -> None:
        """Record the offset of every entry: for many changes, that is faster than searching for each."""
        for at, name in self._named():
            self._names.append(name)
            self._starts.append(at)

    def _find_end(self) -> Layout:
        """Return the end of the entries, and the extensions after it."""
        at, low = HEADER.size, HEADER.size
        high = self._last
        while high - low > _WALK:
            middle = (low + high) // 2
            start = self._resync(middle, high)
            if start is None:
                high = middle
            else:
                low = at = start
        if self.count == 0:
            at = HEADER.size
        while at <= self._last:
            extensions = self._chain(at)
            if extensions is not None:
                return at, extensions
            if not self._is_entry(at, 1):
                break
            at = self._next(at)
        self.check()
        raise UnsupportedIndexError("its entries do not end where expected")

    def _chain(self, at: int) -> list[tuple[bytes, int, int]] | None:
        """Return the extensions from `at` as (name, start, end), None when they do not fit exactly."""
        found = []
        while at + 8 <= self._last:
            name = bytes(self._data[at : at + 4])
            size = int.from_bytes(self._data[at + 4 : at + 8], "big")
            if not name.isalpha() or at + 8 + size > self._last:
                return None
            found.append((name, at + 8, at + 8 + size))
            at += 8 + size
        return found if at == self._last else None

    def _resync(self, at: int, limit: int) -> int | None:
        for match in _MODE.finditer(self._data, at + 24, limit):
            start = match.start() - 24
            if (start - HEADER.size) % 8 == 0 and self._is_entry(start, _CHAIN):
                return start
        return None

    def _is_entry(self, at: int, chain: int) -> bool:
        """Whether an entry begins at `at`, followed by `chain` - 1 more if there are as many."""
        data = self._data
        for number in range(chain):
            if at + _NAME + 2 > self._last or (number and self._chain(at) is not None):
                return number > 0
            if _MODE.match(data, at + 24) is None:
                return False
            begin, end = self._name_span(at)
            after = at + ((end - at + 8) & ~7)
            if end <= begin or after > self._last or any(data[end:after]) or b"\0" in data[begin:end]:
                return False
            at = after
        return True

    def _name_span(self, at: int) -> tuple[int, int]:
        flags = int.from_bytes(self._data[at + 60 : at + 62], "big")
        begin = at + _NAME + (2 if flags & _EXTENDED else 0)
        length = flags & LENGTH
        if length == LENGTH:
            end = self._data.find(b"\0", begin + length)
            return begin, end if end >= 0 else self._last
        return begin, begin + length

    def _named(self) -> Iterator[tuple[int, bytes]]:
        """Yield where each entry begins, and its name, in order: what `_next` and `_name` say, without the calls."""
        data, at, last = self._data, HEADER.size, self._last
        while at < self.entries_end:
            high = data[at + 60]
            if high & 0x40 or high & 0x0F == 0x0F:  # extended, or a long name
                begin, end = self._name_span(at)
            else:
                begin = at + _NAME
                end = begin + ((high & 0x0F) << 8 | data[at + 61])
            yield at, data[begin:end]
            at += (end - at + 8) & ~7
            if at > last:
                raise CorruptIndexError("an entry extends beyond the end")

    def _name(self, at: int) -> bytes:
        begin, end = self._name_span(at)
        return self._data[begin:end]

    def _next(self, at: int) -> int:
        after = at + ((self._name_span(at)[1] - at + 8) & ~7)
        if after > self._last:
            raise CorruptIndexError("an entry extends beyond the end")
        return after

    def _read(self, at: int) -> IndexEntry:
        fields = ENTRY.unpack_from(self._data, at)
        flags = fields[11]
        more = int.from_bytes(self._data[at + _NAME : at + _NAME + 2], "big") if flags & _EXTENDED else 0
        return IndexEntry(
            fields[6],
            fields[10].hex(),
            (flags & _STAGE) >> 12,
            bool(flags & _ASSUMED),
            bool(more & _SKIPPED),
            bool(more & _INTENT),
            (*fields[0:4], fields[5], fields[9]),
        )
