"""What the tests of one work tree share: an open work tree, and a batch staged and committed at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitsync.git.staging.worktree import Staged, StageRules, Worktree
from gitsync.model import CommitInfo
from tests.conftest import run_git


@pytest.fixture
def worktree(repo: Path, tmp_path: Path) -> Iterator[Worktree]:
    """The work tree of `repo`, opened as the committer opens it."""
    opened = Worktree(repo, tmp_path / "notes")
    yield opened
    opened.close()


def stage(worktree: Worktree, *paths: str, trees: tuple[bytes, ...] = (), **rules: Any) -> Staged:
    """Stage paths, or everything that a scan finds."""
    noted = [os.fsencode(path) for path in paths] if paths or trees else worktree.scan()
    staging = worktree.begin_staging(noted, trees, StageRules(**rules))
    while not staging.advance(10):
        pass
    return staging.result()


def commit(worktree: Worktree, *paths: str, **rules: Any) -> CommitInfo | None:
    """Stage and commit at once."""
    return worktree.commit(stage(worktree, *paths, **rules), "by gitsync")


def head_file(repo: Path, path: str) -> str:
    """Return what HEAD has at a path."""
    return run_git(repo, "show", f"HEAD:{path}")


def assert_clean(repo: Path) -> None:
    """Nothing differs, nothing is staged, every object is sound."""
    assert run_git(repo, "status", "--porcelain") == ""
    run_git(repo, "fsck", "--strict")
