"""Puts each tree of a history into a watched directory, and compares what gitsync commits with it.

    python -m tests.replay REPO [--commits N]

REPO is a repository on this machine; N (default 50) is how many commits of its first-parent history are taken, the
newest last. Each step is written by git into a work tree, scanned and committed by gitsync. Files that are held back by
name are listed, and left out of the comparison.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tests.conftest
from gitsync.git.objects.modes import MODE_GITLINK
from gitsync.git.staging.worktree import Staged, StageRules, Worktree

LIMIT = 100_000_000


class Replay:
    """A work tree at `root` without a history of its own, and the objects of the repository that is replayed."""

    def __init__(self, source: Path, place: Path) -> None:
        self._root = place / "work"
        self._state = place / "state"
        self._index = str(place / "checkout-index")
        subprocess.run(["git", "init", "-q", "--template=", str(self._root)], check=True)
        objects = self._git_at(source, "rev-parse", "--path-format=absolute", "--git-path", "objects")
        alternates = self._root / ".git/objects/info/alternates"
        alternates.parent.mkdir(parents=True, exist_ok=True)
        alternates.write_text(objects + "\n")
        self._worktree = Worktree(self._root, self._state)

    def close(self) -> None:
        """Close the work tree."""
        self._worktree.close()

    def step(self, commit: str) -> tuple[list[str], list[str]]:
        """Check out a commit beside gitsync's index and commit it; return what differs, and what is held back."""
        self._git("read-tree", "--reset", "-u", commit, env={"GIT_INDEX_FILE": self._index})
        staged = self._staged()
        self._worktree.commit(staged, commit)
        held = sorted({item.path for item in staged.quarantined} | {os.fsdecode(path) for path, _ in staged.unreadable})
        held += [problem.message for problem in staged.problems]
        listed = self._git("diff-tree", "-r", "--raw", "-z", "--no-renames", "HEAD", commit).split("\0")
        differing = [
            f"{fields} {path}"
            for fields, path in zip(listed[0::2], listed[1::2], strict=False)
            # A submodule that is not checked out is no part of the directory.
            if path not in held and f"{MODE_GITLINK:o}" not in fields
        ]
        return differing, held

    def _staged(self) -> Staged:
        staging = self._worktree.begin_staging(self._worktree.scan(), (), StageRules(LIMIT, is_forced=True))
        while not staging.advance(10):
            pass
        return staging.result()

    def _git(self, *argv: str, env: dict[str, str] | None = None) -> str:
        return self._git_at(self._root, *argv, env=env)

    @staticmethod
    def _git_at(where: Path, *argv: str, env: dict[str, str] | None = None) -> str:
        command = ["git", "-C", str(where), *argv]
        done = subprocess.run(command, env={**os.environ, **(env or {})}, capture_output=True, check=True)
        return os.fsdecode(done.stdout).rstrip("\n")


def main(argv: list[str] | None = None) -> int:
    """Replay a history; return 1 when a step differs."""
    assert tests.conftest.GITCONFIG  # it gives the tests a home of their own
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    parser.add_argument("repo", metavar="REPO", type=Path)
    parser.add_argument("--commits", metavar="N", type=int, default=50)
    given = parser.parse_args(argv)
    begun = time.monotonic()
    listed = [
        "git",
        "-C",
        str(given.repo),
        "rev-list",
        "--first-parent",
        "--reverse",
        f"--max-count={given.commits}",
        "HEAD",
    ]
    commits = subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split()
    equal, held_back = 0, set()
    with tempfile.TemporaryDirectory(prefix="gitsync-replay-") as place:
        replay = Replay(given.repo.resolve(), Path(place))
        try:
            for commit in commits:
                differing, held = replay.step(commit)
                held_back.update(held)
                equal += not differing
                for line in differing[:5]:
                    print(f"{commit[:10]}: {line}", flush=True)
        finally:
            replay.close()
    print(f"{equal} of {len(commits)} steps equal in {time.monotonic() - begun:.0f} s")
    for name in sorted(held_back):
        print(f"held back: {name}")
    return 0 if equal == len(commits) else 1


if __name__ == "__main__":
    sys.exit(main())
