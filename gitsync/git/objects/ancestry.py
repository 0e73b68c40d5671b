"""Merge bases of commits, and since when a path has its content. Committer thread; reads only."""

from __future__ import annotations

import pygit2

from gitsync.git.objects.store import ObjectStore
from gitsync.git.objects.trees import TreeEntry, lookup

# Give up the search for the commit that added a version after this many commits.
LOOKED_AT_MAX = 10_000


def merge_bases(repo: pygit2.Repository, one: str, other: str) -> list[str]:
    """Return the best common ancestors of two commits, in an order that does not depend on the sides; [] for none.

    There are several after two machines have merged each other's commits independently.
    """
    base = _merge_base(repo, one, other)
    if base is None:
        return []
    # Any further merge base is in the history of both commits, and not in that of the first base.
    ours = _since(repo, one, base)
    common = {commit: parents for commit, parents in _since(repo, other, base).items() if commit in ours}
    older = {parent for parents in common.values() for parent in parents}
    return sorted({str(base), *(common.keys() - older)})


def _merge_base(repo: pygit2.Repository, one: str, other: str) -> pygit2.Oid | None:
    # pygit2's type stubs omit None.
    return repo.merge_base(one, other)


def _since(repo: pygit2.Repository, tip: str, base: pygit2.Oid) -> dict[str, list[str]]:
    """Return the commits in the history of `tip` that are not in that of `base`, with their parents."""
    walker = repo.walk(tip)
    walker.hide(base)
    return {str(commit.id): [str(parent) for parent in commit.parent_ids] for commit in walker}


def changed_at(store: ObjectStore, tips: tuple[str, ...], path: bytes, entry: TreeEntry) -> int:
    """Return when `path` became `entry` in the history of `tips`: a committer time, in seconds since the epoch.

    It is the time of the commit, or the latest of several, none of whose parents has that entry; 0 when it is beyond
    the search limit or the boundary of a shallow clone. Raise OperationError when an object is missing.
    """
    found, seen, waiting = 0, set(tips), list(tips)
    while waiting:
        tree, parents, committed_at = _commit(store, waiting.pop())
        if lookup(store, tree, path) != entry:
            continue
        same = [parent for parent in parents if _has(store, parent, path, entry)]
        if not same:
            found = max(found, committed_at)
        fresh = [parent for parent in same if parent not in seen]
        seen.update(fresh)
        waiting += fresh
        if len(seen) > LOOKED_AT_MAX:
            return 0
    return found


def _has(store: ObjectStore, commit: str, path: bytes, entry: TreeEntry) -> bool:
    # A shallow clone lacks the parents of its oldest commits.
    return store.has(commit) and lookup(store, _commit(store, commit)[0], path) == entry


def _commit(store: ObjectStore, commit: str) -> tuple[str, list[str], int]:
    """Return the tree, the parents and the committer time of a commit."""
    head = store.read(commit)[1].partition(b"\n\n")[0].decode("utf-8", "replace")
    tree, parents, committed_at = "", [], 0
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        if key == "tree":
            tree = value
        elif key == "parent":
            parents.append(value)
        elif key == "committer":
            seconds = value.rsplit(" ", 2)[-2:-1]
            committed_at = int(seconds[0]) if seconds and seconds[0].isdecimal() else 0
    return tree, parents, committed_at
