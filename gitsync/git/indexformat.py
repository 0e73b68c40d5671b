"""The pieces that git's index is made of, as bytes: entries, header, the cached-tree extension. Pure."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping
from typing import NamedTuple

HEADER = struct.Struct(">4sII")
ENTRY = struct.Struct(">10I20sH")
LENGTH = 0x0FFF


class UnsupportedIndexError(Exception):
    """An index that is fine, but not of the plain kind that is handled here."""


class CorruptIndexError(Exception):
    """An index that git could not read either."""


class IndexEntry(NamedTuple):
    """One entry: `stage` is above 0 in a conflict; git does not look at the file of one that is assumed or skipped."""

    mode: int
    id: str
    stage: int = 0
    is_assumed: bool = False
    is_skipped: bool = False
    is_intent: bool = False


class NewEntry(NamedTuple):
    """What an entry is to be; without `stat` git compares the content at its next look."""

    mode: int
    id: str
    stat: os.stat_result | None = None


def empty() -> bytes:
    """Return an index without entries."""
    head = HEADER.pack(b"DIRC", 2, 0)
    return head + hashlib.sha1(head).digest()


def packed(path: bytes, new: NewEntry) -> bytes:
    """Return an entry as an index of version 2 or 3 holds it; without a stat git looks at the file itself."""
    facts = new.stat
    times = (0, 0, 0, 0, 0, 0)
    owner = (0, 0, 0)
    if facts is not None:
        times = (
            *divmod(facts.st_ctime_ns, 1_000_000_000),
            *divmod(facts.st_mtime_ns, 1_000_000_000),
            facts.st_dev,
            facts.st_ino,
        )
        owner = (facts.st_uid, facts.st_gid, facts.st_size)
    numbers = (number & 0xFFFFFFFF for number in (*times, new.mode, *owner))
    head = ENTRY.pack(*numbers, bytes.fromhex(new.id), min(len(path), LENGTH))
    return (head + path).ljust((ENTRY.size + len(path) + 8) & ~7, b"\0")


def invalidated(body: bytes, changes: Mapping[bytes, NewEntry | None]) -> bytes:
    """Return the cached-tree extension with every directory on the way to a changed path marked as to be made anew."""
    stale: set[bytes] = {b""}
    for path in changes:
        at = len(path)
        while at > 0:
            stale.add(path[:at])  # the path itself, too: a directory that a file has replaced
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
