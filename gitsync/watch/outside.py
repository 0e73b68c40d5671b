"""Detects events that concern every exchange: the network comes or goes, the clock jumps.

Runs on the waiting thread; `ring` may be called from any. The kernel reports both, so that an idle machine does no
work: rtnetlink reports addresses, links and routes, and a wall clock timer that never expires is cancelled by the
kernel when the clock is set, which it also does after each sleep. Linux only; other systems need no thread for this.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import select
import socket
import struct
from dataclasses import dataclass

from gitsync.watch.syscalls import Wake

logger = logging.getLogger(__name__)

# linux/rtnetlink.h: RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE.
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
_CLOCK_REALTIME = 0
# linux/timerfd.h: TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET.
_ABSOLUTE_AND_CANCELLED = 0x1 | 0x2
_FAR_AWAY_S = 2**40
# When a network comes up, the kernel sends many small messages.
SETTLE_MS = 300


@dataclass(frozen=True, slots=True)
class News:
    """The reasons why the thread woke up."""

    has_network_changed: bool = False
    has_clock_jumped: bool = False
    has_other: bool = False


class Outside:
    """The descriptors on which one thread waits for everything outside the work trees."""

    def __init__(self, timer: int | None = None) -> None:
        """Open them; `timer` is a descriptor to be used in the place of the timer on the wall clock."""
        self._wake = Wake()
        self._poll = select.poll()
        self._poll.register(self._wake.fd, select.POLLIN)
        self._network = _listen_to_routes()
        if self._network is not None:
            self._poll.register(self._network, select.POLLIN)
        self._timer = _wall_clock_timer() if timer is None else timer
        if self._timer is not None:
            self._poll.register(self._timer, select.POLLIN)
        self._other: int | None = None

    def wait_for(self, fd: int | None) -> None:
        """Wake up for a descriptor of the thread's too; None for none. To be called before that one is closed."""
        if self._other is not None and self._other != fd:
            self._poll.unregister(self._other)
        if fd is not None:
            self._poll.register(fd, select.POLLIN)
        self._other = fd

    def ring(self) -> None:
        """Wake the waiting thread; may be called from any thread."""
        self._wake.ring()

    def wait(self, timeout_s: float | None = None) -> News:
        """Block until something happens, or for `timeout_s` seconds."""
        ready = {fd for fd, _ in self._poll.poll(None if timeout_s is None else timeout_s * 1000)}
        self._wake.clear()
        has_changed = self._network is not None and self._network.fileno() in ready
        if has_changed:
            self._drain()
        has_jumped = self._timer is not None and self._timer in ready
        if has_jumped:
            self._rearm()
        return News(has_changed, has_jumped, self._other in ready)

    def close(self) -> None:
        """Close the descriptors."""
        if self._network is not None:
            self._network.close()
        if self._timer is not None:
            os.close(self._timer)

    def _drain(self) -> None:
        assert self._network is not None
        quiet = select.poll()
        quiet.register(self._network, select.POLLIN)
        while True:
            try:
                while self._network.recv(1 << 16, socket.MSG_DONTWAIT):
                    pass
            except BlockingIOError:
                if not quiet.poll(SETTLE_MS):
                    return
            except OSError as error:
                # Messages were dropped, but it is enough to know that something changed.
                if error.errno != errno.ENOBUFS:
                    raise

    def _rearm(self) -> None:
        assert self._timer is not None
        try:
            os.read(self._timer, 8)
        except OSError as error:
            if error.errno not in (errno.ECANCELED, errno.EAGAIN):
                raise
        _arm(self._timer)


def _listen_to_routes() -> socket.socket | None:
    try:
        found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        found.bind((0, _GROUPS))
    except OSError as error:  # a sandbox without netlink: retries depend on back-off alone
        logger.debug("no network events: %s", error)
        return None
    return found


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _wall_clock_timer() -> int | None:
    fd = int(_libc().timerfd_create(_CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC))
    if fd < 0 or not _arm(fd):
        logger.debug("no clock events: %s", os.strerror(ctypes.get_errno()))
        return None
    return fd


def _arm(fd: int) -> bool:
    never = struct.pack("=qqqq", 0, 0, _FAR_AWAY_S, 0)
    return int(_libc().timerfd_settime(fd, _ABSOLUTE_AND_CANCELLED, never, None)) == 0
