"""The commits of a history, numbered from the oldest: their names and times, 36 bytes for each.

The first of them may lie in a file, from which each fact is read when it is asked for, so that a long history takes no
memory; what came since is in memory. Filled by one thread at a time, read by any number: everything is only appended.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct

# Times are kept in 32 bits.
LATEST = (1 << 32) - 1
_LOW = 32
_TIME, _ORDER = Struct("=I"), Struct("=Q")


class OpenFile:
    """A file that is never written to again; closed when nothing refers to it any more."""

    def __init__(self, path: Path) -> None:
        self._descriptor = -1
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, at: int, size: int) -> bytes:
        """Return `size` bytes from `at` on, fewer at the end."""
        return os.pread(self._descriptor, size, at)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file."""

    file: OpenFile
    start: int
    size: int

    def read(self, at: int = 0, size: int | None = None) -> bytes:
        """Return `size` bytes from `at` on, by default all."""
        return self.file.read(self.start + at, self.size if size is None else size)

    def number(self, place: int, kind: Struct) -> int:
        """Return one of the numbers in it."""
        found: int = kind.unpack(self.read(place * kind.size, kind.size))[0]
        return found


@dataclass(frozen=True, slots=True)
class _Kept:
    """Commits in a file; `order` has the first four bytes of each name, and its number, sorted."""

    ids: Part
    times: Part
    latest: Part
    order: Part


@dataclass(slots=True)
class CommitTable:
    """Names and times of commits by their numbers, and numbers by names."""

    _id_bytes: int = 20
    # How many are in a file.
    _count: int = 0
    _kept: _Kept | None = None
    # The others.
    _ids: bytearray = field(default_factory=bytearray)
    _times: array[int] = field(default_factory=lambda: array("I"))
    _latest: array[int] = field(default_factory=lambda: array("I"))

    def __len__(self) -> int:
        """Return the number of commits."""
        return self._count + len(self._latest)

    def add(self, name: bytes, at: int) -> None:
        """Append a commit."""
        at = min(max(at, 0), LATEST)  # anybody can write anything into a commit
        self._id_bytes = len(name)
        latest = max(at, self.latest(len(self) - 1)) if len(self) else at
        self._ids += name
        self._times.append(at)
        # The last one: readers go by it.
        self._latest.append(latest)

    def id(self, number: int) -> bytes:
        """Return the name of a commit."""
        size = self._id_bytes
        if self._kept is not None and number < self._count:
            return self._kept.ids.read(number * size, size)
        place = number - self._count
        return bytes(self._ids[place * size : (place + 1) * size])

    def at(self, number: int) -> int:
        """Return the time of a commit, in seconds since the epoch."""
        if self._kept is not None and number < self._count:
            return self._kept.times.number(number, _TIME)
        return self._times[number - self._count]

    def latest(self, number: int) -> int:
        """Return the latest time of the commits up to this one: clocks of machines differ, but this never goes back."""
        if self._kept is not None and number < self._count:
            return self._kept.latest.number(number, _TIME)
        return self._latest[number - self._count]

    def before(self, instant: float) -> int:
        """Return how many commits there were before an instant."""
        return bisect_left(range(len(self)), instant, key=self.latest)

    def number(self, name: bytes) -> int:
        """Return the number of a commit, -1 for one that is not here."""
        at = len(self._ids)
        while (at := self._ids.rfind(name, 0, at + len(name) - 1)) >= 0:
            if at % self._id_bytes == 0:
                return self._count + at // self._id_bytes
        return -1 if self._kept is None else self._kept_number(self._kept.order, name)

    def _kept_number(self, order: Part, name: bytes) -> int:
        start = _start(name)
        first = bisect_left(range(self._count), start << _LOW, key=lambda place: order.number(place, _ORDER))
        for place in range(first, self._count):
            found = order.number(place, _ORDER)
            if found >> _LOW != start:
                break
            if self.id(found & LATEST) == name:
                return found & LATEST
        return -1

    def parts(self) -> dict[str, bytes]:
        """Return everything, for a file."""
        kept = ("ids", "times", "latest")
        before = {name: b"" if self._kept is None else getattr(self._kept, name).read() for name in kept}
        ids, size = before["ids"] + bytes(self._ids), self._id_bytes
        order = array("Q", sorted(_start(ids[at * size : at * size + 4]) << _LOW | at for at in range(len(self))))
        return {
            "ids": ids,
            "times": before["times"] + self._times.tobytes(),
            "latest": before["latest"] + self._latest.tobytes(),
            "order": order.tobytes(),
        }

    @classmethod
    def of(cls, parts: Mapping[str, Part]) -> CommitTable:
        """Return the table whose parts are in a file; raise ValueError where they do not belong together."""
        kept = _Kept(*(parts[name] for name in ("ids", "times", "latest", "order")))
        count = kept.times.size // _TIME.size
        size = kept.ids.size // max(count, 1)
        sizes = [kept.ids.size, kept.times.size, kept.latest.size, kept.order.size]
        if size not in (20, 32) or sizes != [size * count, 4 * count, 4 * count, 8 * count]:
            raise ValueError("its parts have different lengths")
        return cls(size, count, kept)


def _start(name: bytes) -> int:
    return int.from_bytes(name[:4], "big")
