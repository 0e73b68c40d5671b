"""Trees as bytes: what git says of the same objects is the judge."""

from __future__ import annotations

import os
from pathlib import Path

import pygit2
import pytest

from gitsync.errors import OperationError
from gitsync.git.objects.pack import PackWriter
from gitsync.git.objects.store import BLOB, ObjectStore
from gitsync.git.objects.trees import TREE, TreeEntry, diff, edit_tree, is_refused, lookup, walk
from gitsync.git.program import GitProgram
from tests.conftest import run_git

FILE = 0o100644


@pytest.fixture
def store(repo: Path) -> ObjectStore:
    handle = pygit2.Repository(str(repo))
    return ObjectStore(handle, GitProgram(handle.path.rstrip("/"), str(repo)))


def listed(repo: Path, tree: str) -> dict[bytes, tuple[str, str]]:
    rows = os.fsencode(run_git(repo, "ls-tree", "-r", "-z", tree)).split(b"\0")[:-1]
    found = {}
    for row in rows:
        facts, _, path = row.partition(b"\t")
        mode, _, object_id = facts.decode().split()
        found[path] = (mode, object_id)
    return found


def test_edits_make_the_trees_that_git_reads(repo: Path, store: ObjectStore) -> None:
    one, two = (TreeEntry(FILE, store.write(BLOB, data)) for data in (b"1", b"2"))
    link = TreeEntry(0o120000, store.write(BLOB, b"target"))
    first = {b"a": one, b"a-b": one, b"a0": one, b"d/e/f": two, b"\xff\n/x": one, b"sub": TreeEntry(0o160000, "1" * 40)}
    tree = edit_tree(store, None, first)
    assert {path: entry.id for path, entry in walk(store, tree)} == {path: entry.id for path, entry in first.items()}
    assert {path: object_id for path, (_, object_id) in listed(repo, tree).items()} == {
        path: entry.id for path, entry in first.items()
    }
    edited = edit_tree(store, tree, {b"a": None, b"a/below": link, b"d/e/f": None, b"d": one, b"none/such": None})
    run_git(repo, "fsck", "--strict")
    assert set(listed(repo, edited)) == {b"a/below", b"a-b", b"a0", b"d", b"\xff\n/x", b"sub"}
    assert listed(repo, edited)[b"a/below"][0] == "120000"
    assert edit_tree(store, edited, {b"a/below": link}) == edited
    assert edit_tree(store, tree, dict.fromkeys(first)) == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_a_removed_file_does_not_take_a_directory_of_its_name_along(store: ObjectStore) -> None:
    one = TreeEntry(FILE, store.write(BLOB, b"1"))
    tree = edit_tree(store, None, {b"a/b": one})
    assert edit_tree(store, tree, {b"a": None}) == tree


def test_what_differs_is_found_both_ways(store: ObjectStore) -> None:
    one, two = (TreeEntry(FILE, store.write(BLOB, data)) for data in (b"1", b"2"))
    old = edit_tree(store, None, {b"same/x": one, b"gone": one, b"turns": one, b"d/y": one})
    new = edit_tree(store, old, {b"gone": None, b"turns": None, b"turns/in": two, b"d/y": two, b"come/z": one})
    expected = {
        b"gone": (one, None),
        b"turns": (one, None),
        b"turns/in": (None, two),
        b"d/y": (one, two),
        b"come/z": (None, one),
    }
    assert diff(store, old, new) == expected
    assert diff(store, new, old) == {path: (right, left) for path, (left, right) in expected.items()}
    assert diff(store, None, new) == {path: (None, entry) for path, entry in walk(store, new)}
    assert diff(store, new, new) == {}


def test_lookup_knows_directories_and_what_is_not_there(store: ObjectStore) -> None:
    one = TreeEntry(FILE, store.write(BLOB, b"1"))
    tree = edit_tree(store, None, {b"d/e": one})
    assert lookup(store, tree, b"d/e") == one
    found = lookup(store, tree, b"d")
    assert found is not None
    assert found.mode == TREE
    for path in (b"d/e/f", b"x", b"d/x"):
        assert lookup(store, tree, path) is None
    assert lookup(store, None, b"d") is None


@pytest.mark.parametrize(
    "path",
    b"| /|a//b|a/|/a|.|a/../b|.git|x/.GiT/y|git~1|GIT~1 |.git.|.git::$x|a\\.git|.git\\x|a\0b".replace(
        b" /", b"/"
    ).split(b"|"),
)
def test_names_that_git_refuses_are_refused(store: ObjectStore, path: bytes) -> None:
    assert is_refused(path)
    with pytest.raises(ValueError, match="git refuses the path"):
        edit_tree(store, None, {path: TreeEntry(FILE, "1" * 40)})


@pytest.mark.parametrize("path", [b".gitignore", b"git", b".g", b"...", b"a/.gitx", b"git~2", b"x.git", b"a\\b", b" "])
def test_names_that_git_takes_are_taken(repo: Path, path: bytes) -> None:
    assert not is_refused(path)
    run_git(repo, "update-index", "--add", "--cacheinfo", b"100644," + b"1" * 40 + b"," + path)


def test_a_file_cannot_be_a_directory_as_well(store: ObjectStore) -> None:
    one = TreeEntry(FILE, store.write(BLOB, b"1"))
    with pytest.raises(ValueError, match="both"):
        edit_tree(store, None, {b"a": one, b"a/b": one})


def test_a_pack_is_there_after_flush_and_not_before(repo: Path, store: ObjectStore) -> None:
    pack = PackWriter(store)
    contents = [b"x" * size for size in (0, 1, 15, 16, 2047, 2048, 300_000)]
    ids = [pack.write(BLOB, content) for content in contents]
    assert not any(store.has(object_id) for object_id in ids)
    pack.flush()
    assert [store.read(object_id) for object_id in ids] == [(BLOB, content) for content in contents]
    pack.flush()
    run_git(repo, "fsck", "--strict")
    assert len(list((repo / ".git/objects/pack").glob("*.pack"))) == 1


def test_a_missing_object_is_said_to_be_missing(store: ObjectStore) -> None:
    with pytest.raises(OperationError) as caught:
        store.tree("1" * 40)
    assert caught.value.code == "missing-object"
