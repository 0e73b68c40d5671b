"""Random orders of everything that can happen to a committer: no exception, no busy loop, nothing uncommitted or
unanswered in the end."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from gitsync.engine.messages import CommitNow, Integrated, Opened, Pause, Refresh, Rescan, Resume
from tests.conftest import run_git
from tests.fakes.engine import Bench

pytestmark = pytest.mark.slow

NAMES = st.sampled_from(["a.txt", "b.txt", "d/c.txt"])


class CommitterMachine(RuleBasedStateMachine):
    """One repository and its user, who does things in any order."""

    @initialize()
    def begin(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="gitsync-machine-"))
        root = self.base / "work"
        (root / "d").mkdir(parents=True)
        run_git(root, "init", "-q")
        (root / "a.txt").write_text("one\n")
        run_git(root, "add", ".")
        run_git(root, "commit", "-qm", "first")
        self.asked: list[Future[Any]] = []
        self.fetches = 0
        self.count = 0
        self.upstream = run_git(root, "rev-parse", "HEAD")
        self.bench = Bench(root, self.base / "notes-dir", quiet="2s", max_wait="10s", reconcile="5m")

    @rule(name=NAMES, is_noted=st.booleans())
    def edit(self, name: str, is_noted: bool) -> None:
        self.count += 1
        (self.bench.root / name).parent.mkdir(exist_ok=True)
        (self.bench.root / name).write_text(f"{self.count}\n")
        if is_noted:
            self.bench.note(name)

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        (self.bench.root / name).unlink(missing_ok=True)
        self.bench.note(name)

    @rule(name=NAMES)
    def stage(self, name: str) -> None:
        if (self.bench.root / name).exists() and not self.lock.exists():
            run_git(self.bench.root, "add", name)

    @rule(is_scanning=st.booleans())
    def sync(self, is_scanning: bool) -> None:
        self.asked.append(self.bench.ask(CommitNow("notes", is_scanning)))

    @rule(seconds=st.one_of(st.none(), st.sampled_from([1.0, 30.0])))
    def pause(self, seconds: float | None) -> None:
        until = None if seconds is None else self.bench.clock.now() + seconds
        self.asked.append(self.bench.ask(Pause("notes", until)))

    @rule(is_accepted=st.booleans())
    def resume(self, is_accepted: bool) -> None:
        self.asked.append(self.bench.ask(Resume("notes", is_accepted)))

    @rule()
    def rescan(self) -> None:
        self.bench.tell(Rescan("notes", "a test"))

    @rule()
    def look(self) -> None:
        self.asked.append(self.bench.ask(Refresh()))

    @rule(quiet=st.sampled_from(["1s", "2s"]))
    def reload(self, quiet: str) -> None:
        self.bench.adopt(quiet=quiet, max_wait="10s", reconcile="5m")

    @rule()
    def restart(self) -> None:
        self.bench.close()
        # What it was told of before is told again by nobody; the scan at the start has to find it.
        self.bench = Bench(self.bench.root, self.bench.repo_state_dir, quiet="2s", max_wait="10s", reconcile="5m")
        self.fetches = 0

    @rule(kind=st.sampled_from(["nothing", "head", "new", "stale"]))
    def fetch(self, kind: str) -> None:
        if len(self.bench.integrated()) < self.fetches:
            return  # an exchanger waits for its answer before it fetches again
        if kind == "new":
            self.count += 1
            tree = run_git(self.bench.root, "rev-parse", f"{self.upstream}^{{tree}}")
            blob = run_git(self.bench.root, "hash-object", "-w", "--stdin", input=f"{self.count}".encode())
            listed = run_git(self.bench.root, "ls-tree", tree) + f"\n100644 blob {blob}\tr{self.count}.txt\n"
            tree = run_git(self.bench.root, "mktree", input=listed.encode())
            self.upstream = run_git(self.bench.root, "commit-tree", tree, "-p", self.upstream, "-m", "theirs")
        chosen = {"nothing": None, "head": self.bench.head()}.get(kind, self.upstream)
        self.fetches += 1
        self.bench.tell(self.bench.fetched(chosen))

    @rule()
    def merge_opened(self) -> None:
        (self.bench.root / ".git/MERGE_HEAD").write_text(self.bench.head() + "\n")

    @rule()
    def merge_ended(self) -> None:
        (self.bench.root / ".git/MERGE_HEAD").unlink(missing_ok=True)

    @rule()
    def locked(self) -> None:
        self.lock.touch()

    @rule()
    def unlocked(self) -> None:
        self.lock.unlink(missing_ok=True)

    @rule()
    def root_vanished(self) -> None:
        if self.bench.root.exists():
            self.bench.root.rename(self.base / "aside")
            self.bench.note("a.txt")
            self.bench.run(3.0)
            (self.base / "aside").rename(self.bench.root)

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 70.0]))
    def wait(self, seconds: float) -> None:
        self.bench.run(seconds)

    @rule()
    def step(self) -> None:
        self.bench.tell(None)

    @property
    def lock(self) -> Path:
        return self.bench.root / ".git/index.lock"

    def teardown(self) -> None:
        if not hasattr(self, "bench"):
            return
        self.lock.unlink(missing_ok=True)
        self.merge_ended()
        self.resume(False)
        # Staged paths are left to the user for ten minutes.
        self.bench.run(700.0)
        self.sync(True)
        self.bench.run(5.0)
        status = self.bench.status()
        left = run_git(self.bench.root, "status", "--porcelain").splitlines()
        # A new file that was staged and then removed is nowhere but in the user's index: that is his.
        assert [line for line in left if not line.startswith("AD ")] == [], status
        assert status.state in ("ok", "conflict"), status
        assert status.pending == 0
        assert all(future.done() for future in self.asked)
        assert len(self.bench.integrated()) == self.fetches
        assert all(isinstance(message, Integrated) for message in self.bench.integrated())
        assert any(isinstance(message, Opened) for message in self.bench.sent)
        run_git(self.bench.root, "fsck", "--strict")
        self.bench.close()
        shutil.rmtree(self.base)


CommitterMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCommitter = CommitterMachine.TestCase
