"""A pack and its index are what `git index-pack` would have made of the same objects, and libgit2 and git read them."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.objects.pack import PACK_FROM, PackWriter
from gitsync.git.objects.store import BLOB, TREE
from gitsync.git.objects.trees import TreeEntry
from gitsync.git.staging.worktree import StageRules, Worktree
from tests.conftest import run_git
from tests.unit.git.conftest import assert_clean

# Around every bound: of the groups of bits in a size, of what is compressed on another thread.
SIZES = (0, 1, 15, 16, 2047, 2048, (1 << 15) - 1, 1 << 15, (1 << 18) - 1, 1 << 18)


def packs(repo: Path, end: str) -> list[Path]:
    return sorted((repo / ".git/objects/pack").glob(f"*{end}"))


def test_the_index_is_the_one_that_git_makes(repo: Path, worktree: Worktree, tmp_path: Path) -> None:
    dice = random.Random(1)
    writer = PackWriter(worktree.store)
    contents = [dice.randbytes(size) for size in SIZES] + [b"line %d\n" % number * 9 for number in range(300)]
    ids = [writer.write(BLOB, content) for content in contents]
    writer.write(BLOB, contents[0])
    tree = writer.write_tree({b"f%d" % number: TreeEntry(0o100644, one) for number, one in enumerate(ids)})
    assert not worktree.store.has(tree)
    writer.flush()
    (made,), (index,) = packs(repo, ".pack"), packs(repo, ".idx")
    assert made.stem == "pack-" + run_git(repo, "index-pack", "-o", str(tmp_path / "idx"), str(made))
    assert index.read_bytes() == (tmp_path / "idx").read_bytes()
    assert {oct(path.stat().st_mode) for path in (made, index)} == {"0o100444"}
    run_git(repo, "verify-pack", str(index))
    assert [worktree.store.read(one) for one in ids] == [(BLOB, content) for content in contents]
    assert worktree.store.read(tree)[0] == TREE
    assert [path.name for path in (repo / ".git/objects/pack").iterdir() if "tmp" in path.name] == []


def test_much_of_it_is_written_at_once(repo: Path, worktree: Worktree) -> None:
    writer = PackWriter(worktree.store, limit=1000)
    ids = [writer.write(BLOB, b"%d" % number * 300) for number in range(10)]
    writer.flush()
    assert len(packs(repo, ".idx")) == 3
    assert all(map(worktree.store.has, ids))


def test_a_full_disk_is_reported_and_all_of_it_waits(
    repo: Path, worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = PackWriter(worktree.store)
    ids = [writer.write(BLOB, b"%d" % number) for number in range(3)]

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        with pytest.raises(OperationError) as caught:
            writer.flush()
    assert caught.value.code == "disk-full"
    assert list((repo / ".git/objects/pack").iterdir()) == []
    writer.flush()
    assert all(map(worktree.store.has, ids))


def test_commits_of_single_files_are_not_a_pack_each(repo: Path, worktree: Worktree) -> None:
    names = [b"new/%d" % number for number in range(PACK_FROM + 1)]
    (repo / "new").mkdir()
    for name in names:
        (repo / name.decode()).write_bytes(name)
    staging = worktree.begin_staging(names, (), StageRules())
    while not staging.advance(10):
        pass
    staged = staging.result()
    for name in names[:3]:
        assert worktree.commit(staged, "one", only=frozenset({name}))
    assert len(packs(repo, ".pack")) == 1
    assert worktree.commit(staged, "the rest", only=frozenset(names[3:]))
    assert_clean(repo)
