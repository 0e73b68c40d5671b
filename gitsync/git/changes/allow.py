"""Commits files that were held back, because a person accepted them: too large for the limit, or like a secret.

Runs on the committer thread; owns nothing. Only these paths are staged and committed, as they are on disk now.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from gitsync.core.message import commit_message
from gitsync.errors import OperationError
from gitsync.git.staging.stage import StageRules
from gitsync.git.staging.worktree import Worktree
from gitsync.model import Change, CommitInfo
from gitsync.text import as_word, clean

SLICE_S = 1.0


@dataclass(frozen=True, slots=True)
class Allowed:
    """The commit with the files that are in it, by their paths."""

    commit: CommitInfo
    paths: tuple[bytes, ...]


def allow(worktree: Worktree, paths: frozenset[bytes], limit: int | None, *, author: str = "") -> Allowed:
    """Commit `paths`, whatever their size and content; other new files below them keep to `limit` in bytes.

    Raise OperationError "not-held-back" when none of them can be committed, and what `Worktree.commit` raises.
    """
    rules = StageRules(max_file_size=limit, is_forced=True, take_empty=paths, exempt=paths)
    staging = worktree.begin_staging(paths, (), rules)
    while not staging.advance(SLICE_S):
        pass
    staged = staging.result()
    taken = frozenset(change.path for change in staged.changes) & paths
    made = None
    if taken:
        message = commit_message([Change(each.path, each.kind) for each in staged.changes if each.path in taken])
        made = worktree.commit(staged, message, author=author, only=taken)
    if made is None:
        first = clean(os.path.join(worktree.root, os.fsdecode(min(paths))))
        raise OperationError(
            f"{first} is not held back: there is nothing to commit",
            f"to see why: gitsyncctl explain {as_word(first)}",
            code="not-held-back",
        )
    return Allowed(made, tuple(sorted(taken)))
