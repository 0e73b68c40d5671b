"""Notifies systemd of the daemon's state: ready, reloading, stopping, a status line, and the watchdog's keep-alive.

Runs on the main thread, which owns it. Without systemd (no `NOTIFY_SOCKET`) every call does nothing. The protocol is
one datagram of `NAME=value` lines (sd_notify(3)), so no library is needed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Mapping, MutableMapping, Sequence

from gitsync.clock import Clock
from gitsync.model import RepoStatus
from gitsync.text import escape

logger = logging.getLogger(__name__)

# sd_watchdog_enabled(3) recommends half of the timeout.
PING_SHARE = 0.5
ERRORS_BYTES = 1_000_000


class Readiness:
    """The notifications to the service manager; created before any child starts, because it changes the environment."""

    def __init__(self, clock: Clock, environment: MutableMapping[str, str] = os.environ) -> None:
        self._clock = clock
        # Removed, so that git, ssh or a hook cannot notify systemd in gitsync's name.
        self._address = environment.pop("NOTIFY_SOCKET", "")
        usec, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        is_ours = pid in ("", str(os.getpid()))
        is_guarded = bool(self._address) and is_ours and usec.isascii() and usec.isdigit() and int(usec) > 0
        self.ping_every_s = int(usec) / 1e6 * PING_SHARE if is_guarded else None
        self._ping_at = clock.now()
        self._said = ""

    @property
    def is_heard(self) -> bool:
        """Whether there is a service manager to notify."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        """Notify that the daemon answers, at the start and after a reload."""
        self._said = _one_line(status)
        self._send("READY=1", f"STATUS={self._said}")

    def reloading(self) -> None:
        """Notify that the configuration is being reloaded, until `ready` is called."""
        # The time distinguishes this reload from an earlier one (sd_notify(3), RELOADING=1).
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.now() * 1e6)}", "STATUS=reading the configuration")

    def stopping(self) -> None:
        """Notify that the daemon is about to stop."""
        self._send("STOPPING=1", "STATUS=committing what is pending")

    def say(self, status: str) -> None:
        """Set the status line of `systemctl status`; an unchanged line is not sent again."""
        status = _one_line(status)
        if status != self._said:
            self._said = status
            self._send(f"STATUS={status}")

    def wake_at(self) -> float | None:
        """Return when the next keep-alive is due; None without a watchdog."""
        return None if self.ping_every_s is None else self._ping_at + self.ping_every_s

    @property
    def is_due(self) -> bool:
        """Whether a keep-alive is due."""
        due_at = self.wake_at()
        return due_at is not None and due_at <= self._clock.now()

    def ping(self) -> None:
        """Send a keep-alive if it is due."""
        if self.is_due:
            self._ping_at = self._clock.now()
            self._send("WATCHDOG=1")

    def skip(self) -> None:
        """Send no keep-alive this time: a thread is stuck, and the manager should restart the daemon."""
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
            # The manager may be restarting; the next notification is likely to succeed.
            logger.warning("cannot notify the service manager of %s: %s", lines[0], error.strerror)


def is_launchd(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether launchd started this process as its agent."""
    return environment.get("XPC_SERVICE_NAME") == "org.gitsync.gitsync"


def bound_errors(limit: int = ERRORS_BYTES) -> None:
    """Empty the file that launchd appends stderr to when it is longer than `limit`: nobody else rotates it."""
    with contextlib.suppress(OSError):
        if os.fstat(2).st_size > limit:
            os.ftruncate(2, 0)


def summary(repos: Sequence[RepoStatus]) -> str:
    """Return the states of the repositories as one line, those that need a person first."""
    trouble = [f"{repo.name}: {repo.state}" for repo in repos if repo.needs_person or repo.error is not None]
    watching = f"watching {len(repos)} {'repository' if len(repos) == 1 else 'repositories'}"
    return ", ".join([*trouble[:5], *([f"{len(trouble) - 5} more"] if len(trouble) > 5 else []), watching])


def _one_line(text: str) -> str:
    return escape(text)[:500]
