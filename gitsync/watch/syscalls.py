"""inotify's three system calls and a wake-up descriptor, for Linux; independent of work trees.

An `Inotify` may be used by several threads. A `Wake` may be rung from any thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from typing import Protocol

from gitsync.core.temporary import TEMP_PREFIX

IN_MODIFY = 0x2
IN_ATTRIB = 0x4
IN_CLOSE_WRITE = 0x8
IN_MOVED_FROM = 0x40
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE = 0x200
IN_DELETE_SELF = 0x400
IN_MOVE_SELF = 0x800
IN_UNMOUNT = 0x2000
IN_Q_OVERFLOW = 0x4000
IN_IGNORED = 0x8000
IN_ONLYDIR = 0x1000000
IN_DONT_FOLLOW = 0x2000000
IN_EXCL_UNLINK = 0x4000000
IN_MASK_ADD = 0x20000000
IN_ISDIR = 0x40000000

# A few reads of this size empty a full queue of the usual 16,384 events with short names.
READ_SIZE = 1 << 18
_HEADER = struct.Struct("=iIII")


# Watch descriptor, mask, the cookie that pairs a move, and the name in the watched directory. A plain tuple, because
# three are created for each file that is written.
Event = tuple[int, int, int, bytes]


def _bind() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.inotify_init1.argtypes = (ctypes.c_int,)
    libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
    libc.inotify_rm_watch.argtypes = (ctypes.c_int, ctypes.c_int)
    libc.statfs.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    return libc


# statfs(2): ext2, ext3 and ext4; XFS; tmpfs. Others keep no count of subdirectories, or one that means nothing.
_COUNTING = frozenset((0xEF53, 0x58465342, 0x01021994))


def counts_subdirectories(path: bytes) -> bool:
    """Whether the link count of each directory on that file system is two and the number of its subdirectories."""
    facts = ctypes.create_string_buffer(256)
    if _bind().statfs(path, facts) != 0:
        return False
    return int(struct.unpack_from("@l", facts)[0]) in _COUNTING


class Watches(Protocol):
    """Watched directories, by descriptor."""

    def add(self, path: bytes, mask: int) -> int:
        """Watch `path` and return its watch descriptor."""
        ...

    def remove(self, wd: int) -> None:
        """Stop watching."""
        ...


class Inotify:
    """One inotify descriptor. Every call raises OSError with the kernel's errno."""

    def __init__(self) -> None:
        self._libc = _bind()
        self.fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise _last_error(b"")

    def add(self, path: bytes, mask: int) -> int:
        """Watch `path` and return the watch descriptor; a directory that is watched already keeps its descriptor."""
        wd: int = self._libc.inotify_add_watch(self.fd, path, mask)
        if wd < 0:
            raise _last_error(path)
        return wd

    def remove(self, wd: int) -> None:
        """Stop watching; a watch that the kernel has removed by itself is not an error."""
        self._libc.inotify_rm_watch(self.fd, wd)

    def read(self) -> bytes:
        """Return the result of one read, or b"" when there is nothing to read."""
        try:
            return os.read(self.fd, READ_SIZE)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Close the descriptor and all its watches; may be called more than once."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def _last_error(path: bytes) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), os.fsdecode(path))


def parse(data: bytes) -> list[Event]:
    """Return the events in a result of `Inotify.read`, in the kernel's order, but for those of gitsync's own temporary
    files: of nine events that a file of a pull causes, seven are about its temporary.
    """
    events: list[Event] = []
    position, end = 0, len(data)
    unpack = _HEADER.unpack_from
    while position < end:
        wd, mask, cookie, length = unpack(data, position)
        position += 16
        if not data.startswith(TEMP_PREFIX, position, position + length) or mask & IN_ISDIR:
            events.append((wd, mask, cookie, data[position : position + length].rstrip(b"\0") if length else b""))
        position += length
    return events


class Wake:
    """A descriptor that becomes readable when any thread rings it."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def ring(self) -> None:
        """Make the descriptor readable; never blocks."""
        with contextlib.suppress(BlockingIOError):  # the counter is at its maximum: it is readable already
            os.eventfd_write(self.fd, 1)

    def clear(self) -> None:
        """Make it unreadable again."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.fd)

    def __del__(self) -> None:
        # Closed only when no thread refers to it: ringing a closed descriptor could write to another file with the same
        # number.
        if hasattr(self, "fd"):
            os.close(self.fd)


def is_gone(error: OSError) -> bool:
    """Whether the error means that there is no directory at that path (any more)."""
    return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
