"""An ssh connection that is kept open for a while, so that the next fetches and pushes need none of their own.

Runs on an exchange thread, which owns the child. It is OpenSSH's own multiplexing, with a master that is a child of
ours: it dies with us and with the exchange that opened it. Whoever finds no master connects by himself, so nothing
depends on this. Connecting takes a third of a second and most of a look's CPU; over a kept line a look takes a third.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from gitsync import clock, places, proc
from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.git.remote import noninteractive_env, tcp_probes

logger = logging.getLogger(__name__)

# ssh binds a name with 17 bytes more than the path, in which %C is 40.
LONGEST_DIRECTORY = places.SOCKET_PATH_MAX - 17 - 40 - 1
# A line that broke or was refused is not tried again before this.
REST_S = 300.0
# How often ssh checks that the server is there (seconds); it gives up after two checks without an answer.
CHECKS = ("ServerAliveInterval=5", "ServerAliveCountMax=2")
GET_URL_S = CHECK_S = 20.0


class SshMaster:
    """The line of one exchange; begins closed."""

    def __init__(self) -> None:
        self._held: proc.Held | None = None
        self._path = ""
        self._rests_until = 0.0
        self._borrowed = ""

    @property
    def path(self) -> str:
        """Return what ssh's ControlPath has to be to go by this line, "" when there is none."""
        if self._borrowed:
            return self._borrowed
        return self._path if self._held is not None and self._held.is_alive else ""

    @property
    def is_held(self) -> bool:
        """Whether there is a child that keeps a line open, or tried to."""
        return self._held is not None

    def keep(self, root: Path, remote: str, *, rest_s: float = REST_S, checks: tuple[str, ...] = CHECKS) -> None:
        """Open the line to `remote` unless it is open; what cannot be kept open is done without.

        It is not opened again before `rest_s` seconds. `checks` are ssh's options by which it notices that the server
        is gone.
        """
        now = clock.SystemClock().now()
        if self.path or now < self._rests_until:
            return
        self.close()
        self._rests_until = now + rest_s
        try:
            command = _master(root, remote, checks)
        except (OperationError, OSError) as error:
            logger.debug("no line is kept open: %s", error)
            return
        if command is not None:
            self._path, argv = command
            self._held = proc.hold(argv)

    def borrow(self, path: str) -> None:
        """Go by a line that another thread keeps open, and open none; "" ends that.

        Whoever finds nobody at its end connects by himself.
        """
        self._borrowed = path
        if path:
            self.close()

    def is_ready(self, root: Path, remote: str) -> bool:
        """Whether the line that was opened to `remote` is connected."""
        target = server_of(root, remote)
        argv = None if target is None else client(root, target, [f"ControlPath={self._path}"], "-O", "check")
        return argv is not None and proc.run(argv, deadline_s=CHECK_S).ok

    def probe(self, *, idle_s: int, every_s: int, count: int) -> bool:
        """Have the kernel check that the server is there, as in `tcp_probes`; return whether it does."""
        return self._held is not None and tcp_probes.probe(self._held.pid, idle_s=idle_s, every_s=every_s, count=count)

    def close(self) -> None:
        """Close the line, if it is open."""
        held, self._held = self._held, None
        if held is not None:
            held.end()


def _master(root: Path, remote: str, checks: tuple[str, ...]) -> tuple[str, list[str]] | None:
    """Return the control path and the command of a master for `remote`; None where there can be none."""
    if noninteractive_env.openssh_command(root) is None:
        return None
    # %C tells destinations apart: a push that goes elsewhere than a fetch never goes by this line.
    path = f"{places.short_runtime_dir(LONGEST_DIRECTORY)}/%C"
    options = (
        "BatchMode=yes",
        f"ConnectTimeout={noninteractive_env.CONNECT_TIMEOUT_MAX_S}",
        *checks,
        "ControlMaster=auto",  # not "yes": only this takes a dead master's socket away
        "ControlPersist=no",
        f"ControlPath={path}",
    )
    target = server_of(root, remote)
    argv = None if target is None else client(root, target, options, "-N")
    return None if argv is None else (path, argv)


def giving_up_after(silence_s: int) -> tuple[str, ...]:
    """Return the options with which ssh ends when nothing came from the server for so long, and says nothing before."""
    return f"ServerAliveInterval={silence_s}", "ServerAliveCountMax=0"


def server_of(root: Path, remote: str) -> tuple[str, ...] | None:
    """Return the words that name the server of `remote` to ssh, after git's url.*.insteadOf; None without a server."""
    return destination(resolved_url(root, remote))


def resolved_url(root: Path, remote: str) -> str:
    """Return the URL of `remote` after git's url.*.insteadOf, "" when git does not say."""
    done = program.run("ls-remote", "--get-url", "--", remote, root=root, deadline_s=GET_URL_S)
    return os.fsdecode(done.stdout).strip() if done.ok else ""


def client(
    root: Path, server: Sequence[str], options: Iterable[str], *flags: str, command: str = ""
) -> list[str] | None:
    """Return the command line of the user's ssh to `server`, without a terminal; None where it is not OpenSSH.

    `options` are as in ssh's configuration, `command` is for the shell over there.
    """
    ssh = noninteractive_env.openssh_command(root)
    if ssh is None:
        return None
    words = [*(word for option in options for word in ("-o", option)), *flags, "-T", *server]
    # env, because the user's command may begin with assignments; exec, so that what dies with us is ssh itself.
    return ["sh", "-c", f"exec env {ssh} {shlex.join([*words, *([command] if command else [])])}"]


def destination(url: str) -> tuple[str, ...] | None:
    """Return the words that name an ssh URL's server to ssh; None for other URLs."""
    if matched := re.match(r"(?:git\+)?ssh(?:\+git)?://((?:[^@/]+@)?)(\[[^\]]+\]|[^:/\[]+)(?::(\d+))?/", url):
        user, host, port = matched.groups()
    elif "://" not in url and (matched := re.match(r"((?:[^@/:]+@)?)([^@/:\[]+):", url)):
        user, host, port = *matched.groups(), None
    else:
        return None
    name = user.partition(":")[0].rstrip("@")
    if host.startswith("-") or name.startswith("-"):
        return None  # git refuses it, too
    return (*(("-p", port) if port else ()), *(("-l", name) if name else ()), host.strip("[]"))
