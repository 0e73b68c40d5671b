"""The local changes of a git job, made when everything is fetched: branch by branch, on the thread that owns the work
tree.

No network here. Trouble with one branch is an item of the report and never ends the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import gitsync.git.remote.local_branches as refs
from gitsync.backends.base import Item, Level, Order
from gitsync.backends.git.conflicts import Kept, still_open, told
from gitsync.backends.git.questions import TAKE, asked, emptied, matter, too_many
from gitsync.backends.git.step import BranchStep, Local
from gitsync.clock import SystemClock
from gitsync.config.options import JobConfig
from gitsync.core.branches import Branch, BranchAction, decide, in_the_way, principal
from gitsync.errors import GitsyncError, OperationError, TransientError
from gitsync.git.objects.commits import lock_of
from gitsync.git.remote.all_branches import There
from gitsync.git.remote.branches_in_use import BranchUse
from gitsync.git.repository import head_of
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.text import as_word, escape

LOCKED = ("index-locked", "ref-locked")
# A git that is at work holds a lock for moments.
STALE_S = 600.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything else that decisions about branches depend on.

    `there` is the server now, `known` where its branches were when they were last taken in, `deleted` where branches
    were when their user deleted them, `uses` who is at work on one, `renamed` the default branch's new name by its old
    one, `answers` the words by the ids of the questions that they answer, `kept` the copies of conflicts before this.
    """

    there: There
    known: Mapping[str, str]
    deleted: Mapping[str, str] = field(default_factory=dict)
    uses: Mapping[str, BranchUse] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[Kept, ...] = ()


def settle_branches(worktree: Worktree, order: Order, seen: Seen) -> Local:
    """Bring the branches of an order to where they belong, and return what is left to do on the server."""
    local = Local(kept=list(seen.kept))
    there, before = seen.there, refs.branches(worktree)
    branches = _branches(worktree, order, seen)
    refill = emptied(order, len(seen.known))
    actions = {
        branch.name: decide(
            branch,
            is_sending=order.direction.is_sending,
            is_receiving=order.direction.is_receiving,
            is_refilling=order.accepts(refill),
        )
        for branch in branches
    }
    going = [name for name, action in actions.items() if action is BranchAction.DELETE]
    if len(going) > order.job.max_deletes and not order.accepts(halt := too_many(order, going)):
        local.halt = halt
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
            # Asked again for each: the user may have switched to it while another one was merged.
            here = head_of(worktree.repo)[0] or ""
            BranchStep(worktree, order, branch, local, here, seen.uses.get(branch.name), there.branches).take(action)
        except UNEXPECTED_ERRORS as trouble:
            local.items.append(_trouble(worktree, order, branch.name, as_error(order.job.name, trouble)))
    _tell_open(worktree, order, local)
    after = refs.branches(worktree)
    local.moved = {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }
    return local


def _trouble(worktree: Worktree, order: Order, branch: str, error: GitsyncError) -> Item:
    """Return the item of a branch that could not be brought along; what goes away by itself is tried again."""
    is_passing = isinstance(error, TransientError) and not (error.code in LOCKED and _is_stale(worktree, branch))
    level = Level.WAITING if is_passing else Level.ATTENTION
    message = error.message if branch in error.message else f"{escape(branch)}: {error.message}"
    return Item(branch, error.code, message, error.hint or f"gitsyncctl sync {as_word(order.job.name)}", level)


def _is_stale(worktree: Worktree, branch: str) -> bool:
    """Whether a lock of the index or of a branch has been there for longer than any git works."""
    for path in (worktree.index.lock.path, lock_of(worktree.repo, branch)):
        with suppress(FileNotFoundError):
            if SystemClock().wall() - os.lstat(path).st_mtime > STALE_S:
                return True
    return False


def _tell_open(worktree: Worktree, order: Order, local: Local) -> None:
    """Add items for open questions and for conflict copies that still exist."""
    local.items += [asked(order, each, is_only=len(local.questions) == 1) for each in local.questions]
    current = head_of(worktree.repo)[0]
    local.kept = still_open(worktree, local.kept, refs.branches(worktree))
    local.items += [told(order, item, current) for item in local.kept]
    local.conflicts = tuple(dict.fromkeys([*local.conflicts, *(item.label(current) for item in local.kept)]))


def _clash(job: JobConfig, name: str, other: str, action: BranchAction) -> Item:
    """Return the item about a branch whose name conflicts with another one, as "a" and "a/b"."""
    text = f"there can be no branch {escape(name)} beside {escape(other)}, which is"
    if action is BranchAction.SEND:
        text = f"{text} on the server, so it was not sent"
    else:
        text = f"{text} here, so the server's was not taken"
    mine = name if action is BranchAction.SEND else other
    hint = f"give yours another name: git -C {as_word(str(job.path))} branch -m {as_word(mine)} NAME"
    return Item(name, "name-taken", text, hint, Level.ATTENTION)


def _branches(worktree: Worktree, order: Order, seen: Seen) -> list[Branch]:
    here, there = refs.branches(worktree), seen.there
    current = worktree.facts().branch
    names = set(here) | set(there.branches)
    # Until that is answered, its new name is not one more branch.
    held = {
        new
        for old, new in seen.renamed.items()
        if old in here and seen.answers.get(matter(Branch(old, None, None, renamed_to=new))) in (None, TAKE)
    }
    return [
        _branch(worktree, seen, name, here, is_principal=name == principal(names, there.head))
        for name in sorted(names | set(seen.deleted))
        if _is_chosen(order.job, name, current) and (name not in held or name in here)
    ]


def _branch(worktree: Worktree, seen: Seen, name: str, here: Mapping[str, str], *, is_principal: bool) -> Branch:
    mine, theirs, was = here.get(name), seen.there.branches.get(name), seen.known.get(name)
    deleted_at = seen.deleted.get(name)
    stay = list(seen.there.branches.values())
    found = Branch(
        name,
        mine,
        theirs,
        was,
        refs.relation(worktree, mine, theirs) if mine and theirs else None,
        is_rewritten=bool(was and theirs and not refs.is_ancestor(worktree.repo, was, theirs)),
        is_safe=bool(mine and was) and not theirs and refs.is_kept(worktree, name, str(mine), stay),
        is_principal=is_principal,
        deleted_at=deleted_at,
        has_moved_since_deletion=bool(
            deleted_at and theirs and not refs.is_ancestor(worktree.repo, theirs, deleted_at)
        ),
        renamed_to=seen.renamed.get(name, "") if mine and not theirs else "",
    )
    if not (found.is_rewritten or found.renamed_to):
        return found
    return replace(found, answer=seen.answers.get(matter(found), ""))


def _is_chosen(job: JobConfig, name: str, current: str | None) -> bool:
    if job.branches == "all":
        return True
    return name == current if job.branches == "current" else name in job.branches


def forget_branch(
    worktree: Worktree,
    branch: str,
    job: JobConfig,
    there: Mapping[str, str],
    uses: Mapping[str, BranchUse],
    note: Callable[[str], None],
) -> str:
    """Delete a local branch after calling `note` with its commit, and return that commit."""
    here = refs.branches(worktree)
    at = here.get(branch) or there.get(branch)
    name = escape(branch)
    if at is None:
        known = ", ".join(map(escape, sorted({*here, *there})[:20]))
        raise OperationError(f"{job.name} has no branch {name}", f"there are: {known}", code="unknown-branch")
    if branch == worktree.facts().branch or branch in uses:
        use = uses.get(branch) or BranchUse(str(job.path))
        raise OperationError(
            f"{name} is {use.text}", "switch to another branch there first, or finish that", code="checked-out"
        )
    if branch == principal({*here, *there}, ""):
        raise OperationError(
            f"{name} is the principal branch of {job.name}", f"if you mean it: git push {job.remote} --delete {branch}"
        )
    note(at)
    if branch in here:
        refs.delete(worktree, branch, here[branch])
    return at
