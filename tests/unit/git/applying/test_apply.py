"""Taking in what another machine did: every kind of change."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.core.conflict import Policy, Rules
from gitsync.git.applying.apply import OutcomeKind, apply
from gitsync.git.merging.plan import PlanKind, plan
from gitsync.git.objects.refs import backups
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.fakes.pair import Pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.worktree.close()


def test_nothing_new(pair: Pair) -> None:
    head = run_git(pair.ours, "rev-parse", "HEAD")
    assert plan(pair.worktree, head, None).kind is PlanKind.EQUAL


def test_ahead(pair: Pair) -> None:
    upstream = run_git(pair.ours, "rev-parse", "HEAD")
    pair.put(pair.ours, {"new": b""})
    pair.commit(pair.ours)
    assert plan(pair.worktree, upstream, upstream).kind is PlanKind.AHEAD


def test_fast_forward_with_every_kind_of_change(pair: Pair) -> None:
    theirs = pair.theirs
    pair.put(theirs, {"a.txt": b"two\n", "new/dir/x.txt": b"x\n", "empty": b"", "bin": bytes(range(256))})
    (theirs / "dir/deep/c.txt").unlink()
    (theirs / "run.sh").chmod(0o644)
    (theirs / "dir/b.txt").chmod(0o755)
    (theirs / "link").unlink()
    (theirs / "link").symlink_to("nowhere/at/all")
    os.rename(os.fsencode(theirs / "empty"), os.fsencode(theirs) + b"/od\xffd \n name")
    made = pair.plan()
    assert made.kind is PlanKind.FAST_FORWARD
    outcome = apply(pair.worktree, made, message="pull")
    pair.check_done(outcome)
    assert run_git(pair.ours, "rev-parse", "HEAD") == run_git(theirs, "rev-parse", "HEAD")
    assert (pair.ours / "a.txt").read_bytes() == b"two\n"
    assert not (pair.ours / "dir/deep").exists(), "an emptied directory goes"
    assert not (pair.ours / "run.sh").stat().st_mode & stat.S_IXUSR
    assert (pair.ours / "dir/b.txt").stat().st_mode & stat.S_IXUSR
    assert os.readlink(pair.ours / "link") == "nowhere/at/all"
    assert b"a.txt" in outcome.paths


def test_files_directories_and_links_change_places(pair: Pair) -> None:
    theirs = pair.theirs
    (theirs / "a.txt").unlink()
    pair.put(theirs, {"a.txt/now/a/directory": b"x"})
    for name in ("dir/deep/c.txt", "dir/b.txt"):
        (theirs / name).unlink()
    (theirs / "dir/deep").rmdir()
    (theirs / "dir").rmdir()
    (theirs / "dir").symlink_to("a.txt")
    (theirs / "link").unlink()
    pair.put(theirs, {"link/below": b"y"})
    (theirs / "run.sh").unlink()
    (theirs / "run.sh").symlink_to("link")
    pair.check_done(pair.take())
    assert (pair.ours / "a.txt/now/a/directory").read_bytes() == b"x"
    assert os.readlink(pair.ours / "dir") == "a.txt"
    back = {"a.txt": b"file again", "dir/b.txt": b"b again"}
    run_git(theirs, "rm", "-rq", "a.txt", "dir", "link")
    pair.put(theirs, back)
    pair.check_done(pair.take())
    assert (pair.ours / "dir/b.txt").read_bytes() == b"b again"


def test_merge_of_both_sides(pair: Pair) -> None:
    pair.put(pair.theirs, {"dir/b.txt": b"theirs\n"})
    pair.put(pair.ours, {"mine": b"ours\n"})
    ours = pair.commit(pair.ours)
    made = pair.plan()
    assert made.kind is PlanKind.MERGE
    outcome = apply(pair.worktree, made, message="Merge origin/main", author="Ada <ada@example.org>")
    pair.check_done(outcome)
    assert outcome.paths == (b"dir/b.txt",)
    parents = run_git(pair.ours, "log", "-1", "--format=%P|%an <%ae>|%s")
    assert parents == f"{ours} {made.upstream}|Ada <ada@example.org>|Merge origin/main"
    assert [item.commit for item in backups(pair.worktree.repo)] == [ours]


def test_two_machines_merge_to_the_same_tree(pair: Pair, tmp_path: Path) -> None:
    pair.put(pair.theirs, {"dir/b.txt": b"theirs\n"})
    pair.put(pair.ours, {"a.txt": b"ours\n"})
    pair.commit(pair.ours)
    mine = pair.plan()
    run_git(pair.theirs, "fetch", "-q", str(pair.ours), "+HEAD:refs/remotes/origin/main")
    other = Worktree(pair.theirs, tmp_path / "other notes")
    upstream = run_git(pair.theirs, "rev-parse", "refs/remotes/origin/main")
    assert plan(other, upstream, None).tree == mine.tree
    other.close()


@pytest.mark.parametrize("is_conflict", [True, False])
def test_machines_that_merge_each_other_come_to_rest(pair: Pair, tmp_path: Path, is_conflict: bool) -> None:
    """Two that fetch from each other, always at the same moment and never from a remote between them."""
    pair.put(pair.theirs, {"a.txt" if is_conflict else "dir/b.txt": b"theirs\n"})
    pair.put(pair.ours, {"a.txt": b"ours\n"})
    pair.commit(pair.ours)
    pair.commit(pair.theirs)
    run_git(pair.theirs, "config", "user.name", "Somebody Else")
    other = Worktree(pair.theirs, tmp_path / "other notes")
    sides = (pair.worktree, pair.theirs), (other, pair.ours)
    rounds = 0
    while len({run_git(root, "rev-parse", "HEAD") for _, root in sides}) == 2:
        rounds += 1
        assert rounds < 5
        for worktree, elsewhere in sides:
            run_git(worktree.root, "fetch", "-q", str(elsewhere), "+HEAD:refs/remotes/origin/main")
        for worktree, _ in sides:
            upstream = run_git(worktree.root, "rev-parse", "refs/remotes/origin/main")
            outcome = apply(worktree, plan(worktree, upstream, None), message="Merge origin/main")
            assert outcome.kind is OutcomeKind.DONE
    assert rounds == (3 if is_conflict else 2)
    pair.check_clean()
    other.close()


def test_a_merge_that_waits_for_a_person_touches_nothing(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n", "both": b"1"})
    pair.put(pair.ours, {"a.txt": b"ours\n", "both": b"2"})
    head = pair.commit(pair.ours)
    made = pair.plan(rules=Rules(Policy.MANUAL))
    assert (made.kind, made.conflicts, made.tree) == (PlanKind.CONFLICT, (b"a.txt", b"both"), None)
    assert apply(pair.worktree, made, message="").head == head
    assert (pair.ours / "a.txt").read_bytes() == b"ours\n"
    pair.check_clean()


def test_a_remote_that_was_set_back_is_not_filled_again_without_asking(pair: Pair) -> None:
    older = run_git(pair.ours, "rev-parse", "HEAD")
    pair.put(pair.theirs, {"a.txt": b"taken out later\n"})
    pair.take()
    previous = run_git(pair.ours, "rev-parse", "HEAD")
    assert plan(pair.worktree, older, previous).kind is PlanKind.REWRITTEN
    assert plan(pair.worktree, older, older).kind is PlanKind.AHEAD, "as it is when that was accepted"
    run_git(pair.ours, "reset", "-q", "--hard", older)
    pair.put(pair.ours, {"a.txt": b"without it\n"})
    pair.commit(pair.ours)
    assert plan(pair.worktree, older, previous).kind is PlanKind.AHEAD, "it was taken out here, too: nothing comes back"


def test_unrelated_and_rewritten(pair: Pair) -> None:
    previous = run_git(pair.ours, "rev-parse", "HEAD")
    pair.put(pair.ours, {"mine": b""})
    pair.commit(pair.ours)
    run_git(pair.theirs, "commit", "-q", "--amend", "-m", "rewritten")
    assert pair.plan(previous).kind is PlanKind.REWRITTEN
    run_git(pair.theirs, "checkout", "-q", "--orphan", "alone")
    pair.put(pair.theirs, {"other": b"another beginning"})
    assert pair.plan(None).kind is PlanKind.UNRELATED


def test_unborn_branch(tmp_path: Path, repo: Path) -> None:
    empty = tmp_path / "empty"
    run_git(tmp_path, "init", "-q", str(empty))
    run_git(empty, "fetch", "-q", str(repo), "main:refs/remotes/origin/main")
    (empty / "a.txt").write_text("one\n")  # the same as what comes: taken over
    worktree = Worktree(empty, tmp_path / "notes")
    made = plan(worktree, run_git(repo, "rev-parse", "HEAD"), None)
    assert apply(worktree, made, message="pull").kind is OutcomeKind.DONE
    assert run_git(empty, "status", "--porcelain") == ""
    worktree.close()
