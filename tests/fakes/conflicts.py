"""A conflict whose both versions are kept: made as a merge makes it, in real repositories. No lies."""

from __future__ import annotations

import os

from gitsync.core.conflict import copy_name
from gitsync.git.applying.apply import put
from gitsync.git.objects.trees import TreeEntry, edit_tree, lookup
from gitsync.git.repository import tree_of
from tests.conftest import run_git
from tests.fakes.pair import Pair


def keep_both(pair: Pair, name: str, ours: bytes, theirs: bytes, *, message: str = "Merge origin/main") -> str:
    """Change `name` on both sides, and merge: theirs under the name, ours beside it; return the copy's name."""
    pair.put(pair.theirs, {name: theirs})
    pair.put(pair.ours, {name: ours})
    head = pair.commit(pair.ours)
    upstream = pair.fetch()
    store = pair.worktree.store
    tree = tree_of(pair.worktree, head)
    path = os.fsencode(name)
    mine = lookup(store, tree, path)
    assert mine is not None
    copy = copy_name(path, mine.id)
    blob = run_git(pair.ours, "rev-parse", f"{upstream}:{name}")
    merged = edit_tree(store, tree, {path: TreeEntry(mine.mode, blob), copy: mine})
    put(pair.worktree, merged, message=message, reason="merge", merging=upstream)
    return os.fsdecode(copy)
