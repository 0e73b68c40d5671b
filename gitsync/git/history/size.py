"""The room that a history takes: the versions of each file and their bytes on disk. Only reads.

Runs on the calling thread; owns nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A content that a history keeps: the name of its file, the instant that it was first committed, bytes on disk."""

    name: bytes
    first_at: float
    bytes: int


def stored_versions(history: History, is_over: Callable[[], bool] = lambda: False) -> list[StoredVersion]:
    """Return every content in a history, under the name that its file has now, or had last.

    A content that several files have counts for the one that had it last. Where `is_over` says so, it is left at what
    was read until then.
    """
    if history.head() is None:
        return []
    walk = VersionWalk()
    names: dict[str, bytes] = {}
    first_at: dict[str, float] = {}
    for data in history.program.stream(*LOG, "HEAD", "--", deadline_s=READ_S):
        walk.feed(data)
        while walk.found:
            version = walk.found.popleft()
            names.setdefault(version.blob, version.name)
            first_at[version.blob] = version.at
        if is_over():
            break
    sizes = _disk_sizes(history, list(names))
    return [StoredVersion(names[blob], first_at[blob], count) for blob, count in sizes.items()]


def file_sizes(history: History, path: bytes = b"", versions: Iterable[StoredVersion] | None = None) -> list[FileSize]:
    """Return the files at or below `path` (b"": all), the largest first; `versions` are those of the history."""
    sizes: dict[bytes, list[int]] = {}
    for version in stored_versions(history) if versions is None else versions:
        if not path or version.name == path or version.name.startswith(path + b"/"):
            sizes.setdefault(version.name, []).append(version.bytes)
    if not sizes:
        return []
    present = frozenset(history.ask("ls-tree", "-r", "-z", "--name-only", "--full-tree", "HEAD").split(b"\0"))
    found = [FileSize(name, len(counts), sum(counts), name in present) for name, counts in sizes.items()]
    return sorted(found, key=lambda item: (-item.bytes, item.path))


def _disk_sizes(history: History, blobs: list[str]) -> dict[str, int]:
    given = "".join(f"{blob}\n" for blob in blobs).encode("ascii")
    lines = history.ask("cat-file", "--batch-check=%(objectname) %(objectsize:disk)", "--buffer", input=given)
    pairs = [line.split() for line in lines.decode("ascii", "replace").splitlines()]
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
