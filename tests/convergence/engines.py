"""The machines of a convergence test as the test sees them: a work tree, a person, and an engine that can be killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from tests.convergence.person import Person

MEMORY = Path("/dev/shm")


class Engines:
    """The server that engine processes are forked from; one for a whole test run."""

    def __init__(self) -> None:
        place = MEMORY if os.access(MEMORY, os.W_OK) else None
        self.directory = Path(tempfile.mkdtemp(prefix="gitsync-convergence-", dir=place))
        self.socket = str(self.directory / "s")
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.convergence.site", self.socket], stdout=subprocess.PIPE
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"

        self.tally: Counter[str] = Counter()

    def close(self) -> None:
        """End the server; whoever it forked is ended by its world."""
        self._server.terminate()
        self._server.wait(30)
        assert self._server.stdout is not None
        self._server.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class Site:
    """One machine: its work tree, its person, and its engine while it lives."""

    def __init__(self, engines: Engines, base: Path, number: int, options: dict[str, object], bug: str) -> None:
        self._engines = engines
        self.number = number
        self.base = base / f"site{number}"
        self.root = self.base / "work"
        self.repo_state_dir = self.base / "notes-dir"
        self.hub = self.base / "hub"
        self.options = options
        self.bug = bug
        self.person = Person(self.root, f"person {number}")
        self.deaths = 0
        self.fresh: set[str | None] = set()  # blobs saved in the middle of a call; None: something was removed
        self._connection: Connection | None = None
        self._pid = 0

    @property
    def is_alive(self) -> bool:
        return self._connection is not None

    def start(self) -> None:
        """Start the engine, as after a boot."""
        if self._connection is None:
            self._connection = Client(self._engines.socket, "AF_UNIX")
            seed = self.number * 1000 + self.deaths
            self._pid = self.order("begin", self.root, self.repo_state_dir, seed, self.options, self.bug) or 0

    def order(self, name: str, *arguments: object) -> Any:
        """Let the engine do something; return its answer, None when it is dead or dies of it."""
        if self._connection is None:
            return None
        try:
            self._connection.send((name, arguments))
            while True:
                kind, value = self._connection.recv()
                if kind == "done":
                    return value
                self.fresh.add(value)
                self._engines.tally["saves in the middle of a call"] += 1
        except (EOFError, ConnectionError):
            self._bury()
            return None

    def kill(self) -> None:
        """End the engine between two steps."""
        if self._connection is not None:
            os.kill(self._pid, 9)
            self._bury()

    def _bury(self) -> None:
        assert self._connection is not None
        self._connection.close()
        self._connection = None
        self.deaths += 1
        self._engines.tally["deaths"] += 1
        ends_at = time.monotonic() + 10
        while time.monotonic() < ends_at and Path("/proc", str(self._pid)).exists():
            time.sleep(0.001)

    def note(self, noted: tuple[list[bytes], list[bytes]]) -> None:
        """Tell the engine what was changed, as a watcher does; whoever is dead hears nothing."""
        self.order("note", *noted)
