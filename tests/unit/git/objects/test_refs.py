"""Backup refs and their expiry; how commits stand to each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.clock import parse_iso
from gitsync.git.objects import refs
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git

NOON = parse_iso("2024-05-01T12:00:00+00:00")
DAY = 86400.0


@pytest.fixture
def worktree(repo: Path, tmp_path: Path) -> Iterator[Worktree]:
    made = Worktree(repo, tmp_path / "notes")
    yield made
    made.close()


def commit(repo: Path) -> str:
    run_git(repo, "commit", "-q", "--allow-empty", "-m", "more")
    return run_git(repo, "rev-parse", "HEAD")


def test_a_backup_names_time_and_reason(worktree: Worktree, repo: Path) -> None:
    ref = refs.backup(worktree.repo, "Restore: a file", wall=NOON)
    assert ref == "refs/gitsync/backup/20240501T120000Z-restore-a-file"
    assert run_git(repo, "rev-parse", ref) == run_git(repo, "rev-parse", "HEAD")
    found = refs.backups(worktree.repo)
    assert [(item.ref, item.at, item.reason) for item in found] == [(ref, NOON, "restore-a-file")]


def test_backups_of_one_second_do_not_overwrite_each_other(worktree: Worktree, repo: Path) -> None:
    first = refs.backup(worktree.repo, "pull", wall=NOON)
    assert refs.backup(worktree.repo, "pull", wall=NOON) == first, "the same commit needs no second one"
    was = run_git(repo, "rev-parse", "HEAD")
    now = commit(repo)
    assert refs.backup(worktree.repo, "pull", wall=NOON) != first
    assert [item.commit for item in refs.backups(worktree.repo)] == [now, was]


def test_an_unborn_branch_has_nothing_to_back_up(tmp_path: Path) -> None:
    root = tmp_path / "empty"
    run_git(tmp_path, "init", "-q", str(root))
    made = Worktree(root, tmp_path / "notes")
    assert refs.backup(made.repo, "pull") is None
    assert refs.ahead_behind(made, None) == (0, 0)
    made.close()


def test_expiry(worktree: Worktree, repo: Path) -> None:
    for number in range(105):
        refs.backup(worktree.repo, "pull", wall=NOON + number)
    aside = run_git(repo, "commit-tree", "HEAD^{tree}", "-m", "in no branch")
    only_one = refs.backup(worktree.repo, "rescued", commit=aside, wall=NOON - 1)
    ancient = refs.backup(worktree.repo, "pull", wall=NOON - 91 * DAY)
    gone = refs.expire(worktree.repo, wall=NOON + DAY)
    assert ancient in gone
    assert only_one not in gone, "it may be all that holds a version"
    assert len(gone) == 6
    kept = [item.ref for item in refs.backups(worktree.repo)]
    assert len(kept) == 101
    assert kept[0].endswith("120144Z-pull")
    assert only_one in refs.expire(worktree.repo, wall=NOON + 91 * DAY)


def test_refs_of_others_are_left(worktree: Worktree, repo: Path) -> None:
    for name in ("refs/gitsync/backup/by-hand", "refs/gitsync/backup/20000101T000000Z", "refs/heads/old"):
        run_git(repo, "update-ref", name, "HEAD")
    assert refs.expire(worktree.repo) == []


def test_ahead_behind(worktree: Worktree, repo: Path) -> None:
    base = run_git(repo, "rev-parse", "HEAD")
    theirs = run_git(repo, "commit-tree", "HEAD^{tree}", "-p", base, "-m", "theirs")
    commit(repo)
    commit(repo)
    assert refs.ahead_behind(worktree, base) == (2, 0)
    assert refs.ahead_behind(worktree, theirs) == (2, 1)
    assert refs.ahead_behind(worktree, None) == (3, 0)


def test_a_change_has_a_ref_to_what_came_of_it_and_both_expire(worktree: Worktree, repo: Path) -> None:
    was = run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "commit", "-q", "--allow-empty", "-m", "second")
    now = run_git(repo, "rev-parse", "HEAD")
    first = refs.backup(worktree.repo, "merge", commit=was, outcome=now, wall=NOON)
    assert [(item.commit, item.outcome) for item in refs.backups(worktree.repo)] == [(was, now)]
    # A second try of the same second, to another end, is another change.
    assert refs.backup(worktree.repo, "merge", commit=was, outcome=was, wall=NOON) != first
    assert refs.backup(worktree.repo, "merge", commit=was, outcome=now, wall=NOON) == first
    refs.expire(worktree.repo, wall=NOON + 91 * DAY)
    assert run_git(repo, "for-each-ref", "refs/gitsync") == ""
