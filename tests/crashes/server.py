"""Runs the installed programs' main functions in forked children, so that one run costs no start of Python.

    python -m tests.crashes.server SOCKET

A child is a process of its own in every other respect: its arguments, its directory, its signals, its end.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, Listener

from gitsync.cli import main as control
from gitsync.daemon import jobs, main, oneshot
from gitsync.git import open_commit

PROGRAMS = {"gitsync": main.main, "gitsyncctl": control.main}
LOADED = (jobs, oneshot)  # what a run imports late


def run(argv: list[str], directory: str, said: str, patience_s: float) -> int:
    """Return the status of a run, as subprocess does; what it says is in the file `said`."""
    pid = start(argv, directory, said)
    ends_at = time.monotonic() + patience_s
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > ends_at:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def start(argv: list[str], directory: str, said: str) -> int:
    """Start a run, and return its process."""
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        os.setsid()
        os.chdir(directory)
        for descriptor, name in ((1, said), (2, f"{said}.err")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
        sys.argv = argv
        status = PROGRAMS[argv[0]](argv[1:])
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - a child never returns into the server
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def wait(pid: int) -> int:
    """Return the status of what `start` started."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


ORDERS: dict[str, Callable[..., int]] = {"run": run, "start": start, "wait": wait}


def serve(connection: Connection) -> None:
    """Take orders until the connection is closed."""
    while True:
        try:
            name, arguments = connection.recv()
        except EOFError:
            return
        connection.send(ORDERS[name](*arguments))


if __name__ == "__main__":
    # The second that gitsync gives a user after a `git add` is not what these tests are about.
    open_commit.STAGED_S = 0.0
    with Listener(sys.argv[1], "AF_UNIX") as listener:
        print("ready", flush=True)
        with listener.accept() as accepted:
            serve(accepted)
