"""Applies a plan to the work tree and the branch, completely or not at all; recovers after a crash.

Runs on the committer thread; owns the journal in the repository's state directory, the backup ref and, through
`Applier`, the work tree. The order of the steps makes it safe:

    compare every path with the plan's base; change nothing while one of them differs
    journal (staging), temporaries with the new versions, all synced: a full disk fails here, before any change
    write the merge commit and read it back; journal (swapping)
    make each step and check what it replaced; the first mismatch rolls all of them back
    sync directories, write the backup ref, move the branch by compare-and-swap under the index lock, update the index
    remove temporaries and journal

Recovery goes forward if every path is at its base or its target. A path with a third content was edited. If the edit
was made before the path's step, the steps are rolled back, HEAD stays at the base, and the next scan commits the edit
on top of the version that it was made from. Nothing is lost: the target is in the fetched history, the base in HEAD's,
the edit on disk, and the next merge sees all three. If the edit was made after the step, it was made on the new
version, and is committed on top of the merge. If the user has moved HEAD since, the work tree is left as it is.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TypeVar

from gitsync.clock import SystemClock
from gitsync.core.message import with_machine
from gitsync.errors import GitsyncError, OperationError, TransientError
from gitsync.git.applying import atomic_replace, journal, modes
from gitsync.git.applying.backup_blob import IN_THE_WAY, rescuer
from gitsync.git.applying.directories import parent_of
from gitsync.git.applying.hidden import Entries, Looked, Mark, entries_of, hidden, look
from gitsync.git.applying.journal import Phase
from gitsync.git.applying.move_aside import Moved
from gitsync.git.applying.preflight import OWN_REPOSITORY, Changes, Prepared, Surprise, prepare
from gitsync.git.applying.writer import Applier
from gitsync.git.files import storage_error
from gitsync.git.index.raw import NewEntry
from gitsync.git.merging.plan import Plan, PlanKind
from gitsync.git.objects import refs
from gitsync.git.objects.branch_move import BranchMove
from gitsync.git.objects.commits import TipMovedError, lock_of, write_commit, write_identical_merge
from gitsync.git.objects.modes import MODE_GITLINK
from gitsync.git.objects.trees import TreeEntry, diff, lookup
from gitsync.git.probe import Probe
from gitsync.git.repository import head_of, open_operation, tree_of
from gitsync.git.rules.identity import Person, identity_of
from gitsync.git.staging.worktree import Worktree
from gitsync.model import CommitInfo, Problem
from gitsync.text import as_word, clean

__all__ = ["Outcome", "OutcomeKind", "OvertakenError", "Recovered", "apply", "put", "recover"]


T = TypeVar("T")


class OutcomeKind(StrEnum):
    """DONE: branch and work tree are at the plan. EDITED, BLOCKED: both are as they were."""

    DONE = "done"
    EDITED = "edited"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of applying a plan.

    DONE: `head` is the new HEAD, `paths` were changed. EDITED: `paths` hold uncommitted edits; commit them and plan
    again. BLOCKED: `problem` describes what prevents changing `paths`; try again later. `aside` lists untracked files
    that were moved aside, with their new names, `held` the paths that were not written for another repository's sake.
    """

    kind: OutcomeKind
    paths: tuple[bytes, ...] = ()
    head: str | None = None
    commit: CommitInfo | None = None
    problem: Problem | None = None
    aside: tuple[Moved, ...] = ()
    held: tuple[bytes, ...] = ()


class OvertakenError(TransientError):
    """Files to be changed hold uncommitted edits: commit `paths`, then start again."""

    code = "overtaken"

    def __init__(self, message: str, paths: tuple[bytes, ...]) -> None:
        super().__init__(message, "close the programs that write these files, then try again")
        self.paths = paths


@dataclass(frozen=True, slots=True)
class Recovered:
    """The result of recovery: `summary` is a sentence for the log, "" when there was nothing to recover."""

    summary: str = ""
    paths: tuple[bytes, ...] = ()


def apply(
    worktree: Worktree, plan: Plan, *, message: str, author: str = "", reason: str = "", probe: Probe | None = None
) -> Outcome:
    """Move work tree and branch from the plan's base to its target.

    `message` and `author` are for the new commit, if there is one; `reason` names the backup ref (default: merge or
    pull). Raise TipMovedError when HEAD has moved or the user has a git operation in progress, TransientError when
    another git process holds a lock, OperationError when objects cannot be stored; nothing has changed then. The
    exception is OperationError "half-applied": the journal remains, and `recover` must be called (opening the Worktree
    does so) before anything else is done with this work tree.
    """
    recover(worktree)
    _check(worktree, plan)
    if not plan.changes_work_tree or plan.tree is None:
        return Outcome(OutcomeKind.DONE, head=plan.head)
    prepared = prepare(worktree, plan)
    try:
        if prepared.surprise:
            return replace(_outcome(worktree, plan, prepared.surprise), aside=prepared.aside)
        target = plan.upstream if plan.kind is PlanKind.FAST_FORWARD else _new_commit(worktree, plan, message, author)
        reason = reason or ("merge" if plan.kind is PlanKind.MERGE else "pull")
        return replace(
            _apply(worktree, plan, prepared, target, message, reason, probe or worktree.probe), aside=prepared.aside
        )
    finally:
        prepared.close()


def put(
    worktree: Worktree,
    tree: str,
    *,
    message: str,
    reason: str,
    author: str = "",
    merging: str | None = None,
    displaced: frozenset[bytes] = frozenset(),
    forgotten: frozenset[bytes] = frozenset(),
) -> Outcome:
    """Commit `tree` on top of HEAD and check it out; `merging` becomes the second parent of the commit.

    The outcome is always DONE. Raise OvertakenError for uncommitted edits, OperationError "blocked" when a path cannot
    be changed, and what `apply` raises; nothing has changed then.
    """
    branch, head = head_of(worktree.repo)
    if branch is None:
        raise OperationError(
            f"{clean(worktree.root)}: HEAD is on no branch", "switch to a branch: git switch BRANCH", code="detached"
        )
    base = None if head is None else tree_of(worktree, head)
    parents = tuple(commit for commit in (head, merging) if commit is not None)
    wanted = Plan(
        PlanKind.COMMIT, branch, head, head or "", base, tree, parents, displaced=displaced, forgotten=forgotten
    )
    if merging is None:  # a merge of the same two commits may be made on another machine, too
        message = with_machine(message, worktree.machine)
    outcome = apply(worktree, wanted, message=message, author=author, reason=reason)
    if outcome.kind is OutcomeKind.EDITED:
        names = ", ".join(clean(os.fsdecode(path)) for path in outcome.paths[:5])
        raise OvertakenError(f"{clean(worktree.root)}: files have uncommitted edits: {names}", outcome.paths)
    if outcome.problem is not None:
        raise OperationError(outcome.problem.message, outcome.problem.hint, code=outcome.problem.code)
    return outcome


def _check(worktree: Worktree, plan: Plan) -> None:
    facts = worktree.facts()
    if (facts.branch, facts.head) != (plan.branch, plan.head):
        raise TipMovedError(f"HEAD of {clean(worktree.root)} was moved meanwhile", "gitsync will try again by itself")
    if facts.open_operation:
        raise TipMovedError(
            f"{clean(worktree.root)}: a {facts.open_operation} is in progress", "finish it; to see it: git status"
        )
    if worktree.index.lock.is_held():
        raise worktree.index.lock.refusal()
    worktree.check_calm()


def _new_commit(worktree: Worktree, plan: Plan, message: str, author: str) -> str:
    assert plan.tree is not None
    if plan.kind is PlanKind.MERGE and plan.tree == plan.base_tree == tree_of(worktree, plan.upstream):
        return write_identical_merge(worktree.store, plan.tree, plan.parents)
    who = identity_of(worktree.root, author)
    wall = SystemClock().wall()
    return write_commit(worktree.store, plan.tree, list(plan.parents), message, who.author, who.committer, wall)


def _apply(
    worktree: Worktree, plan: Plan, prepared: Prepared, target: str, message: str, reason: str, probe: Probe
) -> Outcome:
    keep = rescuer(worktree, IN_THE_WAY)
    for path, content in prepared.report.displaced.items():
        keep(path, content)
    noted = prepared.journal(plan, target, reason)
    journal.write(worktree.repo_state_dir, noted)
    with Applier(worktree.root, noted, rescue=rescuer(worktree), probe=probe) as applier:
        try:
            applier.stage(prepared.content)
            worktree.arrivals.remember(prepared.arrivals(), partial(_has, worktree, plan.base_tree))
            probe("staged", b"")
            noted = applier.journal = noted.swapping()
            journal.write(worktree.repo_state_dir, noted)
        except (OSError, GitsyncError) as error:
            _half(worktree, applier.discard)
            journal.drop(worktree.repo_state_dir)
            if isinstance(error, OSError):
                gone = os.fsencode(error.filename or "")
                if atomic_replace.is_missing(error) and gone in prepared.changes:
                    return _outcome(worktree, plan, Surprise(edited=[gone]))  # deleted by the user since the preflight
                raise storage_error(f"cannot write {clean(str(error.filename or worktree.root))}", error) from error
            raise
        surprise = _half(worktree, applier.advance)
        moved: GitsyncError | None = None
        if not surprise:
            probe("advanced", b"")
            if not prepared.has_modes:
                _half(worktree, partial(modes.follow, worktree.root, prepared.changes))
            try:
                refs.backup(worktree.repo, reason, outcome=target)
                arrive(worktree, applier, message, prepared.changes, prepared.report.looked)
            except GitsyncError as error:
                moved = error
        if surprise or moved is not None:
            edited = _half(worktree, applier.roll_back)
            journal.drop(worktree.repo_state_dir)
            if moved is not None:
                raise moved
            surprise.edited.extend(path for path in edited if path not in {*surprise.edited, *surprise.blocked})
            return _outcome(worktree, plan, surprise)
        probe("arrived", b"")
        _half(worktree, applier.sweep)
    journal.drop(worktree.repo_state_dir)
    refs.expire(worktree.repo, worktree.repo_state_dir)
    held = tuple(sorted(prepared.report.held))
    return Outcome(OutcomeKind.DONE, tuple(sorted(prepared.changes)), target, worktree.last_commit(), held=held)


def _has(worktree: Worktree, tree: str | None, path: bytes, blob: str) -> bool:
    entry = lookup(worktree.store, tree, path)
    return entry is not None and entry.id == blob


def _half(worktree: Worktree, act: Callable[[], T]) -> T:
    """Call `act`, which must not fail half way; on OSError the journal remains and describes what is left to do."""
    try:
        return act()
    except OSError as error:
        raise OperationError(
            f"{clean(worktree.root)}: a pull could neither be completed nor rolled back: {error.strerror}"
            f" ({clean(str(error.filename or ''))}); nothing is lost, gitsync recovers at the next start",
            f"free disk space and check the permissions, then: gitsyncctl sync {as_word(clean(worktree.root))}",
            code="half-applied",
        ) from error


def _outcome(worktree: Worktree, plan: Plan, surprise: Surprise) -> Outcome:
    if surprise.edited and not surprise.blocked:
        return Outcome(OutcomeKind.EDITED, tuple(sorted(surprise.edited)))
    paths = tuple(sorted(surprise.blocked))
    path, why = next(iter(sorted(surprise.blocked.items())))
    more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
    what = f"{clean(os.fsdecode(path))}: {why}{more}"
    way_out = "move that repository out of it" if why.endswith(OWN_REPOSITORY) else "move or commit that file"
    text = f"{clean(worktree.root)}: cannot apply the changes from the remote: {what}"
    then = f"gitsyncctl sync {as_word(clean(worktree.root))}"
    problem = Problem("blocked", text, f"{way_out}, then: {then}")
    if plan.kind is PlanKind.COMMIT:
        problem = Problem(
            "blocked", f"{clean(worktree.root)}: nothing was changed: {what}", f"{way_out}, then try again"
        )
    return Outcome(OutcomeKind.BLOCKED, paths, problem=problem)


def recover(worktree: Worktree, *, probe: Probe | None = None) -> Recovered:
    """Complete or roll back an interrupted integration; call it before anything is scanned or committed.

    Raise OperationError when that is not possible now (disk full, locked): the journal remains.
    """
    noted = journal.read(worktree.repo_state_dir)
    if noted is None:
        return Recovered()
    worktree.recover()
    paths = tuple(sorted(step.path for step in noted.steps))
    with Applier(worktree.root, noted, rescue=rescuer(worktree), probe=probe or worktree.probe) as applier:
        summary = _half(worktree, lambda: _recover(worktree, applier))
        _half(worktree, lambda: applier.sweep_strays(worktree.root))
    journal.drop(worktree.repo_state_dir)
    return Recovered(summary, paths)


def _recover(worktree: Worktree, applier: Applier) -> str:
    noted = applier.journal
    if noted.phase is Phase.STAGING:
        applier.discard()
        return ""  # no path had been changed
    applier.settle_links()
    branch, head = head_of(worktree.repo)
    what = "pull" if noted.reason == "merge" else noted.reason
    count = f"{what} of {len(noted.steps)} {'file' if len(noted.steps) == 1 else 'files'}"
    is_ours = f"refs/heads/{branch}" == noted.ref
    if is_ours and head == noted.target:
        # The branch has moved, so every step was made; later edits are edits of the new version.
        applier.sweep()
        return f"finished an interrupted {count}"
    if is_ours and head == noted.base and not worktree.facts().open_operation:
        try:
            if not applier.advance():
                refs.backup(worktree.repo, noted.reason, outcome=noted.target)
                arrive(worktree, applier, f"finish an interrupted {what}")
                applier.sweep()
                return f"finished an interrupted {count}"
        except TipMovedError:
            pass  # the user has moved HEAD: roll back
        applier.roll_back()
        return f"rolled back an interrupted {count}, because files were edited since; gitsync will try again"
    applier.sweep()
    return f"left an interrupted {count} as it was, because HEAD was moved since"


logger = logging.getLogger(__name__)


def arrive(
    worktree: Worktree, applier: Applier, message: str, changes: Changes | None = None, looked: Looked | None = None
) -> None:
    """Move the branch of the applier's journal to its target, read it back, and update the index.

    `changes` are those from the journal's base to its target, and `looked` the index entries of their paths, where they
    are known.
    Raise TipMovedError when HEAD is not at the journal's base, when the user has a git operation in progress, or has
    staged one of the paths since; TransientError for locks; OperationError when a write fails. The branch has not moved
    then.
    """
    noted = applier.journal
    changes = diff(worktree.store, noted.base_tree, noted.target_tree) if changes is None else changes
    fingerprints = {step.path: step.target for step in noted.steps}
    branch = noted.ref.removeprefix("refs/heads/")
    _place_submodules(worktree, changes)
    moved = [(path, new.id) for path, (_, new) in changes.items() if new is not None and new.mode == MODE_GITLINK]
    if moved:
        worktree.left_behind.note(moved)
    entries = look(worktree, changes, looked).entries
    _check_unstaged(worktree, changes, entries)
    marks = hidden(worktree, changes, entries)
    worktree.held.note(path for path, mark in marks.items() if mark.nested)
    new = {
        path: _new_entry(applier, fingerprints, path, entry, marks.get(path)) for path, (_, entry) in changes.items()
    }
    prepared = worktree.index.prepare(new)
    subject = message.partition("\n")[0]
    who, draft = _mover(worktree), worktree.index.lock.draft
    move = BranchMove(worktree.repo, branch, noted.base, noted.target, subject, who, draft)
    try:
        with move:
            worktree.index.intend(noted.base, noted.target, lock_of(worktree.repo, branch), move.unsynced, prepared)
            worktree.await_calm()
            if prepared is not None and prepared.signature != worktree.index.signature:
                _check_unstaged(worktree, changes, entries_of(worktree, changes))
                prepared = worktree.index.prepare_again(new)
            with worktree.calm_lock(move, prepared) as replace:
                _check_unmoved(worktree, branch, noted.base)
                if prepared is None or prepared.signature != worktree.index.signature:
                    _check_unstaged(worktree, changes, entries_of(worktree, changes))
                move.make()
                is_followed = worktree.set_entries(new, noted.target_tree, replace, prepared)
    finally:
        worktree.index.lock.discard()
        if not move.is_made:
            worktree.index.settle()
    if is_followed:
        worktree.index.settle()
        _note_placed(worktree, noted.target_tree, new)


def _note_placed(worktree: Worktree, tree: str, new: Mapping[bytes, NewEntry | None]) -> None:
    signature = worktree.index.signature
    if worktree.index.foreign_at is None:  # looked at last: nobody had written it before, either
        files = {path: entry.stat for path, entry in new.items() if entry is not None and entry.stat is not None}
        worktree.placed.note(tree, signature, files)


def _mover(worktree: Worktree) -> Person:
    """Return whom the reflog names: nobody has to be known for a branch to follow the remote's."""
    try:
        return identity_of(worktree.root).committer
    except OperationError:
        return Person("gitsync", "gitsync@localhost")


def _check_unmoved(worktree: Worktree, branch: str, base: str | None) -> None:
    if head_of(worktree.repo) != (branch, base) or open_operation(worktree.repo):
        raise TipMovedError(f"HEAD of {worktree.root} was moved meanwhile", "gitsync will try again by itself")


def _check_unstaged(worktree: Worktree, changes: Changes, entries: Entries | None) -> None:
    if entries is None or worktree.index.is_missing:
        return  # it is rebuilt
    if any((entry and (entry.mode, entry.id)) not in changes[path] for path, entry in entries.items()):
        raise TipMovedError(f"files of {worktree.root} were staged meanwhile", "gitsync will try again by itself")


def _new_entry(
    applier: Applier, fingerprints: dict[bytes, str], path: bytes, entry: TreeEntry | None, mark: Mark | None
) -> NewEntry | None:
    if entry is None:
        return None
    if mark is not None:
        return NewEntry(*entry, None, mark.is_assumed, mark.is_skipped)
    if entry.mode == MODE_GITLINK or path not in fingerprints:
        return NewEntry(*entry)
    return NewEntry(*entry, applier.stat_of(path, fingerprints[path]))


def _place_submodules(worktree: Worktree, changes: Changes) -> None:
    """Create the empty directory of a new submodule; without it, the submodule would appear deleted."""
    root = os.open(worktree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path, (_, entry) in changes.items():
            if entry is not None and entry.mode == MODE_GITLINK:
                with parent_of(root, path + b"/.", is_made=True):
                    pass
    except OSError as error:
        raise storage_error(f"cannot create the directory of a submodule in {worktree.root}", error) from error
    finally:
        os.close(root)
