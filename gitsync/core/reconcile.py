"""Which directions a repository's mode allows, and what that comes to when nothing can move.

Pure, so on no thread and owner of nothing.
"""

from __future__ import annotations

from enum import StrEnum

from gitsync.model import Problem
from gitsync.text import as_word


class Mode(StrEnum):
    """Which directions the user allows, as the configuration's `mode` names them."""

    BOTH = "both"
    PUSH = "push"
    PULL = "pull"
    COMMIT = "commit"


def may_fetch(mode: str) -> bool:
    """Return whether the remote is looked at on a schedule in this mode. Raise ValueError for an unknown one."""
    return Mode(mode) in (Mode.BOTH, Mode.PULL)


def may_push(mode: str) -> bool:
    """Return whether commits are sent in this mode. Raise ValueError for an unknown one."""
    return Mode(mode) in (Mode.BOTH, Mode.PUSH)


def overtaken(name: str, goal: str) -> Problem:
    """Return the problem of a branch `goal` that is sent to, is not fetched, and has commits that are not here."""
    return Problem(
        "diverged",
        f"{name}: {goal}, where this branch is sent, has commits that are not here; nothing was sent",
        f"take them in: git pull {goal.replace('/', ' ', 1)}",
    )


def crossed(name: str, mode: str, configured: str) -> Problem | None:
    """Return the problem of a push that the remote's own commits stand in the way of, or None where they are taken in.

    `mode` is that of this cycle, `configured` the repository's. A diverged branch cannot be pushed without force, and
    force is never used.
    """
    if may_fetch(mode):
        return None
    if may_fetch(configured):
        return Problem(
            "diverged",
            f"{name}: the remote has commits that are not here, so nothing was sent",
            f"to take them in first: gitsyncctl pull {as_word(name)}",
        )
    return Problem(
        "diverged",
        f'{name}: the remote has commits that are not here, and mode = "{mode}" does not take them in',
        f"see them with git fetch; to take them in: gitsyncctl config set {as_word(f'repo.{name}.mode')} both",
    )
