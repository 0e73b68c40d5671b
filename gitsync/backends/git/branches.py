"""What a git job does on this side, once all is fetched: branch by branch, on the thread that owns the work tree.

No network here. Trouble with one branch is an item of the report and never ends the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import gitsync.git.remote.local_branches as refs
from gitsync.backends.base import Item, Level, Order
from gitsync.backends.git.step import BranchStep, Local
from gitsync.config.options import JobConfig
from gitsync.core.branches import Branch, BranchAction, decide, in_the_way, principal
from gitsync.core.names import as_word, shown_text
from gitsync.errors import OperationError
from gitsync.git.remote.all_branches import There
from gitsync.git.repository import head_of
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import Problem

NAMED = 5


def settle_branches(
    worktree: Worktree,
    order: Order,
    there: There,
    known: Mapping[str, str],
    deleted: Mapping[str, str],
    elsewhere: Mapping[str, str],
) -> Local:
    """Bring the branches of an order to where they belong, and return what is left to do on the server."""
    local = Local()
    current = worktree.facts().branch
    branches = _branches(worktree, order, there, known, deleted, current)
    actions = {
        branch.name: decide(
            branch,
            is_sending=order.direction.is_sending,
            is_receiving=order.direction.is_receiving,
            is_accepted=order.is_accepted,
        )
        for branch in branches
    }
    going = [name for name, action in actions.items() if action is BranchAction.DELETE]
    if len(going) > order.job.max_deletes and not order.is_accepted:
        local.halt = _too_many(order.job, len(going))
        return local
    stay = {
        BranchAction.SEND: {name for name in there.branches if actions.get(name) is not BranchAction.DELETE_THERE},
        BranchAction.CREATE: {name for name in refs.branches(worktree) if name not in going},
    }
    for branch in branches:
        action = actions[branch.name]
        if other := in_the_way(branch.name, stay.get(action, ())):
            local.items.append(_clash(order.job, branch.name, other, action))
            continue
        if branch.deleted_at is not None and (branch.here is not None or branch.has_moved_since_deletion):
            local.revived.add(branch.name)
        try:
            # Asked anew for each: the user may have switched to it while another one was merged.
            here = head_of(worktree.repo)[0] or ""
            BranchStep(worktree, order, branch, local, here, elsewhere, there.branches).take(action)
        except UNEXPECTED_ERRORS as trouble:
            error = as_error(order.job.name, trouble)
            local.items.append(Item(branch.name, error.code, error.message, error.hint, Level.WAITING))
    return local


def _clash(job: JobConfig, name: str, other: str, action: BranchAction) -> Item:
    """Say that git has no room for a branch beside another one."""
    text = f"there can be no branch {shown_text(name)} beside {shown_text(other)}, which is"
    if action is BranchAction.SEND:
        text = f"{text} on the server, so it was not sent"
    else:
        text = f"{text} here, so the server's was not taken"
    mine = name if action is BranchAction.SEND else other
    hint = f"give yours another name: git -C {as_word(str(job.path))} branch -m {as_word(mine)} NAME"
    return Item(name, "name-taken", text, hint, Level.ATTENTION)


def _branches(
    worktree: Worktree,
    order: Order,
    there: There,
    known: Mapping[str, str],
    deleted: Mapping[str, str],
    current: str | None,
) -> list[Branch]:
    here = refs.branches(worktree)
    names = set(here) | set(there.branches)
    first = principal(names, there.head)
    found: list[Branch] = []
    stay = list(there.branches.values())
    for name in sorted(names | set(deleted)):
        if not _is_chosen(order.job, name, current):
            continue
        mine, theirs, was = here.get(name), there.branches.get(name), known.get(name)
        deleted_at = deleted.get(name)
        found.append(
            Branch(
                name,
                mine,
                theirs,
                was,
                refs.relation(worktree, mine, theirs) if mine and theirs else None,
                is_rewritten=bool(was and theirs and not refs.is_ancestor(worktree.repo, was, theirs)),
                is_safe=bool(mine and was) and not theirs and refs.is_kept(worktree, name, str(mine), stay),
                is_principal=name == first,
                deleted_at=deleted_at,
                has_moved_since_deletion=bool(
                    deleted_at and theirs and not refs.is_ancestor(worktree.repo, theirs, deleted_at)
                ),
            )
        )
    return found


def _is_chosen(job: JobConfig, name: str, current: str | None) -> bool:
    if job.branches == "all":
        return True
    return name == current if job.branches == "current" else name in job.branches


def _too_many(job: JobConfig, count: int) -> Problem:
    return Problem(
        "mass-deletion",
        f"{job.name}: {count} branches went from the server, more than max_deletes = {job.max_deletes}; "
        "nothing was deleted",
        f"if that is right: gitsyncctl resume {as_word(job.name)} --accept",
    )


def forget_branch(
    worktree: Worktree,
    branch: str,
    job: JobConfig,
    there: Mapping[str, str],
    elsewhere: Mapping[str, str],
    note: Callable[[str], None],
) -> str:
    """Delete a branch here after `note` has been told where it was, and return that."""
    here = refs.branches(worktree)
    at = here.get(branch) or there.get(branch)
    name = shown_text(branch)
    if at is None:
        known = ", ".join(map(shown_text, sorted({*here, *there})[:20]))
        raise OperationError(f"{job.name} has no branch {name}", f"there are: {known}", code="unknown-branch")
    if branch == worktree.facts().branch or branch in elsewhere:
        place = elsewhere.get(branch) or str(job.path)
        raise OperationError(
            f"{name} is checked out in {place}", "switch to another branch there first", code="checked-out"
        )
    if branch == principal({*here, *there}, ""):
        raise OperationError(
            f"{name} is the principal branch of {job.name}", f"if you mean it: git push {job.remote} --delete {branch}"
        )
    note(at)
    if branch in here:
        refs.delete(worktree, branch, here[branch])
    return at
