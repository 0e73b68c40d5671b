"""Locks that a crash cannot leave behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gitsync.daemon.lock import InstanceLock, RepositoryLocks, git_dir_of
from gitsync.errors import AlreadyRunningError
from tests.conftest import run_git


def test_the_second_one_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    first, second = InstanceLock(tmp_path / "lock"), InstanceLock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(AlreadyRunningError, match=f"PID {os.getpid()}"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_what_holds_it_for_one_piece_of_work_is_known_from_a_daemon(tmp_path: Path) -> None:
    command, daemon = InstanceLock(tmp_path / "lock", ends_soon=True), InstanceLock(tmp_path / "lock")
    assert not daemon.is_free_soon()
    command.acquire()
    assert daemon.is_free_soon()
    with pytest.raises(AlreadyRunningError, match=f"PID {os.getpid()}, which"):
        daemon.acquire()
    command.release()
    daemon.acquire()
    assert not command.is_free_soon()
    daemon.release()


def test_a_full_disk_keeps_nobody_from_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    first, second = InstanceLock(tmp_path / "lock"), InstanceLock(tmp_path / "lock")
    monkeypatch.setattr("os.pwrite", fail)
    first.acquire()
    with pytest.raises(AlreadyRunningError, match="PID unknown"):
        second.acquire()
    monkeypatch.setattr("os.ftruncate", fail)
    first.release()
    second.acquire()
    second.release()


def test_a_repository_is_held_once_and_nothing_is_left_in_it(repo: Path) -> None:
    first, second = RepositoryLocks(), RepositoryLocks()
    before = sorted((repo / ".git").iterdir())
    first.acquire("one", repo)
    first.acquire("one", repo)
    with pytest.raises(AlreadyRunningError, match=str(repo)):
        second.acquire("other", repo)
    first.release_all()
    second.acquire("other", repo)
    second.release("other")
    second.release("never held")
    assert sorted((repo / ".git").iterdir()) == before


def test_linked_work_trees_of_one_repository_do_not_exclude_each_other(repo: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    run_git(repo, "worktree", "add", "-q", str(linked))
    assert git_dir_of(linked) == repo / ".git/worktrees/linked"
    locks = RepositoryLocks()
    locks.acquire("main", repo)
    locks.acquire("linked", linked)
    with pytest.raises(AlreadyRunningError):
        RepositoryLocks().acquire("again", linked)
    locks.release_all()


def test_a_missing_repository_is_not_the_locks_business(tmp_path: Path) -> None:
    locks = RepositoryLocks()
    locks.acquire("gone", tmp_path / "gone")
    (tmp_path / "gone").mkdir()
    run_git(tmp_path / "gone", "init", "-q")
    RepositoryLocks().acquire("gone", tmp_path / "gone")
