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


def pass_days(worktree: Worktree, days: int) -> list[str]:
    """Let so many days pass on which backup refs may expire; return those that did."""
    return [
        ref for day in range(days) for ref in refs.expire(worktree.repo, worktree.repo_state_dir, wall=NOON + day * DAY)
    ]


@pytest.mark.slow
def test_expiry(worktree: Worktree, repo: Path) -> None:
    for number in range(105):
        refs.backup(worktree.repo, "pull", wall=NOON + number)
    aside = run_git(repo, "commit-tree", "HEAD^{tree}", "-m", "in no branch")
    only_one = refs.backup(worktree.repo, "rescued", commit=aside, wall=NOON - 1)
    assert len(pass_days(worktree, 1)) == 5
    kept = [item.ref for item in refs.backups(worktree.repo)]
    assert only_one in kept, "it may be all that holds a version"
    assert len(kept) == 101
    assert kept[0].endswith("120144Z-pull")
    assert pass_days(worktree, 90) == []
    assert only_one in pass_days(worktree, 91)
    assert refs.backups(worktree.repo) == []


@pytest.mark.parametrize("jump", [365 * DAY, -365 * DAY, -50 * 365 * DAY])
def test_a_clock_that_jumps_removes_nothing(worktree: Worktree, jump: float) -> None:
    before = refs.backup(worktree.repo, "pull", wall=NOON)
    amid = refs.backup(worktree.repo, "pull", wall=NOON + jump)
    for wall in (NOON, NOON + jump, NOON + 2 * jump, NOON, NOON + jump):
        assert refs.expire(worktree.repo, worktree.repo_state_dir, wall=wall) == []
    assert {item.ref for item in refs.backups(worktree.repo)} == {before, amid}


def test_the_age_of_refs_is_counted_again_where_it_is_spoiled(worktree: Worktree) -> None:
    refs.backup(worktree.repo, "pull", wall=NOON)
    pass_days(worktree, 80)
    for spoiled in (b"", b"[1]", b"\0\0"):
        (worktree.repo_state_dir / "ref-ages").write_bytes(spoiled)
        assert pass_days(worktree, 80) == []


def test_refs_of_others_are_left(worktree: Worktree, repo: Path) -> None:
    for name in ("refs/gitsync/backup/by-hand", "refs/gitsync/backup/20000101T000000Z", "refs/heads/old"):
        run_git(repo, "update-ref", name, "HEAD")
    assert refs.expire(worktree.repo, worktree.repo_state_dir) == []


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
    pass_days(worktree, 91)
    assert run_git(repo, "for-each-ref", "refs/gitsync") == ""
