"""Paths whose files git does not look at: outside a sparse checkout, skip-worktree, assume-unchanged.

Committer thread; reads only. A pull moves the entries of such paths and keeps their marks; of files it writes only
those that are there, inside the checkout, and as the last commit has them. A path below a directory that is another
repository by now gets such a mark, too: its files belong to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gitsync.git.files import Signature
from gitsync.git.index.raw import CorruptIndexError, IndexEntry
from gitsync.git.rules.sparse import SparseCheckout
from gitsync.git.staging.held_paths import inside
from gitsync.git.staging.worktree import Worktree


class Mark(NamedTuple):
    """Why git does not look at a file: an entry of the index says so, the sparse checkout (`is_outside`), or another
    repository that begins at `nested`.
    """

    is_assumed: bool
    is_skipped: bool
    is_outside: bool
    nested: bytes = b""


Entries = Mapping[bytes, IndexEntry | None]


class Looked(NamedTuple):
    """Index entries, None of a damaged index, and the signature that the index had before they were read."""

    entries: Entries | None
    signature: Signature | None


def entries_of(worktree: Worktree, paths: Iterable[bytes]) -> Entries | None:
    """Return the index entries of `paths`, None where the index is damaged: it is rebuilt then."""
    try:
        return worktree.index.entries(paths)
    except CorruptIndexError:
        return None


def look(worktree: Worktree, paths: Iterable[bytes], before: Looked | None = None) -> Looked:
    """Return the index entries of `paths`: those of a look `before` where the index was not written since."""
    signature = worktree.index.signature
    if before is not None and before.signature == signature:
        return before
    return Looked(entries_of(worktree, paths), signature)


def hidden(worktree: Worktree, paths: Iterable[bytes], entries: Entries | None) -> Mapping[bytes, Mark]:
    """Return the marks of those of `paths` that have one, or that get one because of where they are."""
    paths = list(paths)
    sparse = SparseCheckout(worktree.root)
    nested = inside(worktree.root, paths)
    found: dict[bytes, Mark] = {}
    if entries is None or sparse.is_on or nested:
        looked_at = paths
    else:
        looked_at = [path for path in paths if (entry := entries[path]) and (entry.is_assumed or entry.is_skipped)]
    for path in looked_at:
        entry = None if entries is None else entries[path]
        is_outside = sparse.is_outside(path)
        is_skipped = entry.is_skipped if entry is not None else is_outside
        mark = Mark(
            entry is not None and entry.is_assumed,
            is_skipped or path in nested,
            is_outside and is_skipped,
            nested.get(path, b""),
        )
        if mark.is_assumed or mark.is_skipped:
            found[path] = mark
    return found
