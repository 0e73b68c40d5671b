"""Paths whose files git does not look at: outside a sparse checkout, skip-worktree, assume-unchanged.

Committer thread; reads only. A pull moves the entries of such paths and keeps their marks; of files it writes only
those that are there, inside the checkout, and as the last commit has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from gitsync.git.index.raw import CorruptIndexError, IndexEntry
from gitsync.git.rules.sparse import SparseCheckout
from gitsync.git.staging.worktree import Worktree


class Mark(NamedTuple):
    """Why git does not look at a file: an entry of the index says so, or (`is_outside`) the sparse checkout."""

    is_assumed: bool
    is_skipped: bool
    is_outside: bool


def hidden(worktree: Worktree, paths: Iterable[bytes]) -> Mapping[bytes, Mark]:
    """Return the marks of those of `paths` that have one, or that get one because they are new and outside."""
    paths = list(paths)
    sparse = SparseCheckout(worktree.root)
    entries: dict[bytes, IndexEntry | None] = {}
    with suppress(CorruptIndexError):  # it is rebuilt
        entries = worktree.index.entries(paths)
    found = {}
    for path in paths:
        entry = entries.get(path)
        is_outside = sparse.is_outside(path)
        is_skipped = entry.is_skipped if entry is not None else is_outside
        mark = Mark(entry is not None and entry.is_assumed, is_skipped, is_outside and is_skipped)
        if mark.is_assumed or mark.is_skipped:
            found[path] = mark
    return found
