"""A real ControlServer over a scripted dispatch, for tests of both ends of the socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from gitsync.control import client
from gitsync.control.connection import SEND_TIMEOUT_S
from gitsync.control.server import ControlServer
from tests.fakes.dispatch import FakeBoard, ScriptedDispatch, status

PATIENCE_S = 30.0


class Daemon:
    """A server with its script, its board and the bugs it reported."""

    def __init__(self, directory: Path, *, send_timeout_s: float = SEND_TIMEOUT_S, **answers: Any) -> None:
        self.path = directory / "socket"
        self.board = FakeBoard()
        self.dispatch = ScriptedDispatch(**{"status": status(), **answers})
        self.bugs: list[BaseException] = []
        self.server = ControlServer(
            self.path,
            self.dispatch,
            self.board.subscribe,
            on_bug=self.bugs.append,
            send_timeout_s=send_timeout_s,
        )
        self.server.start()

    def connect(self) -> socket.socket:
        raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        raw.connect(str(self.path))  # waits where the queue is full; with a timeout it would fail at once
        raw.settimeout(PATIENCE_S)
        return raw

    def call(self, method: str = "status", **params: Any) -> Any:
        return client.call(self.path, method, params, PATIENCE_S)


PROGRAM = str(Path(sys.executable).with_name("gitsyncctl"))


def ctl(address: Path | str, *argv: str, **changes: Any) -> subprocess.CompletedProcess[str]:
    """Run the installed control command to its end."""
    changes.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(
        [PROGRAM, *argv],
        env={**os.environ, "GITSYNC_SOCKET": str(address), **changes.pop("env", {})},
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="surrogateescape",
        check=False,
        timeout=60,
        **changes,
    )
