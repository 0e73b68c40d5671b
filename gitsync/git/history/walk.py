"""Every version of every file, as `git log` lists them, newest first, with the name that each file has now.

Pure: it is fed with git's output piece by piece, so that what comes first can be used while the rest is still made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

# A merge is listed with the files that are like in none of its parents. The rest overrides the user's configuration.
LOG = ("log", "--format=%x01%H%x00%ct", "--raw", "-z", "--no-abbrev", "-M", "-c", "--no-ext-diff", "--no-color",
       "--no-show-signature", "--no-relative", "-O/dev/null")  # fmt: skip
_GITLINK = b"160000"
# The length of an entry of an edit up to its path: the modes, the contents, a letter.
_PLAIN_EDIT = 98


class PathChange(NamedTuple):
    """A change of a path by a commit: `status` is a letter as in `git log --raw`, `was` the old path of a rename.

    `blob` is the new content, "" where there is none (a removal, a submodule); `old` the one before, or zeros.
    """

    commit: str
    at: float
    status: str
    path: bytes
    was: bytes
    old: str
    blob: str


class BlobVersion(NamedTuple):
    """A version of a file: what it was called then (`path`), and what it is called now, or was last (`name`).

    `at` is in seconds since the epoch.
    """

    commit: str
    at: float
    path: bytes
    name: bytes
    blob: str


@dataclass(slots=True)
class ChangeReader:
    """Reads the output of LOG."""

    _rest: bytes = b""
    _commit: str = ""
    _at: float = 0.0

    def read(self, data: bytes, skipped: Container[bytes] = ()) -> Iterator[PathChange]:
        """Yield the changes that are complete with a piece of git's output, but for edits to a `skipped` content."""
        pieces = (self._rest + data).split(b"\0")
        at, last = 0, len(pieces) - 1  # the last piece is never whole: it is what is behind the last separator
        while at < last:
            line = pieces[at].lstrip(b"\n")
            if len(line) == _PLAIN_EDIT and line[97:] == b"M" and line[56:96] in skipped and at + 2 <= last:
                at += 2
            elif line[:1] == b":":
                status = line.rpartition(b" ")[2]
                count = 3 if line[1:2] != b":" and status[:1] in (b"R", b"C") else 2
                if at + count > last:
                    break
                yield self._change(line, status, pieces[at + 1], pieces[at + count - 1])
                at += count
            elif line[:1] == b"\x01":
                if at + 2 > last:
                    break
                self._commit, self._at = line[1:].decode("ascii"), float(pieces[at + 1])
                at += 2
            else:
                at += 1
        self._rest = b"\0".join(pieces[at:])

    def _change(self, line: bytes, status: bytes, was: bytes, path: bytes) -> PathChange:
        fields = line.lstrip(b":").split(b" ")
        mode, old, blob = fields[len(fields) // 2 - 1], fields[len(fields) // 2], fields[-2]
        if line[:2] == b"::":
            # A merge has a letter for each parent: it adds what none had, and removes what has no mode any more.
            letter = "D" if mode == b"000000" else "A" if not status.strip(b"A") else "M"
        else:
            letter = status[:1].decode("ascii")
        has_blob = letter != "D" and mode != _GITLINK
        named = was if letter in "RC" else b""
        return PathChange(
            self._commit, self._at, letter, path, named, old.decode("ascii"), blob.decode("ascii") if has_blob else ""
        )


@dataclass(slots=True)
class VersionWalk:
    """Follows the names of files through LOG; `found` are the versions that nobody has taken yet, in its order."""

    found: deque[BlobVersion] = field(default_factory=deque)
    _reader: ChangeReader = field(default_factory=ChangeReader)
    # The name that a file has now, by the name that it has at this point of the walk into the past.
    _names: dict[bytes, bytes] = field(default_factory=dict)

    def feed(self, data: bytes, skipped: Container[bytes] = ()) -> None:
        """Take a piece of git's output; b"" is its end. Edits to a `skipped` content are left out: no name depends on
        them.
        """
        names = self._names
        for commit, at, status, path, was, _, blob in self._reader.read(data, skipped):
            name = path if status == "D" else names.get(path, path)
            if status in "ARC":
                names.pop(path, None)
            elif name != path or path in names:
                names[path] = name
            if status == "R":
                names[was] = name
            if blob:
                self.found.append(BlobVersion(commit, at, path, name, blob))

    def name_before(self, path: bytes) -> bytes:
        """Return what a file is called now that has this name before everything that was fed."""
        return self._names.get(path, path)
