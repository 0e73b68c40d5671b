"""Which parent of a merge this machine had before: what the merge brought here is the difference from that.

Runs on the calling thread; owns nothing.
"""

from __future__ import annotations

from gitsync.git.history.log import History


def parent_here(history: History, commit: str, parents: tuple[str, ...]) -> str | None:
    """Return the parent that the branch of this machine had before it had `commit`; else the first, None for none."""
    if len(parents) < 2:
        return parents[0] if parents else None
    before = _before(history, commit)
    had = [parent for parent in parents if before is not None and _has(history, parent, before)]
    return had[0] if len(had) == 1 else parents[0]


def _before(history: History, commit: str) -> str | None:
    """Return where the branch was before it contained `commit`, by the reflog; None when that does not go so far."""
    branch = history.try_ask("symbolic-ref", "--quiet", "HEAD")
    listed = None if branch is None else history.try_ask("reflog", "show", "--format=%H", branch.decode().strip(), "--")
    moves = [] if listed is None else listed.decode("ascii").split()
    low, high = 0, len(moves)  # the newest first: all before `low` contain the commit
    while low < high:
        middle = (low + high) // 2
        if _has(history, commit, moves[middle]):
            low = middle + 1
        else:
            high = middle
    return moves[low] if low < len(moves) else None


def _has(history: History, older: str, newer: str) -> bool:
    return history.try_ask("merge-base", "--is-ancestor", older, newer) is not None
