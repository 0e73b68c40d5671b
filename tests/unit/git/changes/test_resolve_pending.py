"""A merge that waits for a person: settled file by file, asked again where either side moved on, made with the last."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.clock import SystemClock
from gitsync.core.conflict import Policy, Rules
from gitsync.errors import OperationError
from gitsync.git.changes.pending_merge import CONFLICTS, hold, left, waiting, with_choices
from gitsync.git.changes.resolve import Resolution, ResolveResult, settle_waiting
from gitsync.git.merging.conflict_view import waiting as sides
from gitsync.git.merging.plan import PlanKind, plan
from gitsync.git.repository import ReadOnlyRepository
from tests.conftest import run_git
from tests.fakes.pair import Pair

pytestmark = pytest.mark.slow

MANUAL = Rules(Policy.MANUAL)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def diverge(pair: Pair, ours: dict[str, bytes], theirs: dict[str, bytes]) -> str:
    """Change files on both sides and let the merge wait; return what the remote has."""
    pair.put(pair.ours, ours)
    pair.put(pair.theirs, theirs)
    pair.commit(pair.ours)
    return wait(pair)


def wait(pair: Pair) -> str:
    upstream = pair.fetch()
    wanted = plan(pair.worktree, upstream, None, MANUAL)
    assert wanted.kind is PlanKind.CONFLICT
    hold(pair.worktree, wanted)
    return upstream


def left_of(pair: Pair) -> list[str]:
    """What another process, with a handle of its own, says is left."""
    with ReadOnlyRepository(pair.ours, pair.worktree.repo_state_dir) as place:
        held = waiting(place)
        assert held is not None
        return [path.decode() for path in left(place, held, with_choices(place, MANUAL, held.theirs))]


def settle(pair: Pair, name: str, choice: Resolution) -> ResolveResult:
    return settle_waiting(pair.worktree, name.encode(), choice, MANUAL)


def test_the_last_choice_makes_the_merge(pair: Pair) -> None:
    upstream = diverge(
        pair, {"a.txt": b"ours\n", "dir/b.txt": b"ours\n"}, {"a.txt": b"theirs\n", "dir/b.txt": b"theirs\n"}
    )
    first = settle(pair, "a.txt", Resolution.COPY)
    assert (first.commit, first.left, first.is_waiting) == (None, 1, True)
    assert (pair.ours / "a.txt").read_bytes() == b"ours\n", "nothing is done before all is settled"
    assert left_of(pair) == ["dir/b.txt"]
    last = settle(pair, "dir/b.txt", Resolution.DONE)
    assert last.commit is not None
    assert run_git(pair.ours, "rev-parse", "HEAD^2") == upstream
    assert [(pair.ours / name).read_bytes() for name in ("a.txt", "dir/b.txt")] == [b"theirs\n", b"ours\n"]
    assert waiting(pair.worktree) is None
    pair.check_clean()


def test_what_was_edited_since_theirs_was_chosen_is_asked_again(pair: Pair) -> None:
    diverge(pair, {"a.txt": b"ours\n", "dir/b.txt": b"ours\n"}, {"a.txt": b"theirs\n", "dir/b.txt": b"theirs\n"})
    settle(pair, "a.txt", Resolution.COPY)
    pair.put(pair.ours, {"a.txt": b"ours, edited since\n"})
    pair.commit(pair.ours)
    assert left_of(pair) == ["a.txt", "dir/b.txt"]
    assert settle(pair, "dir/b.txt", Resolution.NAME).commit is None
    # Ours goes on being edited: who chose it has chosen that, too.
    pair.put(pair.ours, {"dir/b.txt": b"ours, edited since\n"})
    pair.commit(pair.ours)
    assert settle(pair, "a.txt", Resolution.NAME).commit is not None
    assert (pair.ours / "dir/b.txt").read_bytes() == b"ours, edited since\n"


def test_a_new_version_there_asks_again(pair: Pair) -> None:
    diverge(pair, {"a.txt": b"ours\n", "dir/b.txt": b"ours\n"}, {"a.txt": b"theirs\n", "dir/b.txt": b"theirs\n"})
    settle(pair, "a.txt", Resolution.NAME)
    pair.put(pair.theirs, {"unrelated.txt": b"x\n"})
    wait(pair)
    assert left_of(pair) == ["dir/b.txt"], "another file's news changes nothing"
    pair.put(pair.theirs, {"a.txt": b"theirs, newer\n"})
    wait(pair)
    assert left_of(pair) == ["a.txt", "dir/b.txt"]


def test_both_keeps_ours_under_a_name_of_its_own_once(pair: Pair) -> None:
    diverge(pair, {"a.txt": b"ours\n", "dir/b.txt": b"ours\n"}, {"a.txt": b"theirs\n", "dir/b.txt": b"theirs\n"})
    for _ in range(2):
        assert settle(pair, "a.txt", Resolution.BOTH).renamed == ((b"a.txt", b"a-kept.txt"),)
    assert settle(pair, "dir/b.txt", Resolution.COPY).commit is not None
    found = {path.name: path.read_bytes() for path in pair.ours.glob("a*")}
    assert found == {"a.txt": b"theirs\n", "a-kept.txt": b"ours\n"}
    pair.check_clean()


@pytest.mark.parametrize(("choice", "is_there"), [(Resolution.NAME, False), (Resolution.COPY, True)])
def test_a_deletion_that_was_chosen_counts(pair: Pair, choice: Resolution, is_there: bool) -> None:
    (pair.ours / "a.txt").unlink()
    upstream = diverge(pair, {}, {"a.txt": b"theirs\n"})
    with ReadOnlyRepository(pair.ours, pair.worktree.repo_state_dir) as place:
        (found,) = sides(place, (b"a.txt",), upstream)
    assert (found.ours, found.is_waiting) == ((), True)
    assert found.theirs is not None
    assert found.theirs.text == "theirs\n"
    assert settle(pair, "a.txt", choice).commit is not None
    assert (pair.ours / "a.txt").exists() is is_there


def renamed_there(pair: Pair, others: frozenset[str] = frozenset()) -> str:
    """Change one file on both sides, and rename it on theirs."""
    lines = [b"line %d\n" % number for number in range(20)]
    pair.put(pair.theirs, {"a.txt": b"".join(lines)})
    pair.take()
    run_git(pair.theirs, "mv", "a.txt", "moved.txt")
    ours = {"a.txt": b"".join([b"ours\n", *lines[1:]]), **dict.fromkeys(others, b"ours\n")}
    theirs = {"moved.txt": b"".join([b"theirs\n", *lines[1:]]), **dict.fromkeys(others, b"theirs\n")}
    return diverge(pair, ours, theirs)


def test_a_side_that_has_it_under_its_old_name_is_shown_with_that(pair: Pair) -> None:
    upstream = renamed_there(pair)
    assert left_of(pair) == ["moved.txt"]
    with ReadOnlyRepository(pair.ours, pair.worktree.repo_state_dir) as place:
        (found,) = sides(place, (b"moved.txt",), upstream)
    assert found.theirs is not None
    assert (found.theirs.path, [version.path for version in found.ours]) == (b"moved.txt", [b"a.txt"])


@pytest.mark.parametrize(
    ("choice", "there"),
    [
        (Resolution.NAME, {"moved.txt": b"ours"}),
        (Resolution.COPY, {"moved.txt": b"theirs"}),
        (Resolution.BOTH, {"moved.txt": b"theirs", "moved-kept.txt": b"ours"}),
    ],
)
def test_a_renamed_file_is_settled_under_its_new_name(pair: Pair, choice: Resolution, there: dict[str, bytes]) -> None:
    renamed_there(pair)
    assert settle(pair, "moved.txt", choice).commit is not None
    found = {path.name: path.read_bytes().partition(b"\n")[0] for path in pair.ours.glob("*.txt")}
    assert found == there
    pair.check_clean()


def test_what_was_edited_under_its_old_name_since_theirs_was_chosen_is_asked_again(pair: Pair) -> None:
    renamed_there(pair, frozenset({"dir/b.txt"}))
    settle(pair, "moved.txt", Resolution.COPY)
    assert left_of(pair) == ["dir/b.txt"]
    pair.put(pair.ours, {"a.txt": b"edited since\n" + (pair.ours / "a.txt").read_bytes()})
    pair.commit(pair.ours)
    assert left_of(pair) == ["dir/b.txt", "moved.txt"]


@pytest.mark.parametrize("choice", [choice for choice in Resolution if choice is not Resolution.EDIT])
def test_a_path_that_comes_up_by_a_choice_can_be_settled(pair: Pair, choice: Resolution) -> None:
    """A file below a directory stays, where the other side has put a file in the directory's place."""
    (pair.theirs / "dir/b.txt").unlink()
    (pair.theirs / "dir/deep/c.txt").unlink()
    (pair.theirs / "dir/deep").rmdir()
    (pair.theirs / "dir").rmdir()
    diverge(pair, {"dir/b.txt": b"ours\n"}, {"dir": b"theirs\n"})
    assert left_of(pair) == ["dir/b.txt"]
    assert settle(pair, "dir/b.txt", Resolution.NAME).commit is None
    assert left_of(pair) == ["dir"]
    assert settle(pair, "dir", choice).commit is not None
    # Who takes what is here has said what becomes of the file: it is in the history.
    beside = [] if choice in (Resolution.NAME, Resolution.DONE) else [b"theirs\n"]
    assert [path.read_bytes() for path in pair.ours.glob("dir.*")] == beside
    assert not (pair.ours / "dir-kept").exists()
    assert (pair.ours / "dir/b.txt").read_bytes() == b"ours\n"
    pair.check_clean()


@pytest.mark.parametrize(
    ("choice", "beside"), [(Resolution.NAME, 1), (Resolution.DONE, 1), (Resolution.COPY, 0), (Resolution.BOTH, 0)]
)
def test_a_file_against_a_directory_is_settled_with_one_command(pair: Pair, choice: Resolution, beside: int) -> None:
    diverge(pair, {"new": b"ours\n"}, {"new/deep/x.txt": b"theirs\n"})
    assert settle(pair, "new", choice).commit is not None
    assert (pair.ours / "new/deep/x.txt").read_bytes() == b"theirs\n"
    assert len(list(pair.ours.glob("new.conflict-*"))) == beside, "the directory keeps the name"
    assert (pair.ours / "new-kept").exists() is (choice is Resolution.BOTH)
    pair.check_clean()


def test_a_path_that_does_not_wait_is_refused(pair: Pair) -> None:
    with pytest.raises(OperationError, match="there is no pending merge"):
        settle(pair, "a.txt", Resolution.NAME)
    diverge(pair, {"a.txt": b"ours\n"}, {"a.txt": b"theirs\n"})
    with pytest.raises(OperationError, match="is not in conflict") as refused:
        settle(pair, "dir/b.txt", Resolution.NAME)
    assert refused.value.code == "not-in-conflict"


@pytest.mark.parametrize("age_s", [60.0, 0.0])
def test_a_lock_that_a_killed_process_left_does_not_hold_it_up(pair: Pair, age_s: float) -> None:
    lock = pair.ours / ".git" / CONFLICTS / "main/theirs.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("")
    made_at = SystemClock().wall() - age_s
    os.utime(lock, (made_at, made_at))
    if age_s:
        diverge(pair, {"a.txt": b"ours\n"}, {"a.txt": b"theirs\n"})
        assert left_of(pair) == ["a.txt"]
        assert not lock.exists()
    else:
        with pytest.raises(OperationError, match="theirs"):  # it may be held: tried again by itself
            diverge(pair, {"a.txt": b"ours\n"}, {"a.txt": b"theirs\n"})
        assert lock.exists()
