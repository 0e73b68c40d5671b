"""A home and its mirror under a committer that is stepped by hand, and may die at any probe. Real git, real files.

Its lie: nobody watches. What is changed is noted by whoever changes it, or found by the next scan.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitsync.config.load import parse
from gitsync.config.options import HomeConfig
from gitsync.core.manifest import NAME, ManifestEntry
from gitsync.core.temporary import TEMP_PREFIX
from gitsync.daemon.handlers.init_mirror import make
from gitsync.engine.board import Board
from gitsync.engine.messages import Adopt, CommitNow, Fetched, Resume, TakeAnswer, Track, Untrack
from gitsync.engine.owner import Ask
from gitsync.engine.repository.home import HomeRepository
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.clock import FakeClock
from tests.fakes.committer import CheckedCommitter

STEPS_AT_ONCE = 400


class HomeBench:
    """One machine's home, mirror and committer."""

    def __init__(self, base: Path, link: str = "auto") -> None:
        self.base = base
        self.home = base / "home"
        self.mirror = base / "mirror"
        self.repo_state_dir = base / "notes"
        self.link = link
        self.clock = FakeClock()
        self.committer: CheckedCommitter
        self.board: Board
        self.probe: Callable[[str, bytes], None] = lambda point, path: None

    def begin(self, remote: Path | None = None, *, is_agreed: bool = True) -> None:
        """Make home and an empty mirror, or clone the one at `remote` and agree to what it tracks, and start."""
        self.home.mkdir(parents=True)
        (self.base / "state").mkdir()
        if remote is None:
            make(self.mirror, None)
        else:
            run_git(self.base, "clone", "-q", str(remote), str(self.mirror))
        self.start()
        if remote is not None and is_agreed:
            self.ask(TakeAnswer("accept")).result(0)

    @property
    def config(self) -> HomeConfig:
        """Return what a configuration file would say."""
        text = f'[home]\nrepo = "{self.mirror}"\nlink = "{self.link}"\nquiet = "2s"\nmax_wait = "10s"\n'
        found = parse(text, self.base / "config.toml").home
        assert found is not None
        return found

    def start(self) -> None:
        """Begin as a new process does."""
        self.board = Board(self.clock)
        self.committer = CheckedCommitter(
            self.clock,
            self.board,
            lambda _, message: None,
            self._die,
            probe=lambda point, path: self.probe(point, path),
        )
        self.ask(Adopt(self.config.settings, self.repo_state_dir, self.config)).result(0)

    @property
    def repository(self) -> HomeRepository:
        """Return the mirror as the committer has it."""
        found = self.committer._repos["home"]
        assert isinstance(found, HomeRepository)
        return found

    def stop(self) -> None:
        """End without committing anything, as a kill does; only the handles are given back."""
        with self.at_home():
            self.repository.close_worktree()

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """Let this be the user's home for the moment."""
        before = {name: os.environ[name] for name in ("HOME", "XDG_STATE_HOME")}
        os.environ.update(HOME=str(self.home), XDG_STATE_HOME=str(self.base / "state"))
        try:
            yield
        finally:
            os.environ.update(before)

    def ask(self, what: object) -> Future[Any]:
        """Ask the committer and return the future of its answer."""
        future: Future[Any] = Future()
        self.tell(Ask(what, future))
        return future

    def tell(self, message: object) -> None:
        """Hand the committer one message."""
        with self.at_home():
            self.committer.step(message, self.clock.now())

    def run(self, seconds: float = 60.0) -> None:
        """Let time pass, and the committer step whenever it wants to."""
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
            assert steps < STEPS_AT_ONCE, f"a busy loop: {self.board.status('home')}"
            self.tell(None)

    def sync(self) -> None:
        """Compare everything, and let everything be done."""
        self.ask(CommitNow("home"))
        self.run()

    def resume(self) -> None:
        """Accept what a brake has stopped."""
        self.ask(Resume("home", True))
        self.run()

    def track(self, *names: str, hosts: frozenset[str] = frozenset()) -> Any:
        """Track paths of home, and have them committed; return the answer."""
        entries = tuple(ManifestEntry(name.encode(), (self.home / name).is_dir(), hosts) for name in names)
        answer = self.ask(Track(entries)).result(0)
        self.run()
        return answer

    def untrack(self, *names: str) -> Any:
        """Stop tracking paths, and have that committed; return the answer."""
        answer = self.ask(Untrack(tuple(name.encode() for name in names))).result(0)
        self.run()
        return answer

    def note(self, *names: str) -> None:
        """Note paths of home as the watcher does."""
        self.committer.home_buffer.note([name.encode() for name in names])

    def note_mirror(self, *names: str) -> None:
        """Note paths of the mirror as the watcher does."""
        self.committer.buffer_for("home").note([name.encode() for name in names])

    def write(self, name: str, text: str, mode: int | None = None) -> Path:
        """Write a file of home, and note it."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if mode is not None:
            path.chmod(mode)
        self.note(name)
        return path

    def exchange(self, hub: Path) -> None:
        """Take in what the hub has, and push what it lacks, as an exchange does."""
        run_git(self.mirror, "fetch", "-q", str(hub), "+refs/heads/*:refs/remotes/origin/*")
        upstream = run_git(self.mirror, "rev-parse", "--verify", "-q", "refs/remotes/origin/main", check=False)
        self.tell(Fetched("home", "main", "origin", upstream or None, None))
        self.run(20.0)
        subprocess.run(
            ["git", "-C", str(self.mirror), "push", "-q", str(hub), "HEAD:refs/heads/main"],
            check=False,
            capture_output=True,
        )

    # -- looking ------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> RepoState:
        """Return the state on the board."""
        return self.board.status("home").state

    @property
    def broken(self) -> dict[str, str]:
        """Return what the board says is not in order."""
        return dict(self.board.home.broken)

    def committed(self, name: str) -> str | None:
        """Return what HEAD has at a path."""
        done = subprocess.run(
            ["git", "-C", str(self.mirror), "show", f"HEAD:{name}"], check=False, capture_output=True, text=True
        )
        return done.stdout if done.returncode == 0 else None

    def is_kept(self, blob: str) -> bool:
        """Whether any ref of the mirror leads to a blob."""
        return blob in run_git(self.mirror, "rev-list", "--objects", "--all")

    def manifest(self) -> str:
        """Return the manifest's text."""
        return (self.mirror / os.fsdecode(NAME)).read_text()

    def check_no_leftovers(self) -> None:
        """Nothing of gitsync's own lies about in home or in the mirror."""
        prefix = os.fsdecode(TEMP_PREFIX)
        for top in (self.home, self.mirror):
            for place, directories, files in os.walk(top):
                assert not [name for name in (*directories, *files) if name.startswith(prefix)], place
        run_git(self.mirror, "fsck", "--strict")

    def _die(self, died: object) -> None:
        raise AssertionError(died)


def mode_of(path: Path) -> int:
    """Return the permissions of a path itself."""
    return stat.S_IMODE(path.lstat().st_mode)


def settled(bench: HomeBench) -> None:
    """All is in order, and nothing of ours lies about."""
    assert (bench.state, bench.broken) == (RepoState.OK, {}), bench.board.status("home")
    bench.check_no_leftovers()
