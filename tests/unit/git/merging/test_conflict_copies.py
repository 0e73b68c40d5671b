"""Which files are kept copies, and what there is to say of them: by tree and history alone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from gitsync.git.merging.conflict_copies import births, followed, kept_copies
from gitsync.git.merging.conflict_view import TEXT_MAX, Conflicted, described
from gitsync.git.objects.store import BLOB, object_id_of
from gitsync.git.repository import ReadOnlyRepository, head_tree
from tests.conftest import run_git
from tests.fakes.conflicts import keep_both
from tests.fakes.pair import Pair

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def copies(root: Path) -> list[str]:
    with ReadOnlyRepository(root, root.parent) as place:
        return [copy.path.decode() for copy in kept_copies(place, head_tree(place)[1])]


def conflicts(root: Path) -> list[Conflicted]:
    with ReadOnlyRepository(root, root.parent) as place:
        return described(place, kept_copies(place, head_tree(place)[1]))


def as_ada(pair: Pair) -> None:
    run_git(pair.theirs, "config", "user.name", "Ada")
    run_git(pair.theirs, "config", "user.email", "ada@example.org")


def test_a_copy_is_listed_on_both_machines(pair: Pair) -> None:
    name = keep_both(pair, "dir/b.txt", b"ours\n", b"theirs\n")
    assert copies(pair.ours) == [name]
    run_git(pair.theirs, "pull", "-q", str(pair.ours), "main")
    assert copies(pair.theirs) == [name]


def test_a_file_that_only_has_such_a_name_is_not(pair: Pair) -> None:
    pair.put(
        pair.ours, {"a.conflict-12345678.txt": b"mine\n", "b.conflict-.txt": b"x", "c.conflict-zz345678.txt": b"y"}
    )
    pair.commit(pair.ours)
    assert copies(pair.ours) == []


def test_an_edited_copy_stays_one_and_a_copy_that_is_gone_does_not(pair: Pair) -> None:
    name = keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    pair.put(pair.ours, {name: b"ours, and more\n"})
    pair.commit(pair.ours)
    assert copies(pair.ours) == [name]
    run_git(pair.ours, "mv", name, "elsewhere.txt")
    pair.commit(pair.ours)
    assert copies(pair.ours) == []


def test_the_original_may_be_gone(pair: Pair) -> None:
    name = keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    run_git(pair.ours, "rm", "-q", "a.txt")
    pair.commit(pair.ours)
    (found,) = conflicts(pair.ours)
    assert found.theirs is None
    assert found.ours[0].path.decode() == name


def test_following_a_commit_finds_what_a_look_at_everything_finds(pair: Pair) -> None:
    with ReadOnlyRepository(pair.ours, pair.ours.parent) as place:
        heads = [head_tree(place)[1]]
        first = keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
        heads.append(head_tree(place)[1])
        pair.put(pair.ours, {first: b"edited\n", "own.conflict-12345678.txt": b"own\n"})
        heads.append(pair.commit(pair.ours))
        keep_both(pair, "dir/b.txt", b"ours b\n", b"theirs b\n")
        heads.append(head_tree(place)[1])
        (pair.ours / first).unlink()
        heads.append(pair.commit(pair.ours))
        known: tuple[bytes, ...] = ()
        for before, after in pairwise(heads):
            assert before is not None
            assert after is not None
            found = followed(place, known, before, after)
            assert found == kept_copies(place, after)
            known = tuple(copy.path for copy in found)
        assert [path.split(b".")[0] for path in known] == [b"dir/b"]
        # Over several commits at once it comes to the same.
        assert heads[0] is not None
        assert heads[3] is not None
        assert followed(place, (), heads[0], heads[3]) == kept_copies(place, heads[3])


def test_a_copy_that_came_again_is_told_of_by_the_merge(pair: Pair) -> None:
    name = keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    merge = run_git(pair.ours, "rev-parse", "HEAD")
    pair.put(pair.ours, {name: b"edited\n"})
    pair.commit(pair.ours)
    (pair.ours / name).unlink()
    gone = pair.commit(pair.ours)
    assert copies(pair.ours) == []
    run_git(pair.ours, "revert", "--no-edit", gone)
    with ReadOnlyRepository(pair.ours, pair.ours.parent) as place:
        head = head_tree(place)[1]
        assert head is not None
        assert list(births(place, head, name.encode())) == [head, merge]
        assert list(births(place, head, b"nothing of the kind")) == []
    (found,) = conflicts(pair.ours)
    assert (found.commit, found.ours[0].is_here) == (merge, True)


def test_both_versions_are_told_with_who_made_them(pair: Pair) -> None:
    as_ada(pair)
    name = keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    (found,) = conflicts(pair.ours)
    assert found.path == b"a.txt"
    assert found.commit == run_git(pair.ours, "rev-parse", "HEAD")
    assert found.author == "Ada <ada@example.org>"
    (ours,), theirs = found.ours, found.theirs
    assert theirs is not None
    assert (ours.text, ours.author, ours.is_here) == ("ours\n", "Test Person <test@example.org>", True)
    assert (theirs.text, theirs.author, theirs.is_here) == ("theirs\n", "Ada <ada@example.org>", False)
    assert (theirs.path, ours.path.decode()) == (b"a.txt", name)
    assert theirs.entry.id == object_id_of(BLOB, b"theirs\n")
    assert [theirs.commit, ours.commit] == run_git(pair.ours, "rev-parse", "HEAD^2", "HEAD^1").split()


def test_the_other_machine_tells_the_same_the_other_way_round(pair: Pair) -> None:
    as_ada(pair)
    keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    run_git(pair.theirs, "pull", "-q", str(pair.ours), "main")
    (found,) = conflicts(pair.theirs)
    assert found.theirs is not None
    assert (found.ours[0].is_here, found.theirs.is_here) == (False, True)
    assert found.author == "Test Person <test@example.org>"


def test_a_third_machine_made_neither(pair: Pair, tmp_path: Path) -> None:
    keep_both(pair, "a.txt", b"ours\n", b"theirs\n")
    third = tmp_path / "third"
    run_git(tmp_path, "clone", "-q", str(pair.ours), str(third))
    (found,) = conflicts(third)
    assert found.theirs is not None
    assert (found.ours[0].is_here, found.theirs.is_here) == (None, None)


def test_what_is_no_text_is_not_sent(pair: Pair) -> None:
    keep_both(pair, "a.txt", b"\0ours", b"x" * (TEXT_MAX + 1))
    (found,) = conflicts(pair.ours)
    assert found.theirs is not None
    assert (found.ours[0].text, found.ours[0].size) == (None, 5)
    assert (found.theirs.text, found.theirs.size) == (None, TEXT_MAX + 1)


def test_an_unborn_branch_has_none(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q", "empty")
    assert conflicts(tmp_path / "empty") == []
