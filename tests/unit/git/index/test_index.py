"""The index as bytes: git is the judge of every answer and of everything that is written."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from gitsync.git.index.raw import CorruptIndexError, NewEntry, RawIndex, UnsupportedIndexError, empty
from tests.conftest import run_git

EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def names(count: int, seed: int) -> list[bytes]:
    """Paths of many shapes, none of them another's directory."""
    pick = random.Random(seed)
    words = [b"a", b"aa", b"a-", b"a.b", b"z", b"\xff\xfe", b"new\nline", b"TREE", b"n" * 300, b"x" * 4100]
    found = set()
    for number in range(count):
        depth = pick.randrange(4)
        parts = [pick.choice(words[:8]) + b"d" for _ in range(depth)]
        found.add(b"/".join([*parts, pick.choice(words) + b"%d" % (number % 97)]))
    return sorted(found)


def fill(repo: Path, paths: list[bytes], mode: str = "100644") -> None:
    lines = b"".join(b"%b %b\t%b\0" % (mode.encode(), EMPTY.encode(), path) for path in paths)
    run_git(repo, "hash-object", "-w", "--stdin", input=b"")
    run_git(repo, "update-index", "-z", "--index-info", input=lines)


def listed(repo: Path) -> list[tuple[bytes, str, str]]:
    out = os.fsencode(run_git(repo, "ls-files", "-s", "-z"))
    rows = [row.partition(b"\t") for row in out.split(b"\0")[:-1]]
    return [(path, facts.split()[0].decode(), facts.split()[1].decode()) for facts, _, path in rows]


def load(repo: Path) -> RawIndex:
    path = repo / ".git/index"
    return RawIndex(path.read_bytes() if path.exists() else empty())


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 3, 40, 3000])
@pytest.mark.parametrize("has_trees", [False, True])
def test_every_entry_is_found_and_nothing_else(tmp_path: Path, count: int, has_trees: bool) -> None:
    run_git(tmp_path, "init", "-q")
    paths = names(count, count)
    fill(tmp_path, paths)
    if has_trees:
        run_git(tmp_path, "write-tree")
    index = load(tmp_path)
    index.check()
    assert [path for path, _ in index.walk()] == paths
    for path in paths:
        entry = index.entry(path)
        assert entry is not None
        assert (entry.mode, entry.id) == (0o100644, EMPTY)
    for path in (b"", b"a", b"ad", b"zzzz", b"\xff\xff\xff", b"a-d/", *(path + b"x" for path in paths[::7])):
        if path not in paths:
            assert index.entry(path) is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 12))])
def test_a_patched_index_is_what_git_would_have_written(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_git(tmp_path, "init", "-q")
    pick = random.Random(seed)
    paths = names(pick.choice([0, 5, 60, 1500]), seed)
    fill(tmp_path, pick.sample(paths, len(paths) // 2))
    run_git(tmp_path, "write-tree")
    blob = run_git(tmp_path, "hash-object", "-w", "--stdin", input=b"other")
    changes: dict[bytes, NewEntry | None] = {}
    for path in [*pick.sample(paths, len(paths) // 3), b"zz/last", b"!first"]:
        changes[path] = None if pick.random() < 0.4 else NewEntry(0o100755, blob)
    for path in [path for path, new in changes.items() if new is not None][:3]:
        changes[path + b"/below"] = None
    data = b"".join(load(tmp_path).patched(changes))
    # As for few changes in a large index: each is searched for.
    assert data == b"".join(load(tmp_path).patched(changes, search_cost=0))
    for path, new in changes.items():
        line = b"%o %b\t%b\0" % (new.mode if new else 0, (new.id if new else "0" * 40).encode(), path)
        run_git(tmp_path, "update-index", "-z", "--add", "--replace", "--index-info", input=line)
    expected = listed(tmp_path)
    wanted_tree = run_git(tmp_path, "write-tree")
    (tmp_path / ".git/index").write_bytes(data)
    assert listed(tmp_path) == expected
    assert run_git(tmp_path, "write-tree") == wanted_tree
    load(tmp_path).check()
    assert load(tmp_path).count == len(expected)


def test_walking_finds_the_names_that_searching_finds(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    paths = sorted(b"/".join([b"d" * 200] * 25)[:length] + b"x" for length in (1, 255, 256, 4093, 4094, 4095, 5000))
    fill(tmp_path, paths)
    run_git(tmp_path, "update-index", "--skip-worktree", paths[0], paths[4])
    run_git(tmp_path, "update-index", "--assume-unchanged", paths[2], paths[5])
    index = load(tmp_path)
    assert list(index.walk()) == [(path, index.entry(path)) for path in paths]
    assert list(index.among({paths[1], paths[6], b"other"})) == [(path, index.entry(path)) for path in paths[1::5]]
    assert {entry.is_skipped for _, entry in index.walk()} == {True, False}


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ([b"x/a", b"x/b", b"x-", b"x0"], b"x", [b"x", b"x-", b"x0"]),
        ([b"x", b"x-"], b"x/new", [b"x-", b"x/new"]),
        ([b"x/old"], b"x", [b"x"]),
        ([b"a/b", b"a0"], b"a/b/c/d", [b"a/b/c/d", b"a0"]),
    ],
)
def test_a_file_takes_the_place_of_a_directory_and_back(
    tmp_path: Path, before: list[bytes], change: bytes, after: list[bytes]
) -> None:
    run_git(tmp_path, "init", "-q")
    fill(tmp_path, before)
    (tmp_path / ".git/index").write_bytes(b"".join(load(tmp_path).patched({change: NewEntry(0o100644, EMPTY)})))
    assert [path for path, _, _ in listed(tmp_path)] == after


def test_conflicts_are_seen_wherever_they_stand(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    fill(tmp_path, names(500, 1))
    assert not load(tmp_path).has_conflicts()
    run_git(tmp_path, "write-tree")
    assert not load(tmp_path).has_conflicts()
    stages = b"".join(b"100644 %b %d\tmm/conflict\0" % (EMPTY.encode(), stage) for stage in (1, 2, 3))
    run_git(tmp_path, "update-index", "-z", "--index-info", input=stages)
    assert load(tmp_path).has_conflicts()


def test_flags_of_the_user_are_seen(repo: Path) -> None:
    run_git(repo, "update-index", "--assume-unchanged", "a.txt")
    entry = load(repo).entry(b"a.txt")
    assert entry is not None
    assert entry.is_assumed
    run_git(repo, "update-index", "--no-assume-unchanged", "a.txt")
    run_git(repo, "update-index", "--skip-worktree", "a.txt")
    (repo / "b.txt").write_text("b")
    run_git(repo, "add", "-N", "b.txt")
    entry, intent = load(repo).entry(b"a.txt"), load(repo).entry(b"b.txt")
    assert entry is not None
    assert intent is not None
    assert (entry.is_skipped, intent.is_intent) == (True, True)
    patched = RawIndex(b"".join(load(repo).patched({b"a.txt": None})))
    assert [path for path, _ in patched.walk()] == [b"b.txt"]


def test_what_is_no_plain_index_is_told_apart(repo: Path) -> None:
    run_git(repo, "update-index", "--index-version=4")
    with pytest.raises(UnsupportedIndexError):
        load(repo)
    run_git(repo, "update-index", "--index-version=2")
    run_git(repo, "update-index", "--split-index")
    with pytest.raises(UnsupportedIndexError):
        load(repo)


@pytest.mark.parametrize("damage", ["empty", "cut", "zeros", "bit"])
def test_damage_is_noticed(tmp_path: Path, damage: str) -> None:
    run_git(tmp_path, "init", "-q")
    fill(tmp_path, names(50, 5))
    data = bytearray((tmp_path / ".git/index").read_bytes())
    if damage == "bit":
        data[-200] ^= 1
    else:
        data = {"empty": bytearray(), "cut": data[:-300], "zeros": bytearray(len(data))}[damage]
    with pytest.raises(CorruptIndexError):
        RawIndex(bytes(data)).check()
