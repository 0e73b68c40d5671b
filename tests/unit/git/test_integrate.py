"""Taking in what another machine did: every kind of change, and everything that can be in the way."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.git.commits import TipMovedError
from gitsync.git.integrate import Outcome, OutcomeKind, apply, recover
from gitsync.git.journal import TEMP_PREFIX
from gitsync.git.merge import Plan, PlanKind, plan
from gitsync.git.refs import backups
from gitsync.git.worktree import Worktree
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

    def plan(self, previous: str | None = None) -> Plan:
        return plan(self.worktree, self.fetch(), previous)

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


def test_conflict_touches_nothing(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n", "both": b"1"})
    pair.put(pair.ours, {"a.txt": b"ours\n", "both": b"2"})
    head = pair.commit(pair.ours)
    made = pair.plan()
    assert (made.kind, made.conflicts, made.tree) == (PlanKind.CONFLICT, (b"a.txt", b"both"), None)
    assert apply(pair.worktree, made, message="").head == head
    assert (pair.ours / "a.txt").read_bytes() == b"ours\n"
    pair.check_clean()


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


@pytest.mark.parametrize("edit", ["change", "remove", "mode", "directory", "link"])
def test_an_uncommitted_edit_comes_first(pair: Pair, edit: str) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n", "dir/b.txt": b"theirs\n", "new": b"n"})
    path = pair.ours / "a.txt"
    if edit == "change":
        path.write_bytes(b"mine\n")
    elif edit == "mode":
        path.chmod(0o755)
    else:
        path.unlink()
        if edit == "directory":
            pair.put(pair.ours, {"a.txt/x": b"mine"})
        elif edit == "link":
            path.symlink_to("elsewhere")
    before = run_git(pair.ours, "status", "--porcelain")
    outcome = pair.take()
    assert (outcome.kind, outcome.paths) == (OutcomeKind.EDITED, (b"a.txt",))
    assert run_git(pair.ours, "status", "--porcelain") == before
    assert (pair.ours / "dir/b.txt").read_bytes() == b"b\n"
    check_no_leftovers(pair.ours)


def test_an_untracked_file_in_the_way(pair: Pair) -> None:
    pair.put(pair.theirs, {"new": b"theirs\n", "same": b"same\n"})
    pair.put(pair.ours, {"new": b"mine\n", "same": b"same\n"})
    outcome = pair.take()
    assert (outcome.kind, outcome.paths) == (OutcomeKind.EDITED, (b"new",))
    (pair.ours / "new").unlink()
    pair.check_done(pair.take())


def test_an_ignored_file_in_the_way(pair: Pair) -> None:
    pair.put(pair.theirs, {"secret.key": b"theirs\n"})
    pair.put(pair.ours, {"secret.key": b"mine\n"})
    (pair.ours / ".git/info/exclude").write_text("*.key\n")
    outcome = pair.take()
    assert (outcome.kind, outcome.paths) == (OutcomeKind.BLOCKED, (b"secret.key",))
    assert outcome.problem is not None
    assert "secret.key" in outcome.problem.message
    assert (pair.ours / "secret.key").read_bytes() == b"mine\n"


def test_ignored_files_hold_a_directory_that_becomes_a_file(pair: Pair) -> None:
    run_git(pair.theirs, "rm", "-rq", "dir")
    pair.put(pair.theirs, {"dir": b"a file now\n"})
    pair.put(pair.ours, {"dir/cache.o": b"precious"})
    (pair.ours / ".git/info/exclude").write_text("*.o\n")
    outcome = pair.take()
    assert outcome.kind is OutcomeKind.BLOCKED
    assert (pair.ours / "dir/cache.o").read_bytes() == b"precious"
    assert (pair.ours / "dir/b.txt").read_bytes() == b"b\n", "what was moved out of the way is back"
    assert run_git(pair.ours, "status", "--porcelain") == ""
    check_no_leftovers(pair.ours)


def test_a_directory_that_keeps_an_ignored_file_stays(pair: Pair) -> None:
    run_git(pair.theirs, "rm", "-rq", "dir")
    pair.put(pair.ours, {"dir/cache.o": b"precious"})
    (pair.ours / ".git/info/exclude").write_text("*.o\n")
    assert pair.take().kind is OutcomeKind.DONE
    assert sorted(os.listdir(pair.ours / "dir")) == ["cache.o"]


def test_never_through_a_symbolic_link(pair: Pair, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.txt").write_bytes(b"b\n")
    (outside / "deep").mkdir()
    (outside / "deep/c.txt").write_bytes(b"c\n")
    pair.put(pair.theirs, {"dir/b.txt": b"theirs\n", "dir/new.txt": b"n"})
    os.rename(pair.ours / "dir", tmp_path / "moved away")
    (pair.ours / "dir").symlink_to(outside)
    assert pair.take().kind is OutcomeKind.EDITED
    assert sorted(os.listdir(outside)) == ["b.txt", "deep"]
    assert (outside / "b.txt").read_bytes() == b"b\n"


def test_a_remote_that_sends_a_link_and_then_a_directory_of_its_name(pair: Pair, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (pair.theirs / "trap").symlink_to(outside)
    pair.check_done(pair.take())
    (pair.theirs / "trap").unlink()
    pair.put(pair.theirs, {"trap/x": b"evil"})
    pair.check_done(pair.take())
    assert os.listdir(outside) == []
    assert (pair.ours / "trap/x").read_bytes() == b"evil"


def test_what_the_user_staged_is_left(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n"})
    pair.put(pair.ours, {"a.txt": b"staged\n"})
    run_git(pair.ours, "add", "a.txt")
    pair.put(pair.ours, {"a.txt": b"one\n"})
    staged = run_git(pair.ours, "ls-files", "-s", "a.txt")
    outcome = pair.take()
    assert outcome.kind is OutcomeKind.BLOCKED
    assert run_git(pair.ours, "ls-files", "-s", "a.txt") == staged


def test_other_staged_entries_stay_staged(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n"})
    pair.put(pair.ours, {"dir/b.txt": b"staged\n", "added": b"x"})
    run_git(pair.ours, "add", "dir/b.txt", "added")
    assert pair.take().kind is OutcomeKind.DONE
    assert run_git(pair.ours, "status", "--porcelain").splitlines() == ["A  added", "M  dir/b.txt"]


def test_hands_off_while_an_operation_is_open_or_head_moved(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n"})
    made = pair.plan()
    (pair.ours / ".git/MERGE_HEAD").write_text(made.upstream + "\n")
    with pytest.raises(TipMovedError):
        apply(pair.worktree, made, message="")
    (pair.ours / ".git/MERGE_HEAD").unlink()
    pair.commit(pair.ours)
    with pytest.raises(TipMovedError):
        apply(pair.worktree, made, message="")
    assert (pair.ours / "a.txt").read_bytes() == b"one\n"


def test_permissions_are_kept_but_for_the_executable_bits(pair: Pair) -> None:
    (pair.ours / "a.txt").chmod(0o600)
    (pair.ours / "dir/b.txt").chmod(0o640)
    pair.put(pair.theirs, {"a.txt": b"theirs\n", "dir/b.txt": b"theirs\n"})
    (pair.theirs / "dir/b.txt").chmod(0o755)
    pair.check_done(pair.take())
    assert stat.S_IMODE((pair.ours / "a.txt").stat().st_mode) == 0o600
    assert stat.S_IMODE((pair.ours / "dir/b.txt").stat().st_mode) == 0o750


def test_a_file_that_is_open_for_writing_waits(pair: Pair) -> None:
    pair.put(pair.theirs, {"a.txt": b"theirs\n"})
    with open(pair.ours / "a.txt", "ab") as stream:
        outcome = pair.take()
        assert outcome.kind is OutcomeKind.BLOCKED
        stream.write(b"appended\n")
    assert (pair.ours / "a.txt").read_bytes() == b"one\nappended\n"


def test_filters_and_line_ends(pair: Pair) -> None:
    run_git(pair.ours, "config", "filter.upper.smudge", "tr a-z A-Z")
    run_git(pair.ours, "config", "filter.upper.clean", "tr A-Z a-z")
    # The attributes come with the files that need them.
    pair.put(pair.theirs, {".gitattributes": b"*.up filter=upper\n*.dos text eol=crlf\n", "x.up": b"shout\n"})
    pair.put(pair.theirs, {"y.dos": b"a\r\nb\r\n"})
    pair.check_done(pair.take())
    assert (pair.ours / "x.up").read_bytes() == b"SHOUT\n"
    assert (pair.ours / "y.dos").read_bytes() == b"a\r\nb\r\n"
    pair.put(pair.theirs, {"x.up": b"louder\n", "y.dos": b"c\r\n"})
    pair.check_done(pair.take())
    assert (pair.ours / "x.up").read_bytes() == b"LOUDER\n"
    assert (pair.ours / "y.dos").read_bytes() == b"c\r\n"


def test_many_files(pair: Pair) -> None:
    pair.put(pair.theirs, {f"many/{n % 7}/{n}": b"%d\n" % n for n in range(300)})
    pair.check_done(pair.take())
    run_git(pair.theirs, "rm", "-rq", "many")
    pair.check_done(pair.take())
    assert not (pair.ours / "many").exists()


def test_submodule_entries_get_their_directory(pair: Pair) -> None:
    head = run_git(pair.theirs, "rev-parse", "HEAD")
    run_git(pair.theirs, "update-index", "--add", "--cacheinfo", f"160000,{head},sub/module")
    run_git(pair.theirs, "commit", "-q", "-m", "sub")
    (pair.theirs / "sub/module").mkdir(parents=True)
    outcome = pair.take()
    assert outcome.kind is OutcomeKind.DONE
    assert (pair.ours / "sub/module").is_dir()
    assert run_git(pair.ours, "status", "--porcelain") == ""


def test_nothing_to_recover(pair: Pair) -> None:
    assert recover(pair.worktree).summary == ""
