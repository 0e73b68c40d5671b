"""Which directions a repository's mode allows, and the problem when nothing can be transferred.

Pure; any thread.
"""

from __future__ import annotations

from enum import StrEnum

from gitsync.model import Problem
from gitsync.text import as_word


class Mode(StrEnum):
    """The allowed directions; the values are those of the `mode` option."""

    BOTH = "both"
    PUSH = "push"
    PULL = "pull"
    COMMIT = "commit"


def may_fetch(mode: str) -> bool:
    """Return whether the remote is fetched on a schedule in this mode. Raise ValueError for an unknown mode."""
    return Mode(mode) in (Mode.BOTH, Mode.PULL)


def may_push(mode: str) -> bool:
    """Return whether commits are pushed in this mode. Raise ValueError for an unknown mode."""
    return Mode(mode) in (Mode.BOTH, Mode.PUSH)


def overtaken(name: str, goal: str) -> Problem:
    """Return the problem of a push to a branch `goal` that is not fetched, and has commits that are not here."""
    return Problem(
        "diverged",
        f"{name}: {goal}, where this branch is pushed, has commits that are not here; nothing was pushed",
        f"to merge them: git pull {goal.replace('/', ' ', 1)}",
    )


def crossed(name: str, mode: str, configured: str) -> Problem | None:
    """Return the problem of a push when the remote has new commits, or None when they are going to be pulled.

    `mode` is that of this cycle, `configured` the repository's. A diverged branch cannot be pushed without force, and
    gitsync never forces a push.
    """
    if may_fetch(mode):
        return None
    if may_fetch(configured):
        return Problem(
            "diverged",
            f"{name}: the remote has commits that are not here, so nothing was pushed",
            f"to pull them first: gitsyncctl pull {as_word(name)}",
        )
    return Problem(
        "diverged",
        f'{name}: the remote has commits that are not here, and mode = "{mode}" does not pull them',
        f"to see them: git fetch; to pull them: gitsyncctl config set {as_word(f'repo.{name}.mode')} both",
    )
