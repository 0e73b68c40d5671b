"""TCP connections of a child that the kernel probes while nothing is said, on Linux: no process wakes up for that.

Any thread; owns nothing. OpenSSH has an option that switches the probes on, and none that says how often they go: two
hours is what the kernel does by itself. So the descriptor is copied from the child, and the option set on the copy.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

# pidfd_getfd(2) has this number on every architecture, and no function in the C library before glibc 2.36.
PIDFD_GETFD = 438


def probe(pid: int, *, idle_s: int, every_s: int, count: int) -> bool:
    """Have the kernel probe the TCP connections of the child `pid`; return whether there is one and it does.

    Probes begin after `idle_s` seconds of silence. The connection ends when `count` probes, one each `every_s` seconds,
    had no answer.
    """
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return False
    found = 0
    try:
        for handle in _sockets(pid):
            with socket.socket(fileno=handle) as connection:
                if connection.family in (socket.AF_INET, socket.AF_INET6) and connection.type == socket.SOCK_STREAM:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, every_s)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)
                    found += 1
    except OSError as error:
        logger.debug("no probes for process %d: %s", pid, error)
        return False
    return found > 0


def _sockets(pid: int) -> Iterator[int]:
    """Yield copies of the sockets of a process, to be closed by the caller."""
    process = os.pidfd_open(pid)
    try:
        for entry in Path("/proc", str(pid), "fd").iterdir():
            if os.readlink(entry).startswith("socket:"):
                copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, int(entry.name), 0)
                if copy < 0:
                    number = ctypes.get_errno() or errno.EPERM
                    raise OSError(number, os.strerror(number))
                yield copy
    finally:
        os.close(process)
