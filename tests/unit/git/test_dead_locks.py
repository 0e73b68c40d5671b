"""A lock that a kill or a power cut left goes away by itself; one that somebody may hold stays."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitsync.clock import SystemClock
from gitsync.git import dead_locks
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.fakes.watching import until
from tests.needs import needs_every_process

LEFT = (
    "index",
    "HEAD",
    "config",
    "packed-refs",
    "refs/heads/main",
    "refs/remotes/origin/main",
    "refs/gitsync/backup/1",
    "gc.pid",
    "MERGE_RR",
    "logs/HEAD",
    "objects/maintenance",
)


def leave(path: Path, age_s: float = 30.0, content: bytes = b"") -> Path:
    """Make a lock as a killed process leaves it, so many seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    made_at = SystemClock().wall() - age_s
    os.utime(path, (made_at, made_at))
    return path


@contextmanager
def old_git(tmp_path: Path, cwd: Path, **env: str) -> Iterator[None]:
    """Run a process that is called git, and waits."""
    program = shutil.copy("/bin/sleep", tmp_path / "git")
    with subprocess.Popen([program, "60"], cwd=cwd, env=env) as child:
        yield
        child.kill()


def test_a_lock_that_is_older_than_every_git_is_dead(tmp_path: Path) -> None:
    needs_every_process()
    lock = leave(tmp_path / "index.lock")
    assert dead_locks.remove_if_dead(lock)
    assert list(tmp_path.iterdir()) == []
    assert dead_locks.remove_if_dead(lock)


def test_a_lock_of_a_moment_ago_may_be_held(tmp_path: Path) -> None:
    lock = leave(tmp_path / "index.lock", dead_locks.HELD_S - 5)
    assert not dead_locks.remove_if_dead(lock)
    assert dead_locks.hint(lock) == ""
    assert lock.exists()


def test_a_lock_from_before_the_system_was_started_is_dead(repo: Path, tmp_path: Path) -> None:
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    with old_git(tmp_path, repo):
        assert dead_locks.is_dead(leave(repo / ".git/index.lock", uptime + 60))


@pytest.mark.slow
@pytest.mark.parametrize("name", LEFT)
def test_a_git_that_has_worked_on_the_repository_since_before_may_hold_it(
    repo: Path, tmp_path: Path, name: str
) -> None:
    needs_every_process()
    run_git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    (repo / ".git/refs/remotes/origin").mkdir(parents=True)
    (repo / ".git/refs/remotes/origin/HEAD").write_text("ref: refs/remotes/origin/main\n")
    lock = leave(repo / ".git" / f"{name}.lock", -1.0)
    later = SystemClock().wall() + 60
    for place in (repo, repo / ".git/refs", tmp_path / "linked"):
        with old_git(tmp_path, place):
            assert not dead_locks.is_dead(lock, later), place
    with old_git(tmp_path, tmp_path, GIT_DIR="work/.git"):
        assert not dead_locks.is_dead(lock, later)
    with old_git(tmp_path, tmp_path):
        # Not at once where another test runs a git whose environment names a repository.
        until(lambda: dead_locks.is_dead(lock, later), "the lock to be dead")


def test_whoever_has_it_open_holds_it(tmp_path: Path) -> None:
    needs_every_process()
    lock = leave(tmp_path / "index.lock")
    with lock.open("rb") as stream, subprocess.Popen(["sleep", "60"], stdin=stream) as holder:
        stream.close()
        assert not dead_locks.remove_if_dead(lock)
        assert f"rm {lock}" in dead_locks.hint(lock)
        holder.kill()
    assert dead_locks.remove_if_dead(lock)


@pytest.mark.parametrize("name", LEFT)
def test_opening_a_work_tree_removes_what_was_left(repo: Path, tmp_path: Path, name: str) -> None:
    needs_every_process()
    lock = leave(repo / ".git" / f"{name}.lock")
    Worktree(repo, tmp_path / "notes").close()
    assert not lock.exists()
    run_git(repo, "commit", "-q", "--allow-empty", "-m", "goes on")


def test_a_linked_work_tree_shares_its_refs(repo: Path, tmp_path: Path) -> None:
    needs_every_process()
    run_git(repo, "worktree", "add", "-q", str(tmp_path / "linked"))
    own = leave(repo / ".git/worktrees/linked/index.lock")
    shared = leave(repo / ".git/refs/heads/linked.lock")
    Worktree(tmp_path / "linked", tmp_path / "notes").close()
    assert not own.exists()
    assert not shared.exists()
