"""The room that a history takes: the versions of each file and their bytes on disk. Only reads.

Runs on the calling thread; owns nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gitsync.git.history.log import History
from gitsync.git.history.walk import LOG, VersionWalk

KIB = 1024
READ_S = 600.0


@dataclass(frozen=True, slots=True)
class FileSize:
    """A file's versions and the bytes that they take in the object store, packed as they are now."""

    path: bytes
    versions: int
    bytes: int
    is_present: bool


def total_bytes(history: History) -> int:
    """Return how many bytes the objects of a repository take on disk, loose ones and packs."""
    lines = history.ask("count-objects", "-v").decode("ascii", "replace").splitlines()
    facts = dict(line.split(": ", 1) for line in lines if ": " in line)
    return KIB * (int(facts.get("size", 0)) + int(facts.get("size-pack", 0)))


class StoredVersion(NamedTuple):
    """A content that a history keeps: the name of its file, the instant that it was first committed, bytes on disk."""

    name: bytes
    first_at: float
    bytes: int


@dataclass(slots=True)
class StoredVersions:
    """Every content in a history, under the name that its file has now, or had last: sixteen bytes for each.

    A content that several files have counts for the one that had it last.
    """

    _names: dict[bytes, int] = field(default_factory=dict)
    _name: array[int] = field(default_factory=lambda: array("I"))
    _first_at: array[int] = field(default_factory=lambda: array("q"))
    _bytes: array[int] = field(default_factory=lambda: array("Q"))

    def __iter__(self) -> Iterator[StoredVersion]:
        """Yield each of them."""
        names = list(self._names)
        for name, at, count in zip(self._name, self._first_at, self._bytes, strict=True):
            yield StoredVersion(names[name], float(at), count)

    def add(self, name: bytes, at: float) -> int:
        """Add a content; return its place."""
        self._name.append(self._names.setdefault(name, len(self._names)))
        self._first_at.append(int(at))
        self._bytes.append(0)
        return len(self._name) - 1

    def is_first(self, place: int, at: float) -> None:
        """Note that a content is as old as this."""
        self._first_at[place] = int(at)

    def takes(self, place: int, count: int) -> None:
        """Note how many bytes a content takes."""
        self._bytes[place] = count


def stored_versions(history: History) -> StoredVersions:
    """Return every content in a history."""
    found = StoredVersions()
    if history.head() is None:
        return found
    walk = VersionWalk()
    # By the first eight bytes of an id: a whole one takes three times as much memory.
    places: dict[int, int] = {}

    def asked(data: bytes) -> bytes:
        """Return the ids of the contents that are new in a piece of the log."""
        walk.feed(data)
        new: list[str] = []
        while walk.found:
            version = walk.found.popleft()
            key = int(version.blob[:16], 16)
            place = places.get(key)
            if place is None:
                places[key] = found.add(version.name, version.at)
                new.append(f"{version.blob}\n")
            else:
                found.is_first(place, version.at)
        return "".join(new).encode("ascii")

    for place, count in enumerate(_disk_sizes(history, asked)):
        found.takes(place, count)
    return found


def file_sizes(history: History, path: bytes = b"", versions: StoredVersions | None = None) -> list[FileSize]:
    """Return the files at or below `path` (b"": all), the largest first; `versions` are those of the history."""
    sizes: dict[bytes, tuple[int, int]] = {}
    for version in stored_versions(history) if versions is None else versions:
        if not path or version.name == path or version.name.startswith(path + b"/"):
            count, total = sizes.get(version.name, (0, 0))
            sizes[version.name] = count + 1, total + version.bytes
    if not sizes:
        return []
    present = frozenset(history.ask("ls-tree", "-r", "-z", "--name-only", "--full-tree", "HEAD").split(b"\0"))
    found = [FileSize(name, count, total, name in present) for name, (count, total) in sizes.items()]
    return sorted(found, key=lambda item: (-item.bytes, item.path))


def _disk_sizes(history: History, asked: Callable[[bytes], bytes]) -> Iterator[int]:
    """Yield what the contents that `asked` names take on disk, in its order; 0 for one that is not here."""
    rest = b""
    check = ("cat-file", "--batch-check=%(objectsize:disk)", "--buffer")
    for data in history.program.pipe((*LOG, "HEAD", "--"), asked, check, deadline_s=READ_S):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield int(line) if line.isdigit() else 0
