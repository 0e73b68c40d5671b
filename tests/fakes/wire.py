"""An exchanger stepped by hand against a bare repository, with a clock that stands still.

Its lie: the committer is played here, always at rest, and never merges.
"""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

from gitsync.engine.board import Board
from gitsync.engine.exchange.exchanger import Exchanger
from gitsync.engine.exchange.turns import Turns
from gitsync.engine.messages import ExchangeNow, Fetched, HeadRead, HeadWanted, Integrated, Pushed
from gitsync.engine.owner import Ask
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.clock import FakeClock
from tests.fakes.engine import configured


class Wire:
    """An exchanger, its remote and what it told the committer; the committer is played by the test."""

    def __init__(self, repo: Path, tmp_path: Path) -> None:
        self.repo = repo
        self.hub = tmp_path / "hub.git"
        self.repo_state_dir = tmp_path / "notes-dir"
        self.repo_state_dir.mkdir()
        run_git(tmp_path, "init", "-q", "--bare", "-b", "main", str(self.hub))
        run_git(repo, "remote", "add", "origin", str(self.hub))
        self.clock = FakeClock()
        self.board = Board(self.clock)
        self.board.set_local("notes", branch="main", head=self.head(), state=RepoState.OK)
        self.told: list[object] = []
        self.heard: list[object] = []

    def begin(self, *, is_scheduled: bool = True, **options: object) -> Exchanger:
        self.exchanger = Exchanger(
            configured(self.repo, **options),
            timeout_s=30.0,
            clock=self.clock,
            board=self.board,
            committer=self.told.append,
            system_events=self.heard.append,
            is_scheduled=is_scheduled,
            repo_state_dir=self.repo_state_dir,
            on_death=self.told.append,
            turns=Turns(),
        )
        self.exchanger.setup()
        return self.exchanger

    def head(self) -> str:
        return run_git(self.repo, "rev-parse", "HEAD")

    def there(self) -> str:
        return run_git(self.hub, "rev-parse", "--verify", "-q", "main", check=False)

    def tell(self, message: object | None) -> None:
        self.exchanger.step(message, self.clock.now())

    def run(self, seconds: float) -> None:
        """Let time pass; answer every fetch as a committer with a clean work tree does, without merging."""
        ends_at = self.clock.now() + seconds
        for _ in range(500):
            self.answer()
            wake_at = self.exchanger.wake_at()
            if wake_at is None or wake_at > ends_at:
                self.clock.advance(max(0.0, ends_at - self.clock.now()))
                return
            self.clock.advance(max(0.0, wake_at - self.clock.now()))
            self.tell(None)
        raise AssertionError("a busy loop")

    def answer(self) -> None:
        while self.told:
            message = self.told.pop(0)
            if isinstance(message, Fetched):
                self.seen = message
                is_ahead = message.upstream != self.head()
                self.tell(Integrated("notes", message.branch, self.head(), is_ahead))
            elif isinstance(message, HeadWanted):
                self.tell(HeadRead("notes", message.branch, self.head()))
            else:
                assert isinstance(message, Pushed)

    def sync(self) -> Future[Any]:
        future: Future[Any] = Future()
        self.tell(Ask(ExchangeNow(), future))
        return future

    def commit(self, name: str) -> str:
        (self.repo / name).write_text(name)
        run_git(self.repo, "add", name)
        run_git(self.repo, "commit", "-qm", name)
        return self.head()

    def state(self) -> RepoState:
        return self.board.exchange("notes").state
