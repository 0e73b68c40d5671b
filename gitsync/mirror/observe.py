"""What is at one path below home or below the mirror. Runs on the committer thread; owns the handle of its root.

Nothing is followed. A path behind a symbolic link is not absent, it is out of reach: taken for a deletion, a
directory that its user moved away and linked to would take all its files out of the mirror.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from types import TracebackType

from gitsync import digests
from gitsync.core.dotfiles import ABSENT, SHARED_BITS, FileKind, Fingerprint
from gitsync.git.applying import atomic_replace
from gitsync.git.applying.directories import Directories, parent_of
from gitsync.git.objects.store import BLOB, object_id_of
from gitsync.git.staging.contents import KnownContents, ReadContent, moment_of


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
_UNREAD = ReadContent("", "", is_alone=False)


class Looker:
    """Looks below one root, and remembers what unchanged files hold; a context manager that holds the root open.

    It may be entered again inside. Each time, and by `renew`, the directories that are open are compared with their
    paths again."""

    def __init__(self, root: bytes, contents: KnownContents) -> None:
        self.root = root
        self._directories: Directories | None = None
        self._depth = 0
        self._contents = contents
        self._device = 0

    def __enter__(self) -> Looker:
        if self._depth == 0:
            self._directories = Directories(self.root)
            self._device = os.fstat(self._directories.root).st_dev
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
        """Return the file system that the root is on, while it is held open."""
        return self._device

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

    def glance(self, path: bytes) -> Seen | None:
        """Return a file of this user's by its stat data alone, without its content; None for all else, and where the
        user may not read it.
        """
        facts = self.stat(path)
        if facts is None or not stat.S_ISREG(facts.st_mode):
            return None
        is_readable = facts.st_uid == os.geteuid() and bool(facts.st_mode & stat.S_IRUSR)
        return _seen(facts, _UNREAD) if is_readable else None

    def stat(self, path: bytes) -> os.stat_result | None:
        """Return the stat data of what is at `path`, None where nothing is, or where it cannot be looked at."""
        try:
            with parent_of(self.handle, path) as (at, name):
                return os.stat(name, dir_fd=at, follow_symlinks=False)
        except OSError:
            return None

    def directory_mode(self, path: bytes) -> int | None:
        """Return the permissions of a directory, None when there is none."""
        facts = self.stat(path)  # what cannot be looked at has no permissions that could be kept
        is_directory = facts is not None and stat.S_ISDIR(facts.st_mode)
        return stat.S_IMODE(facts.st_mode) & SHARED_BITS if facts is not None and is_directory else None

    def inode_of(self, path: bytes) -> int:
        """Return the inode number of what is at `path`, 0 where nothing is, or where it cannot be looked at."""
        facts = self.stat(path)
        return 0 if facts is None else facts.st_ino

    def file_of(self, path: bytes) -> tuple[int, int] | None:
        """Return which regular file is at `path`, by device and inode; None where none is, or it cannot be read."""
        facts = self.stat(path)
        return _file(facts) if facts is not None and stat.S_ISREG(facts.st_mode) else None

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
        if moment_of(before) != moment_of(after) or (not is_calm and atomic_replace.is_open_for_writing(handle)):
            return Seen(Fingerprint(FileKind.HELD), file=_file(after), size=after.st_size)
        self._contents.remember(after, read)
        return _seen(before, read)


def _seen(facts: os.stat_result, content: ReadContent) -> Seen:
    version = Fingerprint(FileKind.FILE, content.id, stat.S_IMODE(facts.st_mode) & SHARED_BITS)
    return Seen(version, content.fingerprint, _file(facts), facts.st_size, facts.st_mtime_ns)


def _blocked(why: str) -> Seen:
    return Seen(Fingerprint(FileKind.BLOCKED), why=why)


def _file(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_dev, facts.st_ino


def _read(handle: int, size: int, *, is_alone: bool) -> ReadContent:
    """Return the blob id and the print of an open file; both are of what was read, which the caller compares."""
    blob = digests.sha1(b"blob %d\0" % size, size)
    plain = digests.sha256(size=size)
    while piece := os.read(handle, 1 << 20):
        blob.update(piece)
        plain.update(piece)
    return ReadContent(blob.hexdigest(), "file:" + plain.hexdigest(), is_alone)
