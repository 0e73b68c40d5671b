"""A branch's lock that a killed process of ours has left is removed; everybody else's stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gitsync.git.staging.worktree import StageRules, Worktree
from tests.conftest import run_git

# Dies where libgit2 holds the lock: after the note, before the branch has moved.
DYING = """
import os, signal, sys
from pathlib import Path
from gitsync.git.objects.commits import lock_of
from gitsync.git.staging.worktree import Worktree
worktree = Worktree(Path(sys.argv[1]), Path(sys.argv[2]))
head = worktree.facts().head
lock = lock_of(worktree.repo, "main")
worktree.index.intend(head, head, lock)
Path(lock).write_text(sys.argv[3].replace("NEW", head))
os.kill(os.getpid(), signal.SIGKILL)
"""


def die(repo: Path, notes: Path, content: str) -> Path:
    subprocess.run([sys.executable, "-c", DYING, repo, notes, content], check=False, timeout=60)
    return repo / ".git/refs/heads/main.lock"


@pytest.mark.parametrize("content", ["", "NEW\n"])
def test_a_lock_of_a_killed_process_of_ours_is_removed(repo: Path, tmp_path: Path, content: str) -> None:
    lock = die(repo, tmp_path / "notes", content)
    assert lock.exists()
    worktree = Worktree(repo, tmp_path / "notes")
    assert not lock.exists()
    (repo / "b.txt").write_text("b\n")
    staging = worktree.begin_staging([b"b.txt"], [], StageRules())
    assert staging.advance(60)
    assert worktree.commit(staging.result(), "after") is not None
    worktree.close()
    assert run_git(repo, "log", "-1", "--format=%s") == "after"


def test_a_lock_that_holds_another_commit_is_somebody_elses(repo: Path, tmp_path: Path) -> None:
    lock = die(repo, tmp_path / "notes", "1" * 40 + "\n")
    Worktree(repo, tmp_path / "notes").close()
    assert lock.exists()


def test_a_lock_without_a_note_is_somebody_elses(repo: Path, tmp_path: Path) -> None:
    lock = repo / ".git/refs/heads/main.lock"
    lock.write_text("")
    Worktree(repo, tmp_path / "notes").close()
    assert lock.exists()


def test_an_index_that_a_power_cut_emptied_after_the_branch_had_moved_is_rebuilt(repo: Path, tmp_path: Path) -> None:
    die(repo, tmp_path / "notes", "").unlink()
    (repo / ".git/index").write_bytes(b"")
    Worktree(repo, tmp_path / "notes").close()
    assert run_git(repo, "status", "--porcelain") == ""
