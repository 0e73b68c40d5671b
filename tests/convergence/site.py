"""One machine's engine in a process of its own: the real committer and exchanger, stepped by order, killed for real.

    python -m tests.convergence.site SOCKET

listens on a Unix socket and forks one child for each connection, so that a machine costs no start of Python. The child
does what it is told (`Orders`), one order after the other. Its lies: nobody watches (whoever changes a file notes it,
as the kernel would), and time passes only by order. Death is no lie: it is SIGKILL at a chosen call of the engine.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any, NoReturn

from gitsync.engine.board import Board
from gitsync.engine.exchange.exchanger import Exchanger
from gitsync.engine.exchange.turns import Turns
from gitsync.engine.messages import Adopt, ExchangeNow, Pause, RemoteMoved, Resume, WatcherDoubted
from gitsync.engine.owner import Ask, Owner
from gitsync.git import open_commit
from tests.conftest import run_git
from tests.convergence.asked import Asked
from tests.convergence.planted import plant
from tests.convergence.verdict import blob_id
from tests.fakes.clock import FakeClock
from tests.fakes.committer import CheckedCommitter
from tests.fakes.engine import configured

NAME = "notes"
# More steps than this without a moment passing are a busy loop.
STEPS_AT_ONCE = 3000
# Calls before and after which a death, or somebody's save, makes a difference.
CALLS = ("fsync", "rename", "replace", "link", "unlink", "mkdir", "rmdir")


class Points:
    """Counts what the engine does to the disk, and does something at the call of a chosen number.

    Aimed, only the steps of an integration count that have to do with one path, and the act is told which.
    """

    def __init__(self) -> None:
        self._act: Callable[[bytes], None] | None = None
        self._left = 0
        self._is_aimed = False
        for name in CALLS:
            setattr(os, name, partial(self._call, getattr(os, name)))

    def arm(self, number: int, act: Callable[[bytes], None], *, is_aimed: bool) -> None:
        self._left, self._act, self._is_aimed = number, act, is_aimed

    def probe(self, point: str, path: bytes) -> None:
        act = self._act
        if act is None or (self._is_aimed and not path):
            return
        self._left -= 1
        if self._left < 0:
            self._act = None
            act(path)

    def _call(self, original: Callable[..., Any], *args: Any, **options: Any) -> Any:
        self.probe("", b"")
        result = original(*args, **options)
        self.probe("", b"")
        return result


class Orders:
    """The engine of one repository, and what it can be ordered to do; each method is one order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, root: Path, repo_state_dir: Path, seed: int, options: dict[str, object], bug: str) -> int:
        """Start the engine; return the process id."""
        random.seed(seed)
        plant(bug)
        self._points = Points()
        self._root = root
        self.clock = FakeClock()
        self.board = Board(self.clock)
        self.committer = CheckedCommitter(self.clock, self.board, self._route, self._die, probe=self._points.probe)
        config = configured(root, **options)
        self.exchanger = Exchanger(
            config,
            timeout_s=30.0,
            clock=self.clock,
            board=self.board,
            committer=self.committer.post,
            system_events=lambda message: None,
            is_scheduled=True,
            repo_state_dir=repo_state_dir,
            on_death=self._die,
            turns=Turns(),
        )
        self.exchanger.setup()
        self._ask(self.committer, Adopt(config, repo_state_dir))
        self._asked = Asked(config, repo_state_dir, self.committer, self._step)
        return os.getpid()

    def note(self, paths: list[bytes], trees: list[bytes]) -> None:
        """Note what somebody changed."""
        self.committer.buffer_for(NAME).note_batch(paths=paths, trees=trees)

    def hear(self) -> None:
        """Hear that the hub's branch has moved, as who watches its directory does."""
        self.exchanger.post(RemoteMoved(NAME))

    def run(self, seconds: float) -> dict[str, Any]:
        """Let time pass and both threads step whenever they want to; return the status."""
        ends_at = self.clock.now() + seconds
        steps = 0
        while True:
            if self._deliver():
                steps += 1
                assert steps < STEPS_AT_ONCE, f"a busy loop: {self.board.status(NAME)}"
                continue
            wanted = [at for at in (owner.wake_at() for owner in self._owners()) if at is not None]
            wake_at = min(wanted, default=ends_at + 1)
            if wake_at > ends_at:
                self.clock.advance(max(0.0, ends_at - self.clock.now()))
                return self.status()
            self.clock.advance(max(0.0, wake_at - self.clock.now()))
            steps = 0

    def steps(self, count: int) -> dict[str, Any]:
        """Make so many steps, and let no more time pass than that takes; return the status."""
        for _ in range(count):
            self._step()
        return self.status()

    def pause(self) -> None:
        """Hold the repository, as `gitsyncctl pause` does."""
        self._ask(self.committer, Pause(NAME, None))

    def resume(self) -> None:
        """Let it go on."""
        self._ask(self.committer, Resume(NAME, False))

    def undo(self, number: int, is_keeping: bool, patience_s: float) -> str:
        """Take back a change of gitsync's own, as `gitsyncctl undo` does."""
        return self._asked.undo(number, is_keeping, patience_s)

    def resolve(self, number: int, choice: int, patience_s: float) -> str:
        """Settle a conflict, as `gitsyncctl resolve` does."""
        return self._asked.resolve(number, choice, patience_s)

    def hurry(self) -> None:
        """Ask for an exchange now, whatever the back-off says."""
        self._ask(self.exchanger, ExchangeNow())

    def disarm(self) -> None:
        """Let nothing happen any more at any call."""
        self._points.arm(0, lambda path: None, is_aimed=False)

    def arm_death(self, number: int, is_aimed: bool) -> None:
        """Die at the call of that number."""
        self._points.arm(number, lambda path: os.kill(os.getpid(), signal.SIGKILL), is_aimed=is_aimed)

    def arm_save(
        self, number: int, is_aimed: bool, name: str, data: bytes | None, is_renamed: bool, is_deadly: bool
    ) -> None:
        """Let somebody save (None: remove) a file at the call of that number; no name is that of the call."""
        act = partial(self._save, name, data, is_renamed, is_deadly)
        self._points.arm(number, act, is_aimed=is_aimed)

    def arm_commit(self, number: int) -> None:
        """Let somebody commit by hand at the step of that number."""

        def commit(path: bytes) -> None:
            run_git(self._root, "commit", "-qam", "by hand", check=False)

        self._points.arm(number, commit, is_aimed=True)

    def status(self) -> dict[str, Any]:
        """Return the state, its reason and how much is pending."""
        status = self.board.status(NAME)
        error = status.error.message if status.error else ""
        return {"state": str(status.state), "reason": status.reason, "error": error, "pending": status.pending}

    def _save(self, name: str, data: bytes | None, is_renamed: bool, is_deadly: bool, aimed: bytes) -> None:
        path = self._root / (name or os.fsdecode(aimed))
        with suppress(OSError):  # nothing that can be saved at this moment
            if data is None:
                path.unlink()
            elif is_renamed:
                aside = path.with_name("an editor's own temporary")
                aside.write_bytes(data)
                if path.is_dir():
                    aside.unlink()
                aside.replace(path)
            else:
                path.write_bytes(data)
            self._connection.send(("saved", None if data is None else blob_id(data)))
            self.note([os.fsencode(path.relative_to(self._root))], [])
        if is_deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def _step(self) -> None:
        if not self._deliver():
            wanted = [at for at in (owner.wake_at() for owner in self._owners()) if at is not None]
            self.clock.advance(min(10.0, max(0.0, min(wanted, default=0.0) - self.clock.now())))

    def _owners(self) -> tuple[Owner, Owner]:
        return self.committer, self.exchanger

    def _deliver(self) -> bool:
        for owner in self._owners():
            now = self.clock.now()
            if not owner.inbox.empty():
                owner.step(owner.inbox.get_nowait(), now)
                return True
            wake_at = owner.wake_at()
            if wake_at is not None and wake_at <= now:
                owner.step(None, now)
                return True
        return False

    def _route(self, _: str, message: object) -> None:
        if not isinstance(message, WatcherDoubted):
            self.exchanger.post(message)

    def _ask(self, owner: Owner, what: object) -> None:
        owner.post(Ask(what, Future()))

    def _die(self, died: object) -> None:
        raise AssertionError(died)


def serve(connection: Connection) -> None:
    """Take orders until the connection is closed."""
    orders = Orders(connection)
    while True:
        try:
            name, arguments = connection.recv()
        except EOFError:
            return
        connection.send(("done", getattr(orders, name)(*arguments)))


def main() -> int:
    """Fork a child for each connection."""
    # Time stands still here but for the steps of the world: the second after a `git add` would not end.
    open_commit.STAGED_S = 0.0
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to wait for them
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Listener(sys.argv[1], "AF_UNIX") as listener:
        print("ready", flush=True)
        while True:
            connection = listener.accept()
            if os.fork() == 0:
                _live(connection)
            connection.close()


def _live(connection: Connection) -> NoReturn:
    """Be one machine; what is to be tidied up at the end is the server's."""
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    status = 1
    try:
        serve(connection)
        status = 0
    finally:
        if status:
            traceback.print_exc()
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
