"""What is on disk at one path, by the read rule. Runs on the committer thread; owns the directory handles it opened.

Nothing is followed: every directory on the way is opened by itself, without symbolic links. A file counts when it
did not change between two looks at it, and while nobody has it open for writing. A path that cannot be looked at is
never an absent one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import NamedTuple

from gitsync.clock import SystemClock
from gitsync.core.spelling import composed
from gitsync.errors import OperationError
from gitsync.git.files import TICK_NS
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_FILE, MODE_LINK, MODE_TREE

_FORCED_TRIES = 3
# Plain numbers: those of the modules are looked up, and converted, for each call.
_LEASE, _SETSIG = getattr(fcntl, "F_SETLEASE", None), getattr(fcntl, "F_SETSIG", 0)
_READ, _NONE = fcntl.F_RDLCK, fcntl.F_UNLCK
_SIGNAL = int(signal.SIGURG)
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | getattr(os, "O_NOCTTY", 0)


class FoundKind(StrEnum):
    """What a look at a path came to."""

    FILE = "file"
    LINK = "link"
    DIRECTORY = "directory"
    ABSENT = "absent"
    SPECIAL = "special"
    UNREADABLE = "unreadable"
    LATER = "later"


class Found(NamedTuple):
    """What is at a path: `data` of a file or link, or `blob` when a git child stored it already.

    `is_racy`: the file may change again without its stat data showing it.
    """

    kind: FoundKind
    mode: int = 0
    data: bytes | None = None
    blob: str | None = None
    stat: os.stat_result | None = None
    reason: str = ""
    is_racy: bool = False


class Reader:
    """Looks at paths below one root while it is open; keeps the handles of the directory last used until `close`."""

    def __init__(self, root: str | bytes, *, is_composing: bool = False) -> None:
        """With `is_composing`, names are returned as git on macOS stores them."""
        self._place = root
        self._spelled = composed if is_composing else bytes
        self._root = -1
        self._identity: tuple[int, int] | None = None
        self._way: list[tuple[bytes, int]] = []
        self._above: bytes | None = b""
        self._clock = SystemClock()

    def __enter__(self) -> Reader:
        """Open the root; raise OperationError when it is not there, or not the one that was opened before."""
        try:
            self._root = os.open(self._place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            where = os.fsdecode(self._place)
            raise OperationError(
                f"cannot look at {where}: {error.strerror}", "is the disk mounted?", code="root-vanished"
            ) from error
        facts = os.fstat(self._root)
        self._identity = self._identity or (facts.st_dev, facts.st_ino)
        if self._identity != (facts.st_dev, facts.st_ino):
            self.close()
            where = os.fsdecode(self._place)
            raise OperationError(f"{where} is another directory than it was", "look at it", code="root-replaced")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every handle; the directories may be moved before the next use."""
        while self._way:
            os.close(self._way.pop()[1])
        self._above = b""
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def look(self, path: bytes) -> Found:
        """Return what kind of thing is at `path`, its stat, and no content."""
        try:
            parent, name = self._parent(path)
            return _looked(os.stat(name or b".", dir_fd=parent, follow_symlinks=False))
        except OSError as error:
            return fault(error)

    def read(
        self,
        path: bytes,
        *,
        is_forced: bool = False,
        through: Callable[[int], str] | None = None,
        seen: Found | None = None,
    ) -> Found:
        """Return what is at `path`, with its content; `seen` is what a look at it has just found.

        A file that changes while it is read, or that somebody has open for writing, is LATER; with `is_forced` it is
        taken as it is. `through` gets the open file and returns the id of the blob it stored; it may raise
        OperationError.
        """
        found = self._read_once(path, is_forced, through, seen)
        for _ in range(_FORCED_TRIES - 1 if is_forced else 0):
            if found.kind is not FoundKind.LATER:
                return found
            found = self._read_once(path, is_forced, through)
        if is_forced and found.kind is FoundKind.LATER and (found.data is not None or found.blob):
            return found._replace(kind=FoundKind.FILE, is_racy=True)
        return found

    def names(self, path: bytes) -> list[tuple[bytes, bool]]:
        """Return the names in directory `path` and whether each is a directory; raise OSError as the system does."""
        parent, name = self._parent(path)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(name or b".", flags, dir_fd=parent)
        try:
            with os.scandir(handle) as entries:
                return sorted(
                    (self._spelled(os.fsencode(entry.name)), entry.is_dir(follow_symlinks=False)) for entry in entries
                )
        finally:
            os.close(handle)

    def _parent(self, path: bytes) -> tuple[int, bytes]:
        above, _, name = path.rpartition(b"/")
        if above == self._above:
            return (self._way[-1][1] if self._way else self._root), name
        parts = above.split(b"/") if above else []
        self._above = None
        kept = 0
        while kept < min(len(parts), len(self._way)) and self._way[kept][0] == parts[kept]:
            kept += 1
        while len(self._way) > kept:
            os.close(self._way.pop()[1])
        for part in parts[kept:]:
            at = self._way[-1][1] if self._way else self._root
            self._way.append((part, os.open(part, _DIRECTORY, dir_fd=at)))
        self._above = above
        return (self._way[-1][1] if self._way else self._root), name

    def _read_once(
        self, path: bytes, is_forced: bool, through: Callable[[int], str] | None, seen: Found | None = None
    ) -> Found:
        try:
            parent, name = self._parent(path)
            found = seen or _looked(os.stat(name or b".", dir_fd=parent, follow_symlinks=False))
            if found.kind is FoundKind.LINK:
                target = os.readlink(name, dir_fd=parent)
                return found._replace(data=target, is_racy=self._is_racy(found.stat))
            if found.kind is not FoundKind.FILE:
                return found
            handle = os.open(name, _FILE, dir_fd=parent)
        except OSError as error:
            # Between the look and the open it became something else, or went away.
            is_other = error.errno in (errno.ELOOP, errno.ENXIO, errno.EINVAL)
            return Found(FoundKind.LATER) if is_other else fault(error)
        try:
            assert found.stat is not None
            return self._read_open(handle, is_forced, through, found.stat)
        except OSError as error:
            return fault(error)
        finally:
            os.close(handle)

    def _read_open(
        self, handle: int, is_forced: bool, through: Callable[[int], str] | None, before: os.stat_result
    ) -> Found:
        """Return what is in an open file, which had the stat data `before` when its path was looked at."""
        if not is_forced and _is_being_written(handle):
            return Found(FoundKind.LATER, stat=before)
        data = blob = None
        if through is None:
            data = _read_all(handle, before.st_size)
        else:
            blob = through(handle)
        after = os.fstat(handle)
        # Another file may have taken its path before it was opened.
        same = _is_same(before, after) and (data is None or len(data) == after.st_size)
        kind = FoundKind.FILE if same else FoundKind.LATER
        return Found(kind, _mode(after), data, blob, after, is_racy=self._is_racy(after))

    def _is_racy(self, facts: os.stat_result | None) -> bool:
        return facts is None or facts.st_ctime_ns >= int(self._clock.wall() * 1e9) - TICK_NS


def fault(error: OSError) -> Found:
    """Return ABSENT for an error that says so, else UNREADABLE with the system's words."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Found(FoundKind.ABSENT)
    if error.errno == errno.ELOOP:
        return Found(FoundKind.ABSENT)  # beyond a symbolic link: not in this tree
    return Found(FoundKind.UNREADABLE, reason=error.strerror or str(error))


def _looked(facts: os.stat_result) -> Found:
    if stat.S_ISREG(facts.st_mode):
        return Found(FoundKind.FILE, _mode(facts), stat=facts)
    if stat.S_ISLNK(facts.st_mode):
        return Found(FoundKind.LINK, MODE_LINK, stat=facts)
    if stat.S_ISDIR(facts.st_mode):
        return Found(FoundKind.DIRECTORY, MODE_TREE, stat=facts)
    return Found(FoundKind.SPECIAL, stat=facts)


def _mode(facts: os.stat_result) -> int:
    return MODE_EXECUTABLE if facts.st_mode & stat.S_IXUSR else MODE_FILE


def _is_same(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether nothing was changed between two looks at a file."""
    return (
        before.st_ctime_ns == after.st_ctime_ns
        and before.st_mtime_ns == after.st_mtime_ns
        and before.st_size == after.st_size
        and before.st_ino == after.st_ino
        and before.st_mode == after.st_mode
    )


def _read_all(handle: int, size: int) -> bytes:
    """Read to the end; one byte more than `size` is asked for, so that a file that grew is noticed at once."""
    piece = os.read(handle, size + 1)
    if len(piece) >= size:
        return piece  # if it grew, the second fstat says so
    # It became shorter, or the file system returns less than was asked for.
    pieces = [piece]
    wanted = max(size + 1 - len(piece), 65536)
    while piece := os.read(handle, wanted):
        pieces.append(piece)
        wanted = max(wanted - len(piece), 65536)
        if sum(map(len, pieces)) > size:
            break
    return b"".join(pieces)


def _is_being_written(handle: int) -> bool:
    """Whether somebody has the file open for writing, as a read lease tells; False where that cannot be known."""
    if _LEASE is None:
        return False
    try:
        # A lease that is broken while we hold it raises a signal; SIGIO's default would end the process.
        fcntl.fcntl(handle, _SETSIG, _SIGNAL)
        fcntl.fcntl(handle, _LEASE, _READ)
        fcntl.fcntl(handle, _LEASE, _NONE)  # EAGAIN, too, where an open for writing has just ended it
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False
