"""A job done by git: every branch and tag, without ever checking one out. Runs on the job's thread.

    make the repository where it is missing; set its remote
    fetch everything; a server that lost all its branches halts
    here, in one go on the thread that owns the work tree: fast-forwards and merges, of refs alone but for the branch
    that is checked out, which goes through the same trial and the same applier as everywhere
    send what the server lacks; where another machine was quicker, fetch again
    remember where the server's branches are

The server's refs are recorded only when they are integrated, so a job that died between two of these steps continues.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from gitsync.backends import state_file
from gitsync.backends.base import Item, Level, Order, Report
from gitsync.backends.git import conflicts, questions
from gitsync.backends.git.branches import Seen, forget_branch, settle_branches
from gitsync.backends.git.setup import prepare
from gitsync.backends.git.step import Local
from gitsync.backends.git.undo import BranchMove, UndoneRun, remember_run, undo_run
from gitsync.clock import SystemClock, sleep
from gitsync.core.branches import is_emptied, principal, renamed_default
from gitsync.errors import GitsyncError
from gitsync.git import dead_locks, program
from gitsync.git.remote import local_remote
from gitsync.git.remote.all_branches import HEADS, TAGS, Server, There
from gitsync.git.remote.branches_in_use import branches_in_use
from gitsync.git.remote.upstream import set_upstream
from gitsync.model import Problem
from gitsync.text import escape

HEADS_FILE, DELETED_FILE = "heads.json", "deleted.json"
CONFLICTS_FILE, ANSWERS_FILE, RENAMED_FILE = "conflicts.json", "answers.json", "renamed.json"
# How often what another machine sent first is taken in at once; then the next run goes on.
TRIES = 5
# Cloning takes longer than an exchange; each connection has its own, shorter, time to be made.
PATIENCE = 20
# The instants of two files in different file systems may differ by this much (seconds).
BLUR_S = 2.0
LOOK_EVERY_S = 0.5
# So much longer it may be in doubt who holds a lock: a git that works elsewhere may be at work on any repository.
DOUBT_S = 10.0
QUICKER = ("fetch-first", "non-fast-forward")


def run(order: Order) -> Report:
    """Sync the branches that the job names; see the module's order of things."""
    items: list[Item] = []
    began = SystemClock().wall()
    if order.died_at is not None:
        _free(order, order.died_at - BLUR_S)
    try:
        report = _run(order, items)
    except GitsyncError as error:
        report = Report(tuple(items), Problem(error.code, error.message, error.hint))
    if report.items or report.problem is not None:
        _free(order, began)  # a child that was killed alone, as for want of memory, leaves its locks as well
    return report


def _run(order: Order, items: list[Item]) -> Report:
    job = order.job
    items += prepare(job)
    server = Server(job.path, job.remote, order.deadline_s * PATIENCE, order.is_cancelled)
    known = {
        **server.tracked(),
        **{name: str(at) for name, at in state_file.read(order.state_dir / HEADS_FILE).items()},
    }
    deleted = _texts(order, DELETED_FILE)
    answers = _texts(order, ANSWERS_FILE) | dict(order.answers)
    state_file.write_changed(order.state_dir / ANSWERS_FILE, answers)
    seen = Seen(There({}, {}), known, deleted, answers=answers)
    began, moves = SystemClock().wall(), dict[str, BranchMove]()
    local = Local(kept=conflicts.read(state_file.read(order.state_dir / CONFLICTS_FILE)))
    for left in reversed(range(TRIES)):
        order.tell(f"fetching from {job.remote}")
        there = server.fetch(with_tags=order.direction.is_receiving)
        if is_emptied(there.branches, known) and not order.accepts(halt := questions.emptied(order, len(known))):
            return Report.halted(items, halt)
        _choose_first_branch(server, there)
        renamed = _renamed(order, server, there, known)
        uses = branches_in_use(job.path)
        seen = replace(seen, there=there, uses=uses, renamed=renamed, kept=tuple(local.kept))
        assert order.borrow is not None
        local = order.borrow(partial(settle_branches, order=order, seen=seen))
        items += [item for item in local.items if item not in items]
        for name, (before, after) in local.moved.items():
            moves[name] = BranchMove(moves[name].before if name in moves else before, after)
        # Before anything is sent: a run that cannot send, or dies, has moved branches all the same.
        remember_run(order, began, moves)
        if local.halt is not None:
            break
        quicker = _send(order, server, local, there, items, is_last=not left)
        if not quicker:
            break
    _remember(order, server, local, seen)
    if local.halt is not None:
        return Report.halted(items, local.halt, local.conflicts)
    return Report(tuple(items), conflicts=local.conflicts, questions=tuple(local.questions))


def _free(order: Order, since: float) -> None:
    """Remove the dead locks that the children of a run have left `since` it began, here and in a remote nearby.

    Older ones are the locks of the project's user, who is at work there, and are reported.
    """
    for directory in (
        local_remote.git_directory(order.job.path, str(order.job.path)),
        local_remote.git_directory(order.job.path, order.job.url),
    ):
        if directory is not None:
            _free_directory(order, str(directory), since)


def _free_directory(order: Order, directory: str, since: float) -> None:
    """Remove the dead locks that are not older than `since`; none is taken for dead before it is some seconds old."""
    while not order.is_cancelled():
        dead_locks.sweep(directory, directory, since=since)
        age_s = dead_locks.age_s(directory, directory, since)
        if age_s is None or not 0 <= age_s <= dead_locks.HELD_S + DOUBT_S:
            return
        sleep(LOOK_EVERY_S)


def _texts(order: Order, file: str) -> dict[str, str]:
    return {key: str(value) for key, value in state_file.read(order.state_dir / file).items()}


def _renamed(order: Order, server: Server, there: There, known: dict[str, str]) -> dict[str, str]:
    """Return the default branch's new name on the server by its old one, and remember it until that is resolved."""
    file = order.state_dir / RENAMED_FILE
    found = {
        old: new
        for old, new in _texts(order, RENAMED_FILE).items()
        if old not in there.branches and new in there.branches
    }
    old = renamed_default(known, there.branches, there.head)
    if old and server.is_ancestor(known[old], there.branches[there.head]):
        found[old] = there.head
    state_file.write_changed(file, found)
    return found


def _choose_first_branch(server: Server, there: There) -> None:
    """Let HEAD of a new repository name the branch that the server's does."""
    if server.branches() or not there.branches:
        return
    first = there.head if there.head in there.branches else principal(set(there.branches), there.head)
    program.read("symbolic-ref", "HEAD", HEADS + (first or min(there.branches)), root=server.root)


def _send(order: Order, server: Server, local: Local, there: There, items: list[Item], *, is_last: bool) -> bool:
    """Send branches and tags, delete what is to be deleted; return whether another machine was quicker."""
    refs = [(commit, HEADS + name) for name, commit in local.sends.items()]
    if order.direction.is_sending:
        here = server.tags()
        refs += [(value, TAGS + name) for name, value in here.items() if name not in there.tags]
        items += [_tag_differs(name) for name in here.keys() & there.tags.keys() if here[name] != there.tags[name]]
    quicker = False
    answers: dict[str, Problem | None] = {}
    if refs:
        order.tell(f"sending {len(refs)} {'ref' if len(refs) == 1 else 'refs'} to {order.job.remote}")
        answers = server.send(refs)
    for ref, refusal in answers.items():
        name = ref.removeprefix(HEADS).removeprefix(TAGS)
        what = "tag " if ref.startswith(TAGS) else ""
        if refusal is None:
            items.append(Item(name, "pushed", f"pushed {what}{escape(name)} to {order.job.remote}"))
            if not what:
                local.taken[name] = local.sends[name]
        elif (refusal.code in QUICKER or _is_freed(name, refusal, local)) and not what:
            quicker = True
            if is_last:
                message = f"{escape(name)}: other machines keep pushing first"
                items.append(Item(name, "busy-remote", message, level=Level.WAITING))
        else:
            items.append(Item(name, refusal.code, refusal.message, refusal.hint, Level.ATTENTION))
    for name, expected in local.deletes.items():
        refusal = server.delete(name, expected)
        if refusal is None:
            items.append(Item(name, "deleted-there", f"deleted {escape(name)} on {order.job.remote}"))
            local.gone.add(name)
        elif refusal.code in QUICKER:
            quicker = True
        else:
            items.append(Item(name, refusal.code, refusal.message, refusal.hint, Level.ATTENTION))
    return quicker


def _is_freed(name: str, refusal: Problem, local: Local) -> bool:
    """Whether a branch that is deleted there now was in the way of this one, as `a` is of `a/b`."""
    return refusal.code == "name-taken" and any(
        name.startswith(f"{gone}/") or gone.startswith(f"{name}/") for gone in local.deletes
    )


def _tag_differs(name: str) -> Item:
    return Item(
        name,
        "tag-differs",
        f"the tag {escape(name)} is another one on the server; both stay as they are",
        f"to take the server's: git tag -d {name}, then sync; to send yours, delete it there first",
        Level.ATTENTION,
    )


def _remember(order: Order, server: Server, local: Local, seen: Seen) -> None:
    """Note what the server has and this side has taken in; what is still open stays as it was known."""
    tracked = server.tracked()
    for name in local.taken:
        set_upstream(order.job.path, name, order.job.remote, name)
    known = seen.known
    heads = {name: at for name, at in {**known, **local.taken}.items() if name not in local.gone and name in tracked}
    # A branch that was deleted on the server and kept here is reported at every run, until the user decides about it.
    heads |= {name: known[name] for name in local.missing if name in known}
    state_file.write(order.state_dir / HEADS_FILE, heads)
    left = {name: at for name, at in seen.deleted.items() if name not in local.gone and name not in local.revived}
    state_file.write_changed(order.state_dir / DELETED_FILE, left)
    state_file.write_changed(order.state_dir / CONFLICTS_FILE, conflicts.write(local.kept))
    if local.halt is None:
        answers = {asked: word for asked, word in seen.answers.items() if asked in local.matters}
        state_file.write_changed(order.state_dir / ANSWERS_FILE, answers)


def delete_branch(order: Order, branch: str) -> Item:
    """Delete `branch` here, and have it deleted on the server by the next run.

    Raise OperationError for the branch that is checked out, the principal one, and one that nobody knows.
    """
    job, file = order.job, order.state_dir / DELETED_FILE
    server = Server(job.path, job.remote, order.deadline_s, order.is_cancelled)

    def note(at: str) -> None:
        # Before the branch goes: a note about a branch that is still there is forgotten by the next run.
        state_file.write(file, {**state_file.read(file), branch: at})

    assert order.borrow is not None
    there = server.tracked()
    uses = branches_in_use(job.path)
    at = order.borrow(partial(forget_branch, branch=branch, job=job, there=there, uses=uses, note=note))
    return Item(
        branch,
        "deleted",
        f"{escape(branch)} is deleted here (it was at {at[:10]}); the next run deletes it on {job.remote}",
        f"to have it again: git -C {job.path} branch {branch} {at[:10]}",
    )


def undo(order: Order, *, is_keeping: bool, is_trial: bool) -> UndoneRun:
    """Take back the newest run that is not undone; see `undo_run`."""
    assert order.borrow is not None
    uses = branches_in_use(order.job.path)
    act = partial(undo_run, order=order, uses=uses, is_keeping=is_keeping, is_trial=is_trial)
    found: UndoneRun = order.borrow(act)
    return found
