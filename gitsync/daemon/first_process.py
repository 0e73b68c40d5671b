"""gitsync as the first process of a container: it collects children that are not the daemon's own.

Runs before any thread. git, ssh and hooks leave processes behind whose parent has ended; the kernel gives them to
process 1, and nobody else collects them. The daemon cannot: waiting for any child would take the status of its own. So
process 1 starts the daemon, forwards signals to it, collects, and ends with its status.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def become_daemon() -> int | None:
    """Return None in the process that is the daemon, and in process 1 the status of that one when it has ended."""
    if os.getpid() != 1:
        return None
    # Blocked until both processes have their handlers: process 1 ignores what it does not handle.
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        return None

    def forward(number: int, frame: FrameType | None) -> None:
        os.kill(pid, number)

    for number in FORWARDED:
        signal.signal(number, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
