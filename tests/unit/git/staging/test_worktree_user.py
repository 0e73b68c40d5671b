"""Committing beside a person who uses git, and after a crash: what is theirs stays as they left it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gitsync.errors import TransientError
from gitsync.git.staging.worktree import TipMovedError, Worktree
from tests.conftest import run_git
from tests.needs import needs_every_process
from tests.unit.git.conftest import assert_clean, commit, head_file, stage

pytestmark = pytest.mark.slow


def test_what_the_user_staged_is_his(repo: Path, worktree: Worktree) -> None:
    (repo / "b.txt").write_text("b")
    (repo / "c.txt").write_text("mine too")
    run_git(repo, "add", "b.txt")
    (repo / "b.txt").write_text("b, edited since")
    (repo / "a.txt").write_text("theirs to commit")
    staged = stage(worktree)
    assert staged.staged_by_user == {b"b.txt"}
    assert worktree.commit(staged, "x")
    assert run_git(repo, "diff", "--cached", "--name-only") == "b.txt"
    assert run_git(repo, "show", ":b.txt") == "b"
    assert head_file(repo, "a.txt") == "theirs to commit"
    assert commit(worktree, "b.txt", take_staged=frozenset({b"b.txt"}))
    assert head_file(repo, "b.txt") == "b, edited since"
    assert_clean(repo)


def test_what_was_staged_long_ago_is_committed_although_the_file_is_as_the_index_has_it(
    repo: Path, worktree: Worktree
) -> None:
    (repo / "a.txt").write_text("staged")
    os.utime(repo / "a.txt", (1, 1))
    run_git(repo, "add", "a.txt")
    assert commit(worktree, "a.txt", take_staged=frozenset({b"a.txt"}))
    assert head_file(repo, "a.txt") == "staged"
    assert_clean(repo)


def test_a_staged_deletion_and_an_intent_to_add_are_the_users(repo: Path, worktree: Worktree) -> None:
    run_git(repo, "rm", "-q", "--cached", "a.txt")
    (repo / "planned").write_text("x")
    run_git(repo, "add", "-N", "planned")
    staged = stage(worktree)
    assert staged.staged_by_user == {b"a.txt", b"planned"}
    assert not staged.changes


def test_what_git_was_told_not_to_look_at_is_left_alone(repo: Path, worktree: Worktree) -> None:
    run_git(repo, "update-index", "--skip-worktree", "a.txt")
    (repo / "a.txt").unlink()
    assert not stage(worktree, "a.txt").changes
    run_git(repo, "update-index", "--no-skip-worktree", "a.txt")
    run_git(repo, "update-index", "--assume-unchanged", "a.txt")
    assert not stage(worktree, "a.txt").changes


@pytest.mark.parametrize("how", ["commit", "switch", "add", "reset"])
def test_a_move_between_staging_and_commit_is_noticed(repo: Path, worktree: Worktree, how: str) -> None:
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")
    if how == "commit":
        run_git(repo, "commit", "-q", "--allow-empty", "-m", "mine")
    elif how == "switch":
        run_git(repo, "switch", "-q", "-c", "other")
    elif how == "add":
        run_git(repo, "add", "a.txt")
    else:
        run_git(repo, "commit", "-q", "--allow-empty", "-m", "mine")
        run_git(repo, "reset", "-q", "--soft", "HEAD~1")
        run_git(repo, "checkout", "-q", "--detach")
    head = run_git(repo, "rev-parse", "HEAD")
    with pytest.raises(TipMovedError):
        worktree.commit(staged, "x")
    assert run_git(repo, "rev-parse", "HEAD") == head
    assert run_git(repo, "rev-parse", "main") == run_git(repo, "rev-parse", "HEAD")


def test_a_held_index_is_waited_for_and_named(repo: Path, worktree: Worktree) -> None:
    needs_every_process()
    lock = repo / ".git/index.lock"
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")
    lock.write_bytes(b"")
    for attempt in (lambda: worktree.commit(staged, "x"), lambda: stage(worktree, "a.txt")):
        with pytest.raises(TransientError) as caught:
            attempt()
        assert caught.value.code == "index-locked"
        assert str(lock) in caught.value.message
    os.utime(lock, (lock.stat().st_ctime - 30,) * 2)
    with lock.open("rb"):  # somebody has it open: it is not left over
        with pytest.raises(TransientError) as caught:
            worktree.commit(staged, "x")
        assert f"rm {lock}" in caught.value.hint
        assert lock.exists()
    assert worktree.commit(staged, "x")
    assert not lock.exists()
    assert_clean(repo)


@pytest.mark.parametrize(
    ("operation", "name"),
    [("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert"), ("BISECT_LOG", "bisect")],
)
def test_an_open_operation_is_told_and_stops_a_commit(
    repo: Path, worktree: Worktree, operation: str, name: str
) -> None:
    assert worktree.facts().open_operation == ""
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")
    (repo / ".git" / operation).write_text(run_git(repo, "rev-parse", "HEAD") + "\n")
    assert worktree.facts().open_operation == name
    with pytest.raises(TipMovedError):
        worktree.commit(staged, "x")


def test_a_conflicted_stash_and_a_rebase_are_told(repo: Path, worktree: Worktree) -> None:
    (repo / "a.txt").write_text("stashed\n")
    run_git(repo, "stash", "-q")
    (repo / "a.txt").write_text("committed\n")
    run_git(repo, "commit", "-qam", "other")
    run_git(repo, "stash", "pop", "-q", check=False)
    assert worktree.facts().open_operation == "conflicts"
    run_git(repo, "reset", "-q", "--hard")
    assert worktree.facts().open_operation == ""
    run_git(repo, "switch", "-q", "-c", "side", "HEAD~1")
    (repo / "a.txt").write_text("side\n")
    run_git(repo, "commit", "-qam", "side")
    run_git(repo, "rebase", "-q", "main", check=False)
    facts = worktree.facts()
    assert facts.open_operation == "rebase"
    assert facts.branch is None


@pytest.mark.parametrize("form", ["version 4", "split", "untracked cache", "fsmonitor"])
def test_other_forms_of_index_are_left_to_git(repo: Path, worktree: Worktree, form: str) -> None:
    options = {
        "version 4": ["--index-version=4"],
        "split": ["--split-index"],
        "untracked cache": ["--force-untracked-cache"],
        "fsmonitor": ["--fsmonitor"],
    }
    if form == "fsmonitor":
        run_git(repo, "config", "core.fsmonitor", "/bin/false")
    run_git(repo, "update-index", *options[form])
    (repo / "b").write_text("staged")
    run_git(repo, "add", "b")
    (repo / "a.txt").write_text("two")
    (repo / "d").mkdir()
    (repo / "d/new").write_text("new")
    staged = stage(worktree)
    assert staged.staged_by_user == {b"b"}
    assert worktree.commit(staged, "x")
    assert run_git(repo, "status", "--porcelain") == "A  b"
    (repo / "a.txt").unlink()
    (repo / "a.txt").mkdir()
    (repo / "a.txt/x").write_text("x")
    assert commit(worktree)
    assert run_git(repo, "status", "--porcelain") == "A  b"
    assert run_git(repo, "ls-files").split() == ["a.txt/x", "b", "d/new"]


@pytest.mark.parametrize("damage", [b"", b"DIRC", b"garbage" * 100, None])
def test_a_broken_index_is_made_anew(repo: Path, worktree: Worktree, tmp_path: Path, damage: bytes | None) -> None:
    (repo / "keep").write_text("k")
    assert commit(worktree)
    if damage is None:
        (repo / ".git/index").unlink()
    else:
        (repo / ".git/index").write_bytes(damage)
    (repo / "a.txt").write_text("two")
    assert commit(worktree, "a.txt")
    assert_clean(repo)
    if damage:
        assert (tmp_path / "notes/index.broken").read_bytes() == damage


def refusing(target: Path, error: BaseException) -> Callable[..., None]:
    """Return an `os.rename` that raises the error when something is renamed to `target`."""
    rename = os.rename

    def refuse(source: str, destination: str, **options: int) -> None:
        if destination == str(target):
            raise error
        rename(source, destination, **options)

    return refuse


@pytest.mark.parametrize("stop", ["before the branch", "before the index"])
def test_a_crash_does_not_look_like_staging(
    repo: Path, worktree: Worktree, tmp_path: Path, stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "gone").write_text("g")
    assert commit(worktree)
    (repo / "a.txt").write_text("two")
    (repo / "new").write_text("n")
    (repo / "gone").unlink()
    (repo / "mine").write_text("m")
    run_git(repo, "add", "mine")
    staged = stage(worktree)

    target = repo / (".git/refs/heads/main" if stop == "before the branch" else ".git/index")
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refusing(target, KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            worktree.commit(staged, "x")
    again = Worktree(repo, tmp_path / "notes")
    if stop == "before the branch":
        assert again.commit(stage(again), "y")
    assert run_git(repo, "status", "--porcelain") == "A  mine"
    assert not (tmp_path / "notes/index-intent.json").exists()
    again.close()


def test_a_commit_that_the_index_cannot_follow_is_still_told(
    repo: Path, worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refusing(repo / ".git/index", OSError(errno.ENOSPC, "No space left on device")))
        info = worktree.commit(staged, "x")
    assert info is not None
    assert run_git(repo, "rev-parse", "HEAD") == info.id
    assert commit(worktree, "a.txt") is None  # and the next batch mends the index first
    assert_clean(repo)


@pytest.mark.parametrize("spoiled", [b"", b"\0\0garbage{", b"[]"])
def test_a_damaged_note_of_a_move_needs_no_person(repo: Path, tmp_path: Path, spoiled: bytes) -> None:
    note = tmp_path / "notes/index-intent.json"
    note.parent.mkdir()
    note.write_bytes(spoiled)
    again = Worktree(repo, tmp_path / "notes")
    assert again.index.intended() is None
    assert not note.exists()
    again.close()
