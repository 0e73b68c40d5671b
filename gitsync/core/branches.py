"""Decides the action for one branch when all branches are synced with a server. Pure.

Rules: a branch is deleted only when its commits are reachable elsewhere, pushed history is never rewritten, and a
branch that a person deleted does not return unless somebody committed to it since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Relation(StrEnum):
    """How the local branch is related to the server's."""

    EQUAL = "equal"
    AHEAD = "ahead"
    BEHIND = "behind"
    DIVERGED = "diverged"


class BranchAction(StrEnum):
    """What to do with a branch; actions that end in -there change the server."""

    NOTHING = "nothing"
    FAST_FORWARD = "fast-forward"
    MERGE = "merge"
    SEND = "send"
    CREATE = "create"
    DELETE = "delete"
    DELETE_THERE = "delete-there"
    TAKE = "take"
    LEFT = "left"
    # Actions that a person must decide.
    REWRITTEN = "rewritten"
    RENAMED = "renamed"
    MUST_PULL = "must-pull"
    PRINCIPAL_GONE = "principal-gone"
    UNSAFE_GONE = "unsafe-gone"


@dataclass(frozen=True, slots=True)
class Branch:
    """The state of a branch: its commit here, on the server, and on the server at the end of the last run.

    `known` is the server's commit at the end of the last run; without it, the branch was never there. `deleted_at` is
    its commit when the user deleted it with gitsync. `is_safe` says that its commits are on a branch that remains.
    `renamed_to` is the branch that the server's HEAD points to since this one disappeared, `answer` the user's answer
    to the question about it: take, keep, leave, or "".
    """

    name: str
    here: str | None
    there: str | None
    known: str | None = None
    relation: Relation | None = None
    is_rewritten: bool = False
    is_safe: bool = False
    is_principal: bool = False
    deleted_at: str | None = None
    has_moved_since_deletion: bool = False
    renamed_to: str = ""
    answer: str = ""


def decide(branch: Branch, *, is_sending: bool, is_receiving: bool, is_refilling: bool = False) -> BranchAction:
    """Return what to do with a branch in a run that may change the server, this side, or both.

    With `is_refilling`, a branch that disappeared from the server is pushed again.
    """
    if branch.deleted_at is not None and branch.here is None and branch.there is not None:
        if not branch.has_moved_since_deletion:
            return BranchAction.DELETE_THERE if is_sending else BranchAction.NOTHING
        return BranchAction.CREATE if is_receiving else BranchAction.NOTHING
    if branch.here is None:
        return BranchAction.CREATE if branch.there is not None and is_receiving else BranchAction.NOTHING
    if branch.there is None:
        return _only_here(branch, is_sending, is_receiving, is_refilling)
    match branch.relation:
        case Relation.AHEAD if not branch.is_rewritten or branch.answer == "keep":
            return BranchAction.SEND if is_sending else BranchAction.NOTHING
        case Relation.BEHIND:
            return BranchAction.FAST_FORWARD if is_receiving else BranchAction.NOTHING
        case Relation.EQUAL:
            return BranchAction.NOTHING
    if branch.is_rewritten:
        return _rewritten(branch, is_receiving)
    return BranchAction.MERGE if is_receiving else BranchAction.MUST_PULL


def _rewritten(branch: Branch, is_receiving: bool) -> BranchAction:
    match branch.answer:
        case "leave":
            return BranchAction.LEFT
        case "take":
            return BranchAction.TAKE if is_receiving else BranchAction.LEFT
        case "keep":
            return BranchAction.MERGE if is_receiving else BranchAction.MUST_PULL
    return BranchAction.REWRITTEN


def _only_here(branch: Branch, is_sending: bool, is_receiving: bool, is_refilling: bool) -> BranchAction:
    if branch.known is None or is_refilling or branch.answer == "keep":
        return BranchAction.SEND if is_sending else BranchAction.NOTHING
    if branch.answer == "leave":
        return BranchAction.LEFT
    if branch.renamed_to:
        return BranchAction.TAKE if branch.answer == "take" and is_receiving else BranchAction.RENAMED
    if branch.is_principal:
        return BranchAction.PRINCIPAL_GONE
    if not is_receiving:
        return BranchAction.NOTHING
    return BranchAction.DELETE if branch.is_safe else BranchAction.UNSAFE_GONE


def in_the_way(name: str, others: Iterable[str]) -> str:
    """Return an existing branch that prevents `name`, as "a" prevents "a/b"; "" for none."""
    found = (other for other in others if other.startswith(f"{name}/") or name.startswith(f"{other}/"))
    return min(found, default="")


def is_emptied(there: object, known: object) -> bool:
    """Whether a server that had branches has none now."""
    return not there and bool(known)


def renamed_default(known: Collection[str], there: Collection[str], head: str) -> str:
    """Return the known default branch that disappeared when `head`, the server's new HEAD, appeared; "" for none."""
    gone = [name for name in known if name not in there]
    if head in known or head not in there or not gone:
        return ""
    return principal(set(gone), "") or (gone[0] if len(gone) == 1 else "")


def principal(names: set[str], remote_head: str) -> str:
    """Return the branch that is never deleted: main, else master, else the server's HEAD; "" for none."""
    return next((name for name in ("main", "master", remote_head) if name in names), "")
