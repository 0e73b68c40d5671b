"""Notices by looking, where the kernel does not report it (macOS), that the clock has jumped, or the network changed.

Runs on the thread `system-events`, which calls `take` every few seconds.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

from gitsync.clock import boot_offset

LOOK_EVERY_S = 10.0
# A wall clock that ran this much ahead of the monotonic one means that the machine slept.
JUMP_S = 10.0
# Reserved for documentation (RFC 5737, RFC 3849): nobody has them, and nothing is sent there.
_AWAY = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


class Seen(NamedTuple):
    """The changes since the last look."""

    has_network_changed: bool
    has_clock_jumped: bool


class Looks:
    """The facts of the last look."""

    def __init__(self) -> None:
        self._offset = boot_offset()
        self._addresses = addresses()

    def take(self) -> Seen:
        """Look again, and return what is different."""
        offset, own = boot_offset(), addresses()
        seen = Seen(own != self._addresses, abs(offset - self._offset) > JUMP_S)
        self._offset, self._addresses = offset, own
        return seen


def addresses() -> tuple[str, ...]:
    """Return the addresses from which this machine would reach others; "" for a family without a route."""
    return tuple(_address(family, away) for family, away in _AWAY)


def _address(family: socket.AddressFamily, away: str) -> str:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            # Of UDP: the system only chooses a route.
            probe.connect((away, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return ""
