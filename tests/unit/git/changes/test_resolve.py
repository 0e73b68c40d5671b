"""A conflict is settled as its user says: in one commit, with what goes kept in the history."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.errors import OperationError, UsageError
from gitsync.git.changes.resolve import Resolution, ResolveResult, settle
from gitsync.git.changes.undo import undo
from gitsync.git.merging.conflict_copies import kept_copies
from gitsync.git.repository import head_tree
from tests.conftest import run_git
from tests.fakes.conflicts import keep_both
from tests.fakes.pair import Pair

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def settle_it(pair: Pair, path: bytes, choice: Resolution) -> ResolveResult:
    return settle(pair.worktree, kept_copies(pair.worktree, head_tree(pair.worktree)[1]), path, choice)


def chosen(pair: Pair, name: str, choice: Resolution) -> ResolveResult:
    done = settle_it(pair, name.encode(), choice)
    assert done.commit is not None
    assert done.commit.id == run_git(pair.ours, "rev-parse", "HEAD")
    assert done.before == run_git(pair.ours, "rev-parse", "HEAD^")
    pair.check_clean()
    return done


@pytest.mark.parametrize("is_copy_named", [True, False])
@pytest.mark.parametrize("choice", [Resolution.NAME, Resolution.DONE])
def test_what_stands_there_stays(pair: Pair, choice: Resolution, is_copy_named: bool) -> None:
    copy = keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    done = chosen(pair, copy if is_copy_named else "a.txt", choice)
    assert (done.path, done.removed, done.left) == (b"a.txt", (copy.encode(),), 0)
    assert (pair.ours / "a.txt").read_bytes() == b"theirs\n"
    assert not (pair.ours / copy).exists()
    assert run_git(pair.ours, "show", f"{done.before}:{copy}") == "ours"


def test_the_copy_takes_the_name_as_it_was_edited(pair: Pair) -> None:
    copy = keep_both(pair, "dir/b.txt", b"ours\n", b"theirs\n")
    pair.put(pair.ours, {copy: b"ours, better\n"})
    pair.commit(pair.ours)
    chosen(pair, "dir/b.txt", Resolution.COPY)
    assert (pair.ours / "dir/b.txt").read_bytes() == b"ours, better\n"
    assert not (pair.ours / copy).exists()


def test_both_stay_under_ordinary_names(pair: Pair) -> None:
    copy = keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    pair.put(pair.ours, {"a-kept.txt": b"in the way\n"})
    pair.commit(pair.ours)
    done = chosen(pair, "a.txt", Resolution.BOTH)
    assert done.renamed == ((copy.encode(), b"a-kept-2.txt"),)
    assert (pair.ours / "a-kept-2.txt").read_bytes() == b"ours\n"
    assert (pair.ours / "a-kept.txt").read_bytes() == b"in the way\n"
    assert (pair.ours / "a.txt").read_bytes() == b"theirs\n"


def test_a_dot_file_keeps_its_dot(pair: Pair) -> None:
    keep_both(pair, "dir/b.txt", b"x\n", b"y\n")
    pair.put(pair.ours, {".profile": b"base\n"})
    pair.commit(pair.ours)
    run_git(pair.theirs, "pull", "-q", str(pair.ours), "main")
    keep_both(pair, ".profile", b"ours\n", b"theirs\n")
    done = chosen(pair, ".profile", Resolution.BOTH)
    assert done.renamed[0][1] == b".profile-kept"
    assert done.left == 1


def test_with_two_copies_one_has_to_be_named(pair: Pair) -> None:
    first = keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    run_git(pair.theirs, "pull", "-q", str(pair.ours), "main")
    second = keep_both(pair, "a.txt", b"ours again\n", b"theirs again\n")
    with pytest.raises(UsageError, match="2 conflict copies") as refused:
        settle_it(pair, b"a.txt", Resolution.COPY)
    assert second in refused.value.hint
    assert chosen(pair, second, Resolution.COPY).left == 1, "the other copy still waits"
    assert (pair.ours / "a.txt").read_bytes() == b"ours again\n"
    chosen(pair, first, Resolution.NAME)


def test_a_removed_file_comes_back_with_its_copy(pair: Pair) -> None:
    keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    run_git(pair.ours, "rm", "-q", "a.txt")
    pair.commit(pair.ours)
    chosen(pair, "a.txt", Resolution.COPY)
    assert (pair.ours / "a.txt").read_bytes() == b"ours\n"


def test_a_directory_is_not_swept_away_for_a_copy(pair: Pair) -> None:
    keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    run_git(pair.ours, "rm", "-q", "a.txt")
    pair.put(pair.ours, {"a.txt/deep.txt": b"deep\n"})
    head = pair.commit(pair.ours)
    with pytest.raises(OperationError, match=r"a directory exists at a\.txt") as refused:
        settle_it(pair, b"a.txt", Resolution.COPY)
    assert "--both" in refused.value.hint
    assert run_git(pair.ours, "rev-parse", "HEAD") == head
    chosen(pair, "a.txt", Resolution.BOTH)


def test_a_file_in_place_of_its_directory_is_not_swept_away_either(pair: Pair) -> None:
    copy = keep_both(pair, "dir/b.txt", b"ours\n", b"theirs\n")
    # The copy's own directory is gone with it, so that only the history could bring the file back: not in conflict.
    run_git(pair.ours, "rm", "-rq", "dir")
    pair.put(pair.ours, {"dir": b"a file\n"})
    pair.commit(pair.ours)
    with pytest.raises(UsageError, match="is not in conflict"):
        settle_it(pair, copy.encode(), Resolution.COPY)


def test_a_path_that_is_not_in_conflict_is_named_with_its_neighbours(pair: Pair) -> None:
    keep_both(pair, "dir/b.txt", b"ours\n", b"theirs\n")
    with pytest.raises(UsageError, match=r"dir/c\.txt is not in conflict") as refused:
        settle_it(pair, b"dir/c.txt", Resolution.NAME)
    assert "dir/b.txt" in refused.value.hint
    assert refused.value.code == "not-in-conflict"


def test_undo_brings_the_conflict_back(pair: Pair) -> None:
    copy = keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    tree = head_tree(pair.worktree)[2]
    chosen(pair, "a.txt", Resolution.COPY)
    done = undo(pair.worktree)
    assert done.change.reason == "resolve"
    assert head_tree(pair.worktree)[2] == tree
    assert (pair.ours / copy).read_bytes() == b"ours\n"
    # And the undo after it takes back the merge that had brought the conflict.
    assert undo(pair.worktree).change.reason == "merge"
    assert (pair.ours / "a.txt").read_bytes() == b"ours\n"
    assert not (pair.ours / copy).exists()
