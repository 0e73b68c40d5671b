"""Merges of merges: what two machines settled without knowing of each other is settled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.git.objects.ancestry import changed_at, merge_bases
from gitsync.git.objects.commits import write_identical_merge
from gitsync.git.objects.trees import lookup
from tests.conftest import run_git
from tests.fakes.histories import History

pytestmark = pytest.mark.slow


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path)
    yield made
    made.close()


def both_ways(history: History, policy: str) -> tuple[str, str]:
    """Two machines edit the same line, and each merges what the other has."""
    root = history.commit({"a.txt": b"base\n", "k": b""})
    older, newer = (
        history.commit({"a.txt": b"older\n", "k": b""}, root),
        history.commit({"a.txt": b"newer\n", "k": b""}, root),
    )
    here = history.commit_tree(history.merge(older, newer, policy).tree, older, newer)
    there = history.commit_tree(history.merge(newer, older, policy).tree, newer, older)
    return here, there


@pytest.mark.parametrize("policy", ["keep-both", "newest", "union", "ours", "theirs"])
def test_settled_on_both_sides(history: History, policy: str) -> None:
    here, there = both_ways(history, policy)
    assert len(merge_bases(history.worktree.repo, here, there)) == 2
    found = history.merge(here, there, policy)
    assert history.merge(there, here, policy).tree == found.tree
    assert history.merge(here, there, policy).resolved == (), "it is settled, also where both chose their own"
    if policy in ("newest", "union"):
        assert history.files(found.tree) == history.files(here) == history.files(there)
    if policy == "keep-both":
        assert found.tree in (history.tree_of(here), history.tree_of(there))


def test_a_merge_of_what_is_the_same_is_the_same_commit_everywhere(history: History) -> None:
    one, two = history.commit({"a": b"1"}, at=5_000), history.commit({"a": b"1"}, at=6_000)
    tree = history.tree_of(one)
    twin = write_identical_merge(history.store, tree, (one, two))
    assert twin == write_identical_merge(history.store, tree, (two, one))
    assert run_git(history.worktree.root, "log", "-1", "--format=%an %at %ct", twin) == "Ada 6000 6000"


def test_what_a_person_settled_stays(history: History) -> None:
    here, there = both_ways(history, "keep-both")
    settled = history.commit({"a.txt": b"settled\n", "k": b""}, here)
    merged = history.files(history.merge(settled, there).tree)
    assert merged["a.txt"] == b"settled\n"
    later = history.commit({**history.files(there), "k": b"edited"}, there)
    assert history.files(history.merge(later, settled).tree) == {**merged, "k": b"edited"}


def test_what_was_settled_and_sent_does_not_come_again(history: History) -> None:
    root = history.commit({"a.txt": b"base\n"})
    theirs, ours = (history.commit({"a.txt": text}, root) for text in (b"theirs\n", b"ours\n"))
    both = history.commit_tree(history.merge(ours, theirs).tree, ours, theirs)
    settled = history.commit({"a.txt": b"settled\n"}, both)
    later = history.commit({"a.txt": b"theirs\n", "k": b""}, theirs)
    assert history.files(history.merge(later, settled).tree) == {"a.txt": b"settled\n", "k": b""}


def test_who_goes_on_writing_what_the_remote_has_is_left_alone(history: History) -> None:
    root = history.commit({"a.txt": b"base\n"})
    theirs, ours = (history.commit({"a.txt": text}, root) for text in (b"theirs\n", b"ours\n"))
    both = history.commit_tree(history.merge(ours, theirs).tree, ours, theirs)
    going_on = history.commit({"a.txt": b"theirs, and more\n"}, theirs)
    found = history.merge(going_on, both)
    assert found.resolved == ()
    assert sorted(map(str, history.files(found.tree).values())) == ["b'ours\\n'", "b'theirs, and more\\n'"]


def test_a_copy_that_is_there_already_is_not_made_again(history: History) -> None:
    root = history.commit({"a.txt": b"base\n"})
    theirs, ours = (history.commit({"a.txt": text}, root) for text in (b"theirs\n", b"ours\n"))
    both = history.commit_tree(history.merge(ours, theirs).tree, ours, theirs)
    files = history.files(both)
    (name,) = (name for name in files if "conflict" in name)
    # The same version is put aside once more, as when a machine went back to it.
    again = history.commit({**files, "a.txt": b"ours\n"}, both)
    latest = history.commit({**files, "a.txt": b"latest\n"}, both)
    assert history.files(history.merge(again, latest).tree) == {**files, "a.txt": b"latest\n"}
    # Somebody wrote in the copy: then that is a version of its own, and the next copy gets a longer name.
    latest = history.commit({**files, "a.txt": b"latest\n", name: b"written in\n"}, both)
    merged = history.files(history.merge(again, latest).tree)
    longer = f"a.conflict-{history.blob(b'ours' + bytes([10]))[:16]}.txt"
    assert merged == {"a.txt": b"latest\n", name: b"written in\n", longer: b"ours\n"}


def test_a_conflict_about_a_copy_is_one_about_the_original(history: History) -> None:
    here, _ = both_ways(history, "keep-both")
    files = history.files(here)
    name = next(name for name in files if "conflict" in name)
    one, two = history.commit({**files, name: b"one\n"}, here), history.commit({**files, name: b"two\n"}, here)
    kept = f"a.conflict-{history.blob(b'one' + bytes([10]))[:8]}.txt"
    assert history.files(history.merge(one, two).tree) == {**files, name: b"two\n", kept: b"one\n"}


def test_three_versions_in_any_order(history: History) -> None:
    root = history.commit({"a.txt": b"base\n"})
    tips = [history.commit({"a.txt": b"%d\n" % number}, root) for number in range(3)]
    found = set()
    for one, two, three in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        first = history.commit_tree(history.merge(tips[one], tips[two]).tree, tips[one], tips[two])
        files = history.files(history.merge(first, tips[three]).tree)
        assert files["a.txt"] == b"%d\n" % three
        found.add(tuple(sorted(map(str, files.values()))))
    assert found == {("b'0\\n'", "b'1\\n'", "b'2\\n'")}


def test_histories_that_share_nothing(history: History) -> None:
    ours, theirs = history.commit({"a": b"1", "same": b"x"}), history.commit({"a": b"2", "same": b"x", "new": b"y"})
    kept = f"a.conflict-{history.blob(b'1')[:8]}"
    assert history.files(history.merge(ours, theirs).tree) == {"a": b"2", kept: b"1", "same": b"x", "new": b"y"}


def test_the_time_of_a_version_is_that_of_the_commit_that_brought_it(history: History) -> None:
    store, path = history.store, b"a"
    root = history.commit({"a": b"1", "b": b""}, at=1_000)
    late = history.commit({"a": b"1", "b": b"x"}, root, at=5_000)
    side = history.commit({"a": b"2", "b": b""}, root, at=2_000)
    both = history.commit({"a": b"2", "b": b"x"}, late, side, at=6_000)

    def found(commit: str) -> int:
        entry = lookup(store, history.tree_of(commit), path)
        assert entry is not None
        return changed_at(store, (commit,), path, entry)

    assert [found(commit) for commit in (root, late, side, both)] == [1_000, 1_000, 2_000, 2_000]


@pytest.mark.parametrize("second", [0, 60])
def test_the_newest_version_is_the_one_that_was_committed_last(history: History, second: int) -> None:
    root = history.commit({"a": b"base"}, at=100)
    ours = history.commit({"a": b"ours"}, root, at=200)
    # Of what else is committed later nothing follows for this file.
    ours = history.commit({"a": b"ours", "b": b""}, ours, at=900)
    theirs = history.commit({"a": b"theirs"}, root, at=200 + second)
    winner = b"theirs" if second else max(b"ours", b"theirs", key=history.blob)
    for sides in ((ours, theirs), (theirs, ours)):
        assert history.files(history.merge(*sides, "newest").tree)["a"] == winner
