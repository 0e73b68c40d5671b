"""A work tree of ours and a clone in which somebody else works: what integration is about. Real git, no lies."""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.core.conflict import Rules
from gitsync.core.temporary import TEMP_PREFIX
from gitsync.git.applying.apply import Outcome, OutcomeKind, apply
from gitsync.git.merging.plan import DEFAULT_RULES, Plan, plan
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git


class Pair:
    """A work tree of ours and a clone in which somebody else works; both share objects by fetching."""

    def __init__(self, tmp_path: Path) -> None:
        self.ours = tmp_path / "ours"
        self.theirs = tmp_path / "theirs"
        self.ours.mkdir()
        run_git(self.ours, "init", "-q")
        self.put(
            self.ours, {"a.txt": b"one\n", "dir/b.txt": b"b\n", "dir/deep/c.txt": b"c\n", "run.sh": b"#!/bin/sh\n"}
        )
        (self.ours / "run.sh").chmod(0o755)
        (self.ours / "link").symlink_to("a.txt")
        self.commit(self.ours)
        run_git(tmp_path, "clone", "-q", str(self.ours), str(self.theirs))
        self.worktree = Worktree(self.ours, tmp_path / "notes")

    @staticmethod
    def put(root: Path, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)

    @staticmethod
    def commit(root: Path) -> str:
        run_git(root, "add", "-A")
        run_git(root, "commit", "-q", "--allow-empty", "-m", "change")
        return run_git(root, "rev-parse", "HEAD")

    def fetch(self) -> str:
        self.commit(self.theirs)
        run_git(self.ours, "fetch", "-q", str(self.theirs), "+HEAD:refs/remotes/origin/main")
        return run_git(self.ours, "rev-parse", "refs/remotes/origin/main")

    def plan(self, previous: str | None = None, *, rules: Rules = DEFAULT_RULES, is_joining: bool = False) -> Plan:
        return plan(self.worktree, self.fetch(), previous, rules, is_joining=is_joining)

    def take(self) -> Outcome:
        return apply(self.worktree, self.plan(), message="Merge origin/main")

    def check_done(self, outcome: Outcome) -> None:
        assert outcome.kind is OutcomeKind.DONE, outcome
        assert outcome.head == run_git(self.ours, "rev-parse", "HEAD")
        self.check_clean()

    def check_clean(self) -> None:
        """HEAD, index and work tree are the same, git finds no fault, and nothing of ours is left lying about."""
        assert run_git(self.ours, "status", "--porcelain", "--ignored") == ""
        run_git(self.ours, "fsck", "--strict")
        check_no_leftovers(self.ours)


def check_no_leftovers(root: Path) -> None:
    prefix = os.fsdecode(TEMP_PREFIX)
    for place, directories, files in os.walk(root):
        assert not [name for name in (*directories, *files) if name.startswith(prefix)], place
