"""Local branches as refs: listing, comparing, moving and deleting them without a checkout.

Runs on the thread that owns the Worktree. Every move is a compare-and-swap and goes to a commit that contains the old
one; what is deleted gets a backup ref first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pygit2

from gitsync.clock import SystemClock
from gitsync.core.branches import Relation
from gitsync.errors import OperationError
from gitsync.git.objects.commits import TipMovedError, move_branch, tip_of, write_commit
from gitsync.git.objects.ref_names import kept
from gitsync.git.objects.refs import backup, is_ancestor
from gitsync.git.objects.store import said
from gitsync.git.remote.errors import last_line
from gitsync.git.rules.identity import identity_of
from gitsync.git.staging.worktree import Worktree
from gitsync.text import clean

__all__ = [
    "branches",
    "commit",
    "delete",
    "is_ancestor",
    "is_kept",
    "move",
    "move_together",
    "relation",
    "rename",
    "replace",
]


def branches(worktree: Worktree) -> dict[str, str]:
    """Return the commit of every local branch."""
    repo = worktree.repo
    found: dict[str, str] = {}
    for name in repo.branches.local:
        at = tip_of(repo, name)
        if at is not None:
            found[name] = at
    return found


def relation(worktree: Worktree, here: str, there: str) -> Relation:
    """Return how two commits are related."""
    if here == there:
        return Relation.EQUAL
    ahead, behind = worktree.repo.ahead_behind(here, there)
    if ahead and behind:
        return Relation.DIVERGED
    return Relation.AHEAD if ahead else Relation.BEHIND


def is_kept(worktree: Worktree, name: str, at: str, there: Iterable[str]) -> bool:
    """Whether a commit is in the history of a branch on the server, or of another branch here."""
    others = [tip for branch, tip in branches(worktree).items() if branch != name]
    return any(is_ancestor(worktree.repo, at, tip) for tip in [*there, *others])


def commit(worktree: Worktree, tree: str, parents: list[str], message: str) -> str:
    """Store a commit under the repository's own identity and return its id; nothing refers to it yet."""
    who = identity_of(worktree.root)
    return write_commit(worktree.store, tree, parents, message, who.author, who.committer, SystemClock().wall())


def move(worktree: Worktree, branch: str, old: str | None, new: str, why: str) -> None:
    """Move a branch that is not checked out from `old` (None: it must not be there) to `new`.

    Raise TipMovedError, TransientError or OperationError as `commits.move_branch` does.
    """
    move_branch(worktree.repo, branch, old, new, why)


def replace(worktree: Worktree, branch: str, old: str, new: str, why: str) -> None:
    """Move a branch that is not checked out from `old` to a commit that need not contain it; a backup ref keeps that.

    Raise as `move` does.
    """
    backup(worktree.repo, why, commit=old, outcome=new)
    move_branch(worktree.repo, branch, old, new, why)


def rename(worktree: Worktree, old: str, new: str, at: str) -> None:
    """Rename the branch `old`, which is at the commit `at`, with its settings; HEAD follows. Raise OperationError."""
    place = clean(worktree.root)
    if tip_of(worktree.repo, old) != at:
        raise TipMovedError(f"the branch {clean(old)} of {place} has moved meanwhile")
    if tip_of(worktree.repo, new) is not None:
        if not is_ancestor(worktree.repo, branches(worktree)[new], at):
            raise OperationError(
                f"{place} has a branch {clean(new)} of its own, with other commits",
                f"merge it into {clean(old)} or delete it, then sync again",
                code="name-taken",
            )
        delete(worktree, new, branches(worktree)[new])
    done = worktree.program.run("branch", "-m", "--", old, new)
    if not done.ok:
        raise OperationError(
            f"{place}: cannot rename the branch {clean(old)}: {last_line(done.errors)}", "see: git status", code="git"
        )


def move_together(worktree: Worktree, moves: Mapping[str, tuple[str | None, str | None]]) -> None:
    """Move branches from one commit to another, None for not there, in one transaction: all of them or none.

    Raise TipMovedError when one was elsewhere, or cannot be written.
    """
    if not moves:
        return
    nothing = "0" * 40
    lines = [f"update refs/heads/{name}\0{new or nothing}\0{old or nothing}\0" for name, (old, new) in moves.items()]
    done = worktree.program.run("update-ref", "--stdin", "-z", input="".join(lines).encode("utf-8", "surrogateescape"))
    if not done.ok:
        words = last_line(done.errors)
        raise TipMovedError(f"{clean(worktree.root)}: no branch was moved: {words}", "try again")


def delete(worktree: Worktree, branch: str, expected: str) -> None:
    """Delete a branch that is at `expected`; a backup ref keeps its commits. Raise TipMovedError when it is not."""
    repo = worktree.repo
    backup(repo, "deleted-branch", commit=expected)
    try:
        reference = repo.lookup_reference(kept(f"refs/heads/{branch}"))
        if str(reference.raw_target) != expected:
            raise TipMovedError(f"the branch {clean(branch)} of {clean(worktree.root)} has moved meanwhile")
        reference.delete()  # refuses where it has moved since it was looked up
    except (KeyError, ValueError, OSError, pygit2.GitError) as error:
        raise said(f"cannot delete the branch {clean(branch)} of {clean(worktree.root)}", error) from error
