"""The file system calls that replace one version of a file by another, below a directory handle.

They never follow a symbolic link, and the previous version stays available for comparison afterwards.
Runs on the committer thread; owns nothing. Paths are bytes, relative to the root handle. Versions are compared by
fingerprint: kind, executable bit and a digest of the bytes on disk.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import stat
import sys
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from gitsync import digests
from gitsync.clock import SystemClock
from gitsync.git.applying.directories import Directories, Root, parent_of
from gitsync.git.files import TICK_NS
from gitsync.git.flush import full_fsync

ABSENT = ""
DIRECTORY = "directory"
SPECIAL = "special"
UNREADABLE = "unreadable"

# Suffix of the second name that a temporary gets while an exchange is emulated with hard links.
KEPT = b"~"

# Larger files are read piece by piece.
_PIECE = 1 << 20

_CLOCK = SystemClock()
# The coarsest times that a file system keeps are two seconds apart (FAT).
_RECENT_NS = 2_000_000_000 + TICK_NS
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LEASE: int | None = getattr(fcntl, "F_SETLEASE", None)

_NOREPLACE, _EXCHANGE = 1, 2  # Linux; on macOS RENAME_SWAP is 2 and RENAME_EXCL 4
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})


class BusyError(Exception):
    """Another process has the file open for writing, so its content is not final."""


def is_missing(error: OSError) -> bool:
    """Return whether the error means that nothing exists at that path in this tree."""
    return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def fingerprint_of_link(target: bytes) -> str:
    """Return the fingerprint of a symbolic link to `target`."""
    return "link:" + digests.sha256(target).hexdigest()


def fingerprint_of_file(data: bytes, *, is_executable: bool) -> str:
    """Return the fingerprint of a regular file with content `data`."""
    return ("exec:" if is_executable else "file:") + digests.sha256(data).hexdigest()


def comparable(version: str, *, has_modes: bool) -> str:
    """Return the fingerprint, without the executable bit where the file system has none (core.fileMode false)."""
    return version if has_modes else version.replace("exec:", "file:", 1)


class Sight(NamedTuple):
    """A version as it was read: its fingerprint, its stat data, and its content unless that is large.

    `is_alone`: it is known that no process had the file open for writing; some file systems do not tell.
    """

    fingerprint: str
    facts: os.stat_result | None = None
    data: bytes | None = None
    is_alone: bool = False

    def is_still(self, facts: os.stat_result | None, since_ns: int) -> bool:
        """Return whether a file with the stat data `facts` has this content, so that it need not be read again.

        `since_ns` is a moment before this version was read: a file that was changed later than that, or shortly before,
        may have been changed again without its stat data showing it.
        """
        if self.facts is None or facts is None or not self.is_alone or self.facts.st_mtime_ns >= since_ns - TICK_NS:
            return False
        return identity(self.facts) == identity(facts)


def identity(facts: os.stat_result) -> tuple[int, int, int, int, int]:
    """Return what differs between two files, and between two moments of one that was changed in the meantime."""
    return facts.st_dev, facts.st_ino, *_moment(facts)


def look(root: Root, path: bytes) -> str:
    """Return the fingerprint of `path`, or ABSENT when nothing is there (also behind a symbolic link).

    Raise BusyError while another process has the file open for writing or changes it during the read, and OSError
    when it cannot be read: an unreadable path is never treated as absent.
    """
    return see(root, path).fingerprint


def look_calmly(root: Root, path: bytes) -> str:
    """Return the fingerprint of `path` even while it is open for writing; never raises BusyError."""
    try:
        return see(root, path, is_calm=True).fingerprint
    except PermissionError:
        return UNREADABLE


def see(root: Root, path: bytes, *, is_calm: bool = False) -> Sight:
    """Return the version at `path`; raise as `look` does, and no BusyError if `is_calm`."""
    try:
        if isinstance(root, Directories):
            at, name = root.parent(path)
            return _see_at(at, name, is_calm)
        with parent_of(root, path) as (at, name):
            return _see_at(at, name, is_calm)
    except OSError as error:
        if is_missing(error):
            return Sight(ABSENT)
        raise


def _see_at(at: int, name: bytes, is_calm: bool) -> Sight:
    facts = os.stat(name, dir_fd=at, follow_symlinks=False)
    if stat.S_ISLNK(facts.st_mode):
        target = os.readlink(name, dir_fd=at)
        return Sight(fingerprint_of_link(target), facts, target)
    if not stat.S_ISREG(facts.st_mode):
        return Sight(DIRECTORY if stat.S_ISDIR(facts.st_mode) else SPECIAL, facts)
    handle = os.open(name, _READING, dir_fd=at)
    try:
        return _see_open(handle, name, facts, is_calm)
    finally:
        os.close(handle)


def _see_open(handle: int, name: bytes, before: os.stat_result, is_calm: bool) -> Sight:
    """Return the version in an open file; `before` is the stat data of what its name led to before it was opened."""
    # A file that was changed a moment ago may be written and closed during the read without another time.
    is_recent = before.st_mtime_ns >= int(_CLOCK.wall() * 1e9) - _RECENT_NS
    if is_recent and not is_calm and is_open_for_writing(handle):
        raise BusyError(os.fsdecode(name))
    data, digest = _read(handle, before.st_size)
    # The lease detects a process that has the file open; the times, one that wrote to it and closed it meanwhile.
    after = os.fstat(handle)
    if after.st_ino != before.st_ino or after.st_dev != before.st_dev:
        # It was replaced by another one before it was opened: that one is read again, between two looks at it.
        os.lseek(handle, 0, os.SEEK_SET)
        return _see_open(handle, name, after, is_calm)
    is_written = None if is_calm else _is_written(handle, is_last=True)
    if is_written or (not is_calm and _moment(before) != _moment(after)):
        raise BusyError(os.fsdecode(name))
    kind = "exec:" if after.st_mode & stat.S_IXUSR else "file:"
    return Sight(kind + digest, after, data, is_written is False)


def _read(handle: int, size: int) -> tuple[bytes | None, str]:
    """Return an open file's content, None of a large one, and its digest."""
    if size < _PIECE:
        # One byte more is asked for than there is: a file that grows meanwhile is read to its end.
        data = os.read(handle, size + 1)
        if len(data) <= size:
            return data, digests.sha256(data).hexdigest()
        os.lseek(handle, 0, os.SEEK_SET)
    digest = digests.sha256(size=size)
    while piece := os.read(handle, _PIECE):
        digest.update(piece)
    return None, digest.hexdigest()


def exists(root: Root, path: bytes) -> bool:
    """Return whether anything exists at `path`; raise OSError when that cannot be determined."""
    return _mode_of(root, path) is not None


def is_same(root: Root, path: bytes, other: bytes) -> bool:
    """Return whether both paths are names of the same inode; False when either does not exist."""
    found = []
    for each in (path, other):
        try:
            with parent_of(root, each) as (at, name):
                facts = os.stat(name, dir_fd=at, follow_symlinks=False)
        except OSError as error:
            if is_missing(error):
                return False
            raise
        found.append((facts.st_dev, facts.st_ino))
    return found[0] == found[1]


def is_plain(root: Root, path: bytes) -> bool:
    """Return whether `path` is a regular file or a symbolic link, which git can track."""
    mode = _mode_of(root, path)
    return mode is not None and (stat.S_ISREG(mode) or stat.S_ISLNK(mode))


def is_directory(root: Root, path: bytes) -> bool:
    """Return whether `path` is a directory, and not a symbolic link to one."""
    mode = _mode_of(root, path)
    return mode is not None and stat.S_ISDIR(mode)


def _mode_of(root: Root, path: bytes) -> int | None:
    facts = facts_of(root, path)
    return None if facts is None else facts.st_mode


def facts_of(root: Root, path: bytes) -> os.stat_result | None:
    """Return the stat data of what is at `path`, None of nothing; raise OSError when that cannot be determined."""
    try:
        if isinstance(root, Directories):
            at, name = root.parent(path)
            return os.stat(name, dir_fd=at, follow_symlinks=False)
        with parent_of(root, path) as (at, name):
            return os.stat(name, dir_fd=at, follow_symlinks=False)
    except OSError as error:
        if is_missing(error):
            return None
        raise


def _moment(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def is_open_for_writing(handle: int) -> bool:
    """Return whether a process has the file open for writing, by asking for a read lease; False where unsupported."""
    return bool(_is_written(handle))


def _is_written(handle: int, *, is_last: bool = False) -> bool | None:
    """Return whether a process has the file open for writing, None where the system does not tell.

    `is_last`: the file is closed now, which ends the lease.
    """
    if _LEASE is None:
        return None
    try:
        # A lease that another process breaks raises a signal; the default action of SIGIO would end this process.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, _LEASE, fcntl.F_RDLCK)
        if not is_last:
            fcntl.fcntl(handle, _LEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    return False


def exchange(root: Root, one: bytes, other: bytes) -> None:
    """Exchange two existing paths atomically; raise OSError.

    Where the file system has no exchange, `other` (the user's path) still holds a complete version at every moment:
    the old version gets a second name, and the new one is renamed over it only while the old one is still the same
    inode.
    """
    if isinstance(root, Directories):
        _exchange_at(*root.parent(one), *root.parent(other))
        return
    with parent_of(root, one) as (one_at, one_name), parent_of(root, other) as (other_at, other_name):
        _exchange_at(one_at, one_name, other_at, other_name)


def _exchange_at(one_at: int, one: bytes, other_at: int, other: bytes) -> None:
    try:
        _renameat2(one_at, one, other_at, other, _EXCHANGE)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        _exchange_by_links(one_at, one, other_at, other)


def _exchange_by_links(one_at: int, one: bytes, other_at: int, other: bytes) -> None:
    kept = one + KEPT
    os.link(other, kept, src_dir_fd=other_at, dst_dir_fd=one_at, follow_symlinks=False)
    try:
        before = os.stat(kept, dir_fd=one_at, follow_symlinks=False)
        now = os.stat(other, dir_fd=other_at, follow_symlinks=False)
        if (before.st_dev, before.st_ino) != (now.st_dev, now.st_ino):
            raise OSError(errno.EBUSY, "the file was replaced at this moment", os.fsdecode(other))
        os.rename(one, other, src_dir_fd=one_at, dst_dir_fd=other_at)
    except OSError:
        os.unlink(kept, dir_fd=one_at)
        raise
    os.rename(kept, one, src_dir_fd=one_at, dst_dir_fd=one_at)


def move_new(root: Root, source: bytes, target: bytes, *, is_made: bool = False) -> None:
    """Rename `source` to `target` without replacing anything; raise FileExistsError, or another OSError.

    With `is_made`, create the directories above `target`.
    """
    with parent_of(root, source) as (source_at, name), parent_of(root, target, is_made=is_made) as (target_at, new):
        try:
            _renameat2(source_at, name, target_at, new, _NOREPLACE)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            os.link(name, new, src_dir_fd=source_at, dst_dir_fd=target_at, follow_symlinks=False)
            os.unlink(name, dir_fd=source_at)


def remove(root: Root, path: bytes) -> None:
    """Unlink a temporary of gitsync's; do nothing when it does not exist."""
    try:
        if isinstance(root, Directories):
            at, name = root.parent(path)
            os.unlink(name, dir_fd=at)
            return
        with parent_of(root, path) as (at, name):
            os.unlink(name, dir_fd=at)
    except OSError as error:
        if not is_missing(error):
            raise


def remove_directory(root: Root, path: bytes) -> bool:
    """Remove an empty directory; return whether it no longer exists."""
    try:
        with parent_of(root, path) as (at, name):
            os.rmdir(name, dir_fd=at)
    except OSError as error:
        if is_missing(error):
            return True
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
            return False
        raise
    return True


def sync_directory(root: Root, path: bytes) -> None:
    """Sync a directory, so that its entries are durable; do nothing when it does not exist."""
    try:
        with parent_of(root, path + b"/.") as (at, _):
            full_fsync(at)
    except OSError as error:
        if not is_missing(error):
            raise


def sync_all(root: Root) -> bool:
    """Sync the whole file system with one call; return False where the system has no syncfs."""
    libc = _libc()
    if not hasattr(libc, "syncfs"):
        return False
    if libc.syncfs(root.root if isinstance(root, Directories) else root) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return True


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@cache
def _rename_call() -> Callable[[int, bytes, int, bytes, int], int] | None:
    name = "renameatx_np" if sys.platform == "darwin" else "renameat2"
    call = getattr(_libc(), name, None)
    if call is not None:
        call.argtypes = ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint
    return call


def _renameat2(from_at: int, from_name: bytes, to_at: int, to_name: bytes, flag: int) -> None:
    call = _rename_call()
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if sys.platform == "darwin":
        flag = {_NOREPLACE: 4, _EXCHANGE: 2}[flag]
    if call(from_at, from_name, to_at, to_name, flag) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fsdecode(to_name))
