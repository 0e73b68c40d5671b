"""Answers on a socket that systemd holds while the configuration has a fault: each client gets the fault.

Runs on the main thread of a process that does nothing else. A daemon that ended because of the fault would be started
again by each client, and after a few of them systemd would give up the socket, too. As soon as the fault is fixed, the
process becomes the daemon: it executes the program again, with the socket, and the client that waits is answered by it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys

from gitsync.clock import SystemClock
from gitsync.config.load import load
from gitsync.control import wire
from gitsync.control.peer import peer_uid
from gitsync.daemon.readiness import Readiness
from gitsync.daemon.socket_activation import FIRST_FD
from gitsync.errors import ConfigError, GitsyncError

# How often the file is checked without a client.
LOOK_EVERY_S = 2.0
ANSWER_S = 2.0


def is_wanted() -> bool:
    """Whether systemd passed its control socket to this process."""
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1"


def serve(error: ConfigError, config_option: str | None) -> None:
    """Answer every client with the fault; becomes the daemon when there is none any more. Never returns."""
    environment = dict(os.environ)
    signal.signal(signal.SIGHUP, lambda number, frame: None)
    readiness = Readiness(SystemClock())
    with socket.socket(fileno=os.dup(FIRST_FD)) as listener:
        listener.setblocking(False)
        while True:
            readiness.ready(f"the configuration has a fault: {error.summary}")
            readiness.ping()
            waiting, _, _ = select.select([listener], [], [], LOOK_EVERY_S)
            try:
                load(config_option)
            except ConfigError as now:
                error = now
            except GitsyncError as now:
                error = ConfigError([now.message], now.hint)
            else:
                os.execve(sys.executable, sys.orig_argv, environment)
            if waiting:
                with contextlib.suppress(OSError):
                    _answer(listener, error)


def _answer(listener: socket.socket, error: ConfigError) -> None:
    connection, _ = listener.accept()
    with connection:
        if peer_uid(connection) not in (0, os.geteuid()):
            return
        connection.settimeout(ANSWER_S)
        reader = wire.LineReader()
        while data := connection.recv(65536):
            for item in reader.feed(data):
                fault = item if isinstance(item, wire.Fault) else wire.fault_of(error, item.id)
                connection.sendall(wire.encode_fault(fault))
