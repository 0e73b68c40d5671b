"""Tells systemd how the daemon fares: ready, reloading, stopping, a line for `systemctl status`, and that it lives.

Runs on the main thread, which owns it. Without systemd (no `NOTIFY_SOCKET`) every call does nothing. The protocol is
one datagram of `NAME=value` lines (sd_notify(3)), so no library is worth its keep here.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import MutableMapping, Sequence

from gitsync.clock import Clock
from gitsync.model import RepoStatus
from gitsync.text import escape

logger = logging.getLogger(__name__)

# sd_watchdog_enabled(3) asks for half of the time after which the manager loses patience.
PING_SHARE = 0.5


class Readiness:
    """What the service manager is told; made before any child is started, because it clears the environment of it."""

    def __init__(self, clock: Clock, environment: MutableMapping[str, str] = os.environ) -> None:
        self._clock = clock
        # Taken out: what git, ssh or a hook tell systemd in our name would be wrong.
        self._address = environment.pop("NOTIFY_SOCKET", "")
        usec, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        is_ours = pid in ("", str(os.getpid()))
        is_guarded = bool(self._address) and is_ours and usec.isascii() and usec.isdigit() and int(usec) > 0
        self.ping_every_s = int(usec) / 1e6 * PING_SHARE if is_guarded else None
        self._ping_at = clock.now()
        self._said = ""

    @property
    def is_heard(self) -> bool:
        """Whether a service manager listens."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        """Say that the daemon answers, at the start and after a reload."""
        self._said = _one_line(status)
        self._send("READY=1", f"STATUS={self._said}")

    def reloading(self) -> None:
        """Say that the configuration is being read again; `ready` ends it."""
        # The instant lets the manager tell this reload from an older one (sd_notify(3), RELOADING=1).
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.now() * 1e6)}", "STATUS=reading the configuration")

    def stopping(self) -> None:
        """Say that the daemon is about to end."""
        self._send("STOPPING=1", "STATUS=committing what is pending")

    def say(self, status: str) -> None:
        """Show one line in `systemctl status`; the same line again is not sent."""
        status = _one_line(status)
        if status != self._said:
            self._said = status
            self._send(f"STATUS={status}")

    def wake_at(self) -> float | None:
        """Return when the next sign of life is due; None when nobody waits for one."""
        return None if self.ping_every_s is None else self._ping_at + self.ping_every_s

    @property
    def is_due(self) -> bool:
        """Whether a sign of life is due."""
        due_at = self.wake_at()
        return due_at is not None and due_at <= self._clock.now()

    def ping(self) -> None:
        """Give a sign of life when it is due."""
        if self.is_due:
            self._ping_at = self._clock.now()
            self._send("WATCHDOG=1")

    def skip(self) -> None:
        """Give no sign of life this time: something is stuck, and the manager shall end us."""
        self._ping_at = self._clock.now()

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.connect(address)
                channel.sendall("\n".join(lines).encode("utf-8", "backslashreplace"))
        except OSError as error:
            # A manager that is restarting itself: the next line or ping gets there.
            logger.warning("cannot tell the service manager %s: %s", lines[0], error.strerror)


def told(repos: Sequence[RepoStatus]) -> str:
    """Return how the repositories stand, as one line: what needs a person first."""
    trouble = [f"{repo.name}: {repo.state}" for repo in repos if repo.needs_person or repo.error is not None]
    watching = f"watching {len(repos)} {'repository' if len(repos) == 1 else 'repositories'}"
    return ", ".join([*trouble[:5], *([f"{len(trouble) - 5} more"] if len(trouble) > 5 else []), watching])


def _one_line(text: str) -> str:
    return escape(text)[:500]
