"""What an exchange with the remote has to do, from how the two branches stand and what the user allows.

Pure, so on no thread and owner of nothing. The whole decision is one table.
"""

from __future__ import annotations

from enum import StrEnum

from gitsync.model import Problem, Relation


class Mode(StrEnum):
    """Which directions the user allows, as the configuration's `mode` names them."""

    BOTH = "both"
    PUSH = "push"
    PULL = "pull"
    COMMIT = "commit"


class Action(StrEnum):
    """What an exchange does next."""

    NOTHING = "nothing"
    PUSH = "push"
    INTEGRATE = "integrate"
    INTEGRATE_THEN_PUSH = "integrate-then-push"


PLAN: dict[Mode, dict[Relation, Action]] = {
    Mode.BOTH: {
        Relation.EQUAL: Action.NOTHING,
        Relation.AHEAD: Action.PUSH,
        Relation.BEHIND: Action.INTEGRATE,
        Relation.DIVERGED: Action.INTEGRATE_THEN_PUSH,
        Relation.NO_UPSTREAM: Action.PUSH,
    },
    # A diverged branch cannot be pushed without force, and force is never used: it waits (see `stuck`).
    Mode.PUSH: {
        Relation.EQUAL: Action.NOTHING,
        Relation.AHEAD: Action.PUSH,
        Relation.BEHIND: Action.NOTHING,
        Relation.DIVERGED: Action.NOTHING,
        Relation.NO_UPSTREAM: Action.PUSH,
    },
    # Commits made here stay here; those of the remote are merged with them.
    Mode.PULL: {
        Relation.EQUAL: Action.NOTHING,
        Relation.AHEAD: Action.NOTHING,
        Relation.BEHIND: Action.INTEGRATE,
        Relation.DIVERGED: Action.INTEGRATE,
        Relation.NO_UPSTREAM: Action.NOTHING,
    },
    Mode.COMMIT: dict.fromkeys(Relation, Action.NOTHING),
}


def plan(relation: Relation, mode: str) -> Action:
    """Return what to do about a branch that stands so to its upstream. Raise ValueError for an unknown mode."""
    return PLAN[Mode(mode)][relation]


def may_fetch(mode: str) -> bool:
    """Return whether the remote is looked at on a schedule in this mode."""
    return Mode(mode) in (Mode.BOTH, Mode.PULL)


def may_push(mode: str) -> bool:
    """Return whether commits are sent in this mode."""
    return Mode(mode) in (Mode.BOTH, Mode.PUSH)


def stuck(name: str, relation: Relation, mode: str) -> Problem | None:
    """Return the problem when nothing can move until the user decides: pushing only, onto a remote that moved too."""
    if Mode(mode) is Mode.PUSH and relation is Relation.DIVERGED:
        return Problem(
            "diverged",
            f'{name}: the remote has commits that are not here, and mode = "push" does not take them in',
            f'gitsyncctl pull {name} once, or mode = "both" in the configuration',
        )
    return None
