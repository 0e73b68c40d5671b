"""Lists the conflict copies in a commit, from its tree and history alone.

Runs on the thread of the repository's handle; owns nothing. A conflict copy is a path in HEAD's tree that has the name
of one (`core.conflict`) and whose content, when it was added, had the id that is part of the name. So every machine
lists the same copies, also one that only pulled them, and a user's own file of such a name is not listed. A copy that
was edited remains one; a copy that was removed from the tree, by whatever command, is resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pygit2

from gitsync.core.conflict import is_conflict_copy
from gitsync.git.objects.trees import TreeEntry, diff, lookup
from gitsync.git.repository import Readable, tree_of

# Give up after this many changes of the path before the copy was added.
_STEPS = 200
_MARK = b".conflict-"


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A conflict copy at `path` of the file `original`, as in HEAD."""

    path: bytes
    original: bytes
    entry: TreeEntry


def kept_copies(place: Readable, commit: str | None) -> tuple[KeptCopy, ...]:
    """Return the conflict copies in a commit, sorted by path; reads every name of its tree.

    Raise OperationError when an object is missing, TransientError when git times out.
    """
    if commit is None:
        return ()
    tree = tree_of(place, commit)
    names = place.program.read("ls-tree", "-r", "-z", "--name-only", "--full-tree", tree).split(b"\0")
    return _in_tree(place, tree, {name for name in names if is_called_copy(name) and is_copy(place, commit, name)})


def followed(place: Readable, copies: Iterable[bytes], old: str, new: str) -> tuple[KeptCopy, ...]:
    """Return the conflict copies in commit `new`, given their paths in `old`; reads only what differs."""
    was, tree = tree_of(place, old), tree_of(place, new)
    paths = set(copies)
    for path, (before, after) in diff(place.store, was, tree).items():
        if before is None and after is not None and is_called_copy(path) and is_copy(place, new, path):
            paths.add(path)
    return _in_tree(place, tree, paths)


def is_called_copy(path: bytes) -> bool:
    """Return whether `path` has the name of a conflict copy."""
    return _MARK in path and is_conflict_copy(path) is not None


def is_copy(place: Readable, commit: str, path: bytes) -> bool:
    """Return whether `path`, which is in `commit`, is a conflict copy there."""
    named = is_conflict_copy(path)
    if named is None:
        return False
    entry = lookup(place.store, tree_of(place, commit), path)
    if entry is not None and entry.id.startswith(named[1]):
        return True
    # Edited since: compare with what was added. It may have been added more than once, for example by an undo.
    firsts = (lookup(place.store, tree_of(place, born), path) for born in births(place, commit, path))
    return any(first is not None and first.id.startswith(named[1]) for first in firsts)


def births(place: Readable, commit: str, path: bytes) -> Iterator[str]:
    """Yield the commits in the history of `commit` that add `path` (no parent has it), newest first."""
    starts = [commit]
    for _ in range(_STEPS):
        listed = place.program.read("rev-list", "--max-count=1", *starts, "--", b":(top,literal)" + path)
        found = listed.decode("ascii").strip()
        if not found:
            return
        starts = parents_of(place, found)
        has_it = any(lookup(place.store, tree_of(place, parent), path) is not None for parent in starts)
        if not has_it and lookup(place.store, tree_of(place, found), path) is not None:
            yield found
        if not starts:
            return


def parents_of(place: Readable, commit: str) -> list[str]:
    """Return the parents of a commit that are in this repository; a shallow clone lacks those of its oldest commits."""
    ids = [str(parent) for parent in place.repo[commit].peel(pygit2.Commit).parent_ids]
    return [parent for parent in ids if parent in place.repo]


def _in_tree(place: Readable, tree: str, paths: Iterable[bytes]) -> tuple[KeptCopy, ...]:
    found = []
    for path in sorted(paths):
        entry, named = lookup(place.store, tree, path), is_conflict_copy(path)
        if entry is not None and named is not None:
            found.append(KeptCopy(path, named[0], entry))
    return tuple(found)
