"""A tree in chunks is the tree that the slow way makes, whatever is changed in it, and git reads what is stored."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from pathlib import Path

import pygit2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitsync.git.objects.large_tree import LargeTree
from gitsync.git.objects.loose import LooseWriter
from gitsync.git.objects.store import BLOB, ObjectStore
from gitsync.git.objects.trees import TREE, TreeEntry, diff, edit_tree, parse, serialize
from gitsync.git.program import GitProgram

MODES = (0o100644, 0o100755, 0o120000, TREE, 0o160000)
# Few and short names that sort closely together, so that edits meet each other and the ends of chunks.
NAMES = st.integers(0, 3000).map(lambda number: b"n%d" % number) | st.binary(min_size=1, max_size=2).map(
    lambda name: name.replace(b"\0", b"0").replace(b"/", b"-")
)
ENTRIES = st.builds(
    TreeEntry, st.sampled_from(MODES), st.integers(0, 5).map(lambda number: hashlib.sha1(b"%d" % number).hexdigest())
)


def filled(count: int) -> dict[bytes, TreeEntry]:
    return {b"n%d" % number: TreeEntry(MODES[number % 5], f"{number % 7:040x}") for number in range(count)}


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 3000),
    st.lists(st.dictionaries(NAMES, st.none() | ENTRIES, max_size=12), min_size=1, max_size=5),
    st.integers(0, 2900),
    st.integers(0, 600),
)
@pytest.mark.soak
def test_edits_in_chunks_are_edits(
    count: int, edits: list[dict[bytes, TreeEntry | None]], gone_from: int, gone: int
) -> None:
    plain = filled(count)
    large = LargeTree.from_raw(serialize(plain))
    removal: dict[bytes, TreeEntry | None] = {b"n%d" % number: None for number in range(gone_from, gone_from + gone)}
    for changes in [*edits, removal]:
        before, old = large, dict(plain)
        for name, entry in changes.items():
            if entry is None:
                plain.pop(name, None)
            else:
                plain[name] = entry
        large = large.edited(changes)
        raw = serialize(plain)
        assert large.raw() == raw
        assert large.object_id() == hashlib.sha1(b"tree %d\0" % len(raw) + raw).hexdigest()
        assert zlib.decompress(large.compressed()) == b"tree %d\0" % len(raw) + raw
        assert len(large) == len(plain)
        assert large == plain
        for name in changes:
            assert large.get(name) == plain.get(name)
        assert set(large.differing(before)) >= {name for name in {*plain, *old} if plain.get(name) != old.get(name)}
    # However it was made: the same entries are the same chunks, so that equal parts are seen to be equal.
    assert list(LargeTree.from_raw(large.raw()).differing(large)) == []


@pytest.mark.parametrize("cut", [1, 20, 25])
def test_what_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"cut short|not found"):
        LargeTree.from_raw(serialize(filled(50))[:-cut])


def test_what_is_not_sorted_is_refused() -> None:
    with pytest.raises(ValueError, match="not sorted"):
        LargeTree.from_raw(serialize(filled(1)) * 2)


def test_git_reads_the_large_directory_that_is_stored(repo: Path) -> None:
    handle = pygit2.Repository(str(repo))
    store = ObjectStore(handle, GitProgram(handle.path.rstrip("/"), str(repo)))
    blob = store.write(BLOB, b"text\n")
    files: dict[bytes, TreeEntry | None] = {
        b"d/note%05d.txt" % number: TreeEntry(0o100644, blob) for number in range(3000)
    }
    tree = edit_tree(store, None, files)
    writer = LooseWriter(store)
    edited = edit_tree(
        writer, tree, {b"d/note00500.txt": None, b"d/new": TreeEntry(0o100755, blob), b"x": TreeEntry(0o100644, blob)}
    )
    writer.flush()
    # git's own hand on the same tree
    env = {**os.environ, "GIT_INDEX_FILE": str(repo / "beside")}

    def git(*argv: str, input: str = "") -> str:
        done = subprocess.run(
            ["git", "-C", repo, *argv], env=env, check=True, capture_output=True, text=True, input=input
        )
        return done.stdout.strip()

    git("read-tree", tree)
    git(
        "update-index", "--index-info", input=f"0 {'0' * 40}\td/note00500.txt\n100755 {blob}\td/new\n100644 {blob}\tx\n"
    )
    assert git("write-tree") == edited
    assert git("fsck", "--strict", "--no-dangling") == ""
    fresh = ObjectStore(handle, store.program)
    assert set(diff(fresh, tree, edited)) == {b"d/note00500.txt", b"d/new", b"x"}
    assert parse(fresh.read(fresh.tree(edited)[b"d"].id)[1]) == fresh.tree(fresh.tree(edited)[b"d"].id)


def parsed_slowly(raw: bytes) -> dict[bytes, TreeEntry]:
    entries: dict[bytes, TreeEntry] = {}
    at = 0
    while at < len(raw):
        space = raw.index(b" ", at)
        nul = raw.index(b"\0", space)
        if nul + 21 > len(raw):
            raise ValueError("truncated")
        mode = raw[at:space]
        if set(mode) - set(b"01234567"):  # which `int` takes in part
            raise ValueError("not a mode")
        entries[raw[space + 1 : nul]] = TreeEntry(int(mode, 8), raw[nul + 1 : nul + 21].hex())
        at = nul + 21
    return entries


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, ENTRIES, max_size=6), st.binary(max_size=3), st.integers(0, 400), st.integers(0, 400))
def test_a_small_tree_is_taken_apart_as_byte_by_byte(
    entries: dict[bytes, TreeEntry], put: bytes, at: int, cut: int
) -> None:
    raw = serialize(entries)
    assert parse(raw) == entries
    for bad in (raw[:at], raw[:at] + put + raw[at:], raw[:at] + raw[cut:]):
        try:
            wanted = parsed_slowly(bad)
        except ValueError:
            with pytest.raises(ValueError, match="truncated"):
                parse(bad)
        else:
            assert parse(bad) == wanted
