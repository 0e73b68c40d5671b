"""Where HEAD is, and what the user has begun and not ended. Runs on the thread that owns the repository's handle."""

from __future__ import annotations

from dataclasses import dataclass

import pygit2

from gitsync.errors import OperationError
from gitsync.git.commits import tip_of

_STATES = pygit2.enums.RepositoryState
_OPERATIONS = {
    _STATES.MERGE: "merge",
    _STATES.REVERT: "revert",
    _STATES.REVERT_SEQUENCE: "revert",
    _STATES.CHERRYPICK: "cherry-pick",
    _STATES.CHERRYPICK_SEQUENCE: "cherry-pick",
    _STATES.BISECT: "bisect",
    _STATES.REBASE: "rebase",
    _STATES.REBASE_INTERACTIVE: "rebase",
    _STATES.REBASE_MERGE: "rebase",
    _STATES.APPLY_MAILBOX: "am",
    _STATES.APPLY_MAILBOX_OR_REBASE: "am",
}


@dataclass(frozen=True, slots=True)
class RepoFacts:
    """HEAD as it is: `head` is a commit id or None, `branch` None when HEAD is detached.

    `open_operation` is "" or what the user has begun: merge, rebase, cherry-pick, revert, bisect, am, stash.
    """

    head: str | None
    branch: str | None
    is_unborn: bool
    open_operation: str


def head_of(repository: pygit2.Repository) -> tuple[str | None, str | None]:
    """Return branch (None: detached) and commit (None: unborn) of HEAD; raise OperationError "head"."""
    try:
        head = repository.lookup_reference("HEAD")
        if head.type == pygit2.enums.ReferenceType.DIRECT:
            return None, str(head.target)
        branch = str(head.target).removeprefix("refs/heads/")
        return branch, tip_of(repository, branch)
    except (KeyError, pygit2.GitError, ValueError) as error:
        root = repository.workdir
        raise OperationError(
            f"cannot read HEAD of {root}: {error}", f"see: git -C {root} status", code="head"
        ) from error


def open_operation(repository: pygit2.Repository) -> str:
    """Return the operation that git itself has under way, "" for none; a conflicted stash leaves no trace here."""
    return _OPERATIONS.get(_STATES(repository.state()), "")
