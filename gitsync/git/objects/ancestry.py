"""What two commits have in common, and since when a path has been as it is. Committer thread; reads only."""

from __future__ import annotations

import pygit2

from gitsync.git.objects.store import ObjectStore
from gitsync.git.objects.trees import TreeEntry, lookup

# Beyond this many commits nobody looks for the one that a version came with.
LOOKED_AT_MAX = 10_000


def merge_bases(repo: pygit2.Repository, one: str, other: str) -> list[str]:
    """Return the best common ancestors of two commits, in an order that does not depend on the sides; [] for none.

    There are several after two machines have merged each other's commits independently.
    """
    base = _merge_base(repo, one, other)
    if base is None:
        return []
    # Any further one is in the history of both, and not in that of the first.
    ours = _since(repo, one, base)
    common = {commit: parents for commit, parents in _since(repo, other, base).items() if commit in ours}
    older = {parent for parents in common.values() for parent in parents}
    return sorted({str(base), *(common.keys() - older)})


def _merge_base(repo: pygit2.Repository, one: str, other: str) -> pygit2.Oid | None:
    # pygit2's own types leave out that there may be none.
    return repo.merge_base(one, other)


def _since(repo: pygit2.Repository, tip: str, base: pygit2.Oid) -> dict[str, list[str]]:
    """Return the commits in the history of `tip` that are not in that of `base`, with their parents."""
    walker = repo.walk(tip)
    walker.hide(base)
    return {str(commit.id): [str(parent) for parent in commit.parent_ids] for commit in walker}


def changed_at(store: ObjectStore, tips: tuple[str, ...], path: bytes, entry: TreeEntry) -> int:
    """Return when `path` became `entry` in the history of `tips`: the committer's time, in seconds since the epoch.

    It is the time of the commit, or the latest of several, whose parents all have something else there; 0 when that is
    too long ago, or not in a shallow history. Raise OperationError when an object is missing.
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
    # The parents of a shallow clone's last commits are not here.
    return store.has(commit) and lookup(store, _commit(store, commit)[0], path) == entry


def _commit(store: ObjectStore, commit: str) -> tuple[str, list[str], int]:
    """Return tree, parents and the committer's time."""
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
