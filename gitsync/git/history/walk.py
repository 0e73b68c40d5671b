"""Every version of every file, as `git log` lists them, newest first, with the name that each file has now.

Pure: it is fed with git's output piece by piece, so that what comes first can be used while the rest is still made.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from gitsync.git.objects.modes import MODE_GITLINK

LOG = ("log", "--format=%x01%H%x00%ct", "--raw", "-z", "--no-abbrev", "-M", "--no-ext-diff", "--no-color")


@dataclass(frozen=True, slots=True)
class BlobVersion:
    """A version of a file: what it was called then (`path`), and what it is called now, or was last (`name`).

    `file` tells two files that had one name after each other apart; `at` is in seconds since the epoch.
    """

    commit: str
    at: float
    path: bytes
    name: bytes
    file: int
    blob: str


@dataclass(slots=True)
class VersionWalk:
    """Reads the output of LOG; `found` are the versions that nobody has taken yet, in its order."""

    found: deque[BlobVersion] = field(default_factory=deque)
    _rest: bytes = b""
    _commit: str = ""
    _at: float = 0.0
    # The name that a file has now and its number, by the name that it has at this point of the walk into the past.
    _names: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    _count: int = 0

    def feed(self, data: bytes) -> None:
        """Take a piece of git's output; b"" is its end."""
        pieces = (self._rest + data).split(b"\0")
        at = 0
        while at < len(pieces) and (used := self._take(pieces, at)):
            at += used
        self._rest = b"\0".join(pieces[at:])

    def _take(self, pieces: list[bytes], at: int) -> int:
        """Take the commit or the path that begins at `at`; return how many pieces it has, 0 where some are to come."""
        line = pieces[at].lstrip(b"\n")
        left = len(pieces) - at - 1  # the last piece is never whole: it is what is behind the last separator
        if line.startswith(b"\x01"):
            if left < 2:
                return 0
            self._commit, self._at = line[1:].decode("ascii"), float(pieces[at + 1])
            return 2
        if line.startswith(b":"):
            status = line.rpartition(b" ")[2][:1]
            count = 3 if status in (b"R", b"C") else 2
            if left < count:
                return 0
            self._take_path(line, status, pieces[at + 1 : at + count])
            return count
        return 1 if left else 0

    def _take_path(self, line: bytes, status: bytes, names: list[bytes]) -> None:
        path = names[-1]
        known = self._names.get(path)
        if known is None or status == b"D":
            self._count += 1
            known = self._names[path] = (path, self._count)
        if status in (b"A", b"R", b"C"):
            del self._names[path]
        if status == b"R":
            self._names[names[0]] = known
        _, mode, _, blob, _ = line[1:].split(b" ")
        if status != b"D" and int(mode, 8) != MODE_GITLINK:
            self.found.append(BlobVersion(self._commit, self._at, path, *known, blob.decode("ascii")))
