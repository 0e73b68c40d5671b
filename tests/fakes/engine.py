"""A committer stepped by hand: real repositories, a clock that stands still, every message to an exchanger kept.

Its lie: nobody watches. Whoever changes a file notes it himself, as the kernel would.
"""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

from gitsync.config.load import parse
from gitsync.config.options import RepoConfig
from gitsync.engine.board import Board
from gitsync.engine.messages import Adopt, Fetched, Integrated
from gitsync.engine.owner import Ask
from gitsync.git.probe import Probe, no_probe
from gitsync.model import RepoStatus
from tests.conftest import run_git
from tests.fakes.clock import FakeClock
from tests.fakes.committer import CheckedCommitter

# More steps than this without a moment passing are a busy loop.
STEPS_AT_ONCE = 400


def configured(root: Path, **options: object) -> RepoConfig:
    """Return the configuration of one repository, read as a user's file would be."""
    lines = [f'path = "{root}"', 'name = "notes"']
    for key, value in options.items():
        lines.append(f"{key} = {_toml(value)}")
    return parse("[[repo]]\n" + "\n".join(lines) + "\n", root / "config.toml").repos[0]


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key!r} = {_toml(item)}" for key, item in value.items()) + " }"
    return str(value).lower() if isinstance(value, bool | int | float) else repr(value)


class Bench:
    """One committer and one repository called notes."""

    def __init__(self, root: Path, repo_state_dir: Path, **options: object) -> None:
        self.root = root
        self.repo_state_dir = repo_state_dir
        self.clock = FakeClock()
        self.board = Board(self.clock)
        self.sent: list[object] = []
        self.probe: Probe = no_probe
        self.committer = CheckedCommitter(
            self.clock, self.board, lambda _, message: self.sent.append(message), self._die, probe=self._meet
        )
        self.adopt(**options)

    def adopt(self, **options: object) -> None:
        """Take the repository over, or its changed options."""
        self.ask(Adopt(configured(self.root, **options), self.repo_state_dir)).result(0)

    def write(self, name: str, text: str) -> None:
        """Write a file and note it."""
        (self.root / name).write_text(text)
        self.note(name)

    def note(self, *names: str) -> None:
        """Note paths as a watcher does."""
        self.committer.buffer_for("notes").note([name.encode() for name in names])

    def ask(self, what: object) -> Future[Any]:
        """Ask the committer and return the future of its answer."""
        future: Future[Any] = Future()
        self.tell(Ask(what, future))
        return future

    def tell(self, message: object) -> None:
        """Hand the committer one message."""
        self.committer.step(message, self.clock.now())

    def run(self, seconds: float = 0.0) -> None:
        """Let time pass, and the committer step whenever it wants to; fail where it never wants to rest."""
        ends_at = self.clock.now() + seconds
        steps = 0
        while True:
            while not self.committer.inbox.empty():
                self.tell(self.committer.inbox.get_nowait())
            wake_at = self.committer.wake_at()
            if wake_at is None or wake_at > ends_at:
                self.clock.advance(max(0.0, ends_at - self.clock.now()))
                return
            if wake_at > self.clock.now():
                self.clock.advance(wake_at - self.clock.now())
                steps = 0
            steps += 1
            assert steps < STEPS_AT_ONCE, f"a busy loop: {self.status()}"
            self.committer.step(None, self.clock.now())

    def status(self) -> RepoStatus:
        """Return what the board says."""
        return self.board.status("notes")

    def head(self) -> str:
        """Return HEAD's commit."""
        return run_git(self.root, "rev-parse", "HEAD")

    def is_committed(self) -> bool:
        """Whether the work tree is HEAD's."""
        return run_git(self.root, "--no-optional-locks", "status", "--porcelain") == ""

    def subjects(self) -> list[str]:
        """Return the subjects of the commits, newest first."""
        return run_git(self.root, "log", "--format=%s").splitlines()

    def fetched(self, upstream: str | None, was: str | None = None) -> Fetched:
        """Return what an exchanger would say of a fetch."""
        return Fetched("notes", "main", "origin", upstream, was)

    def integrated(self) -> list[Integrated]:
        """Return the answers to fetches so far."""
        return [message for message in self.sent if isinstance(message, Integrated)]

    def close(self) -> None:
        """Let go of the repository, as the thread's end does."""
        self.committer.teardown()

    def _meet(self, point: str, path: bytes) -> None:
        self.probe(point, path)

    def _die(self, died: object) -> None:
        raise AssertionError(died)
