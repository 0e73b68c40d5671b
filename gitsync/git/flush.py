"""Brings files and names to the disk: all with one flush where little waits for it, else one by one. Any thread.

A flush takes from 0.2 to 20 ms, however little is written, and a commit is some six files in as many directories.
syncfs(2) writes them all at once, with everything else that waits for that file system: so it is used only while that
is little, and only where the file system is known to write everything, and to say when it could not.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import sys
from collections.abc import Iterable
from contextlib import suppress

# With more than this (bytes) in memory for any disk, what other programs wrote is not waited for: a second or so on a
# disk that turns, and once, as nothing of it waits any more then.
_LITTLE = 128 << 20
# The numbers in statfs(2) of ext2 to ext4, xfs, btrfs, f2fs, tmpfs. FUSE, for one, does not pass syncfs on.
_KNOWN = frozenset({0xEF53, 0x58465342, 0x9123683E, 0xF2F52010, 0x01021994})
# Before, syncfs did not report that something could not be written.
_REPORTS_ERRORS = (5, 8)
# The size of struct statfs, and more.
_STATFS = 256


# Network file systems, and some disks, know only fsync.
_NOT_HERE = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL)


def full_fsync(handle: int) -> None:
    """Sync an open file or directory to the disk itself, as git does; raise OSError."""
    # macOS's fsync leaves the data in the disk's own cache, which a power cut empties. git uses this since 2.36.
    command: int | None = getattr(fcntl, "F_FULLFSYNC", None)
    if command is not None:
        try:
            fcntl.fcntl(handle, command)
            return
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
    os.fsync(handle)


def flush_cache(path: str) -> None:
    """Have the disk write what was synced with fsync alone, as libgit2 does everywhere; raise OSError."""
    if getattr(fcntl, "F_FULLFSYNC", None) is not None:
        with suppress(FileNotFoundError):
            _sync(path)


def flush(paths: Iterable[str]) -> None:
    """Make the content of files, and the names in directories, durable; raise OSError.

    A path that is gone is passed over: `git gc` puts loose objects into a pack, which it syncs.
    """
    devices = _devices(paths)
    if len(devices) > 1 and _syncs_together() and _waiting() < _LITTLE:
        done = {device: _is_synced(path) for device, path in {device: path for path, device in devices.items()}.items()}
        devices = {path: device for path, device in devices.items() if not done[device]}
    for path in devices:
        with suppress(FileNotFoundError):
            _sync(path)


def _devices(paths: Iterable[str]) -> dict[str, int]:
    """Return the number of the file system that each path is on."""
    found = {}
    for path in paths:
        with suppress(FileNotFoundError):
            found[path] = os.stat(path).st_dev
    return found


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        full_fsync(handle)
    finally:
        os.close(handle)


def _is_synced(path: str) -> bool:
    """Write everything that waits for the file system of `path`; return whether that is known to be done.

    An error may be another file's: whether it is, an fsync of each says.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        libc = ctypes.CDLL(None)
        facts = ctypes.create_string_buffer(_STATFS)
        is_known = not libc.fstatfs(handle, facts) and ctypes.c_long.from_buffer(facts).value & 0xFFFFFFFF in _KNOWN
        return is_known and not libc.syncfs(handle)
    finally:
        os.close(handle)


def _syncs_together() -> bool:
    if sys.platform != "linux":
        return False
    release = os.uname().release.split(".")
    return tuple(int(part) for part in release[:2] if part.isdigit()) >= _REPORTS_ERRORS


def _waiting() -> int:
    """Return how many bytes wait in memory for all disks; very many where that is not known."""
    try:
        with open("/proc/meminfo", "rb") as stream:
            lines = stream.read().splitlines()
        return sum(int(line.split()[1]) << 10 for line in lines if line.startswith((b"Dirty:", b"Writeback:")))
    except (OSError, ValueError, IndexError):
        return sys.maxsize
