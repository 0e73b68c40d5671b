"""What is at one path below home or below the mirror. Runs on the committer thread; owns the handle of its root.

Nothing is followed. A path behind a symbolic link is not absent, it is out of reach: taken for a deletion, a
directory that its user moved away and linked to would take all its files out of the mirror.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple

from gitsync import digests
from gitsync.clock import SystemClock
from gitsync.core.dotfiles import ABSENT, SHARED_BITS, FileKind, Fingerprint
from gitsync.git.applying import atomic_replace
from gitsync.git.applying.directories import Directories, parent_of
from gitsync.git.files import TICK_NS
from gitsync.git.objects.store import BLOB, object_id_of

_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A version with the data that identifies its file; `fingerprint` is that of `atomic_replace.look`."""

    version: Fingerprint
    fingerprint: str = atomic_replace.ABSENT
    file: tuple[int, int] = (0, 0)
    size: int = 0
    changed_ns: int = 0
    why: str = ""

    @property
    def moment(self) -> tuple[int, int, int, int]:
        """Return what tells the file from others, and from itself after it was written."""
        return *self.file, self.size, self.changed_ns

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.version.kind is FileKind.FILE


NOTHING = Seen(ABSENT)
_Moment = tuple[int, int, int, int, int]


class _Content(NamedTuple):
    """Blob id and print of a file; `is_alone`: nobody had it open for writing when it was read."""

    id: str
    fingerprint: str
    is_alone: bool


class KnownContents:
    """What unchanged files hold, by their stat data: home and mirror share it, as they share the files."""

    def __init__(self) -> None:
        self._known: dict[_Moment, _Content] = {}
        self._clock = SystemClock()

    def of(self, facts: os.stat_result) -> _Content | None:
        """Return what a file with these stat data holds, None where it has to be read."""
        return self._known.get(_moment(facts))

    def remember(self, facts: os.stat_result, content: _Content) -> None:
        """Remember what was read, unless a change within the same tick of the clock would not show."""
        if facts.st_ctime_ns < int(self._clock.wall() * 1e9) - TICK_NS:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[_moment(facts)] = content


class Looker:
    """Looks below one root, and remembers what unchanged files hold; a context manager that holds the root open.

    It may be entered again inside. Each time, and by `renew`, the directories that are open are compared with their
    paths again."""

    def __init__(self, root: bytes, contents: KnownContents) -> None:
        self.root = root
        self._directories: Directories | None = None
        self._depth = 0
        self._contents = contents

    def __enter__(self) -> Looker:
        if self._depth == 0:
            self._directories = Directories(self.root)
        self._depth += 1
        self.renew()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.handle.close()
            self._directories = None

    @property
    def handle(self) -> Directories:
        """Return the directories below the root, while it is held open."""
        assert self._directories is not None
        return self._directories

    def renew(self) -> None:
        """Compare each open directory with its path before it is used the next time: something was changed."""
        self.handle.renew()

    @property
    def device(self) -> int:
        """Return the file system that the root is on."""
        return os.fstat(self.handle.root).st_dev

    def look(self, path: bytes, *, is_calm: bool = False) -> Seen:
        """Return what is at `path`; `is_calm` takes a file as it is although somebody has it open for writing."""
        try:
            with parent_of(self.handle, path) as (at, name):
                return self._look_at(at, name, is_calm)
        except OSError as error:
            if atomic_replace.is_missing(error):
                link = self._link_above(path)
                return NOTHING if link is None else _blocked(f"{os.fsdecode(link)} is a symbolic link")
            return _blocked(error.strerror or str(error))

    def directory_mode(self, path: bytes) -> int | None:
        """Return the permissions of a directory, None when there is none."""
        try:
            with parent_of(self.handle, path) as (at, name):
                facts = os.stat(name, dir_fd=at, follow_symlinks=False)
        except OSError:
            return None  # what cannot be looked at has no permissions that could be kept
        return stat.S_IMODE(facts.st_mode) & SHARED_BITS if stat.S_ISDIR(facts.st_mode) else None

    def inode_of(self, path: bytes) -> int:
        """Return the inode number of what is at `path`, 0 where nothing is, or where it cannot be looked at."""
        try:
            with parent_of(self.handle, path) as (at, name):
                return os.stat(name, dir_fd=at, follow_symlinks=False).st_ino
        except OSError:
            return 0

    def file_of(self, path: bytes) -> tuple[int, int] | None:
        """Return which regular file is at `path`, by device and inode; None where none is, or it cannot be read."""
        try:
            with parent_of(self.handle, path) as (at, name):
                facts = os.stat(name, dir_fd=at, follow_symlinks=False)
        except OSError:
            return None
        return _file(facts) if stat.S_ISREG(facts.st_mode) else None

    def changed_at(self, path: bytes) -> float:
        """Return when the file at `path` was written, in seconds since the epoch; raise OSError."""
        with parent_of(self.handle, path) as (at, name):
            return os.stat(name, dir_fd=at, follow_symlinks=False).st_mtime

    def _link_above(self, path: bytes) -> bytes | None:
        """Return the symbolic link that `path` lies behind, None when it is plainly not there."""
        parts = path.split(b"/")[:-1]
        for count in range(1, len(parts) + 1):
            above = b"/".join(parts[:count])
            try:
                with parent_of(self.handle, above) as (at, name):
                    if stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                        return above
            except OSError:
                return None
        return None

    def _look_at(self, at: int, name: bytes, is_calm: bool) -> Seen:
        facts = os.stat(name, dir_fd=at, follow_symlinks=False)
        if stat.S_ISLNK(facts.st_mode):
            target = os.fsencode(os.readlink(name, dir_fd=at))
            return Seen(
                Fingerprint(FileKind.LINK, object_id_of(BLOB, target)),
                atomic_replace.fingerprint_of_link(target),
                _file(facts),
                len(target),
            )
        if stat.S_ISDIR(facts.st_mode):
            return NOTHING  # its files have paths of their own
        if not stat.S_ISREG(facts.st_mode):
            return _blocked("it is not a regular file")
        known = self._contents.of(facts)
        # Whoever opened it for writing since has not written: that would show, as it would in a mapping.
        if known is not None and (known.is_alone or is_calm):
            return _seen(facts, known)
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        try:
            return self._look_into(handle, is_calm)
        finally:
            os.close(handle)

    def _look_into(self, handle: int, is_calm: bool) -> Seen:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode) or (not is_calm and atomic_replace.is_open_for_writing(handle)):
            return Seen(Fingerprint(FileKind.HELD), file=_file(before), size=before.st_size)
        read = _read(handle, before.st_size, is_alone=not is_calm)
        after = os.fstat(handle)
        if _moment(before) != _moment(after) or (not is_calm and atomic_replace.is_open_for_writing(handle)):
            return Seen(Fingerprint(FileKind.HELD), file=_file(after), size=after.st_size)
        self._contents.remember(after, read)
        return _seen(before, read)


def _seen(facts: os.stat_result, content: _Content) -> Seen:
    version = Fingerprint(FileKind.FILE, content.id, stat.S_IMODE(facts.st_mode) & SHARED_BITS)
    return Seen(version, content.fingerprint, _file(facts), facts.st_size, facts.st_mtime_ns)


def _blocked(why: str) -> Seen:
    return Seen(Fingerprint(FileKind.BLOCKED), why=why)


def _file(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_dev, facts.st_ino


def _moment(facts: os.stat_result) -> _Moment:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _read(handle: int, size: int, *, is_alone: bool) -> _Content:
    """Return the blob id and the print of an open file; both are of what was read, which the caller compares."""
    blob = digests.sha1(b"blob %d\0" % size, size)
    plain = digests.sha256(size=size)
    while piece := os.read(handle, 1 << 20):
        blob.update(piece)
        plain.update(piece)
    return _Content(blob.hexdigest(), "file:" + plain.hexdigest(), is_alone)
