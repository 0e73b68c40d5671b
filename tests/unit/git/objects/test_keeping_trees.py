"""How many trees are kept: more while a pull is planned and applied, and as before after it."""

from __future__ import annotations

from pathlib import Path

from gitsync.git.objects.store import ObjectStore
from gitsync.git.objects.trees import TreeEntry
from gitsync.git.program import GitProgram
from gitsync.git.repository import open_repository
from tests.conftest import run_git


def test_more_trees_are_kept_while_they_are_compared(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    store = ObjectStore(open_repository(str(tmp_path)), GitProgram(str(tmp_path / ".git"), str(tmp_path)))
    trees = [
        store.write_tree({b"%d-%d" % (number, at): TreeEntry(0o100644, "1" * 40) for at in range(500)})
        for number in range(20)
    ]

    def kept() -> int:
        before = [store.tree(tree) for tree in trees]
        return sum(store.tree(tree) is known for tree, known in zip(trees, before, strict=True))

    usual = kept()
    with store.keeping_trees():
        assert kept() == len(trees) > usual
    assert kept() == usual
