"""Undoes a run of a git job: all branches that it moved, or none. Runs on the thread that owns the work tree.

As everywhere in gitsync an undo is a new commit on each branch, which the next run sends like any other, so that the
undone change does not come back; edits made since stay. The branches that are not checked out move in one transaction
of `git update-ref`, then the one that is checked out goes through the applier; where that fails, the others go back.

The runs are remembered in `undo.json` of the job's state directory, newest first: where each branch was before the run
and after it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import gitsync.git.remote.local_branches as refs
from gitsync.backends import state_file
from gitsync.backends.base import Order
from gitsync.clock import iso
from gitsync.core.conflict import Policy, Rules
from gitsync.errors import OperationError
from gitsync.git.applying.apply import put
from gitsync.git.merging.threeway import merge_from
from gitsync.git.objects.trees import diff
from gitsync.git.remote.branches_in_use import BranchUse
from gitsync.git.repository import head_of, tree_of
from gitsync.git.staging.worktree import Worktree
from gitsync.text import as_word, escape

UNDO_FILE = "undo.json"
KEPT = 20
NAMED = 5
REASON = "undo"


@dataclass(frozen=True, slots=True)
class BranchMove:
    """Where a branch was before and after a run; None where it was not there."""

    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run that moved branches; `at` is seconds since the epoch."""

    at: float
    moves: Mapping[str, BranchMove]
    is_undone: bool = False

    def to_json(self) -> dict[str, object]:
        """Return what is remembered of it."""
        moves = {name: [move.before, move.after] for name, move in self.moves.items()}
        return {"at": self.at, "moves": moves, "is_undone": self.is_undone}


@dataclass(slots=True)
class UndoneRun:
    """The result of an undo, or of its dry run: the paths by branch; `created` came with the run and stay, `kept`
    was edited.
    """

    run: JobRun
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def runs_of(order: Order) -> list[JobRun]:
    """Return the runs that are remembered, the newest first. Raise OperationError when they cannot be read."""
    found = state_file.read(order.state_dir / UNDO_FILE).get("runs")
    return [run for run in map(_run, found if isinstance(found, list) else ()) if run is not None]


def _run(found: object) -> JobRun | None:
    if not isinstance(found, dict) or not isinstance(found.get("moves"), dict):
        return None
    pairs = {str(name): move for name, move in found["moves"].items() if isinstance(move, list) and len(move) == 2}
    moves = {name: BranchMove(*(None if at is None else str(at) for at in pair)) for name, pair in pairs.items()}
    at = found.get("at")
    return JobRun(float(at) if isinstance(at, int | float) else 0.0, moves, found.get("is_undone") is True)


def remember_run(order: Order, began: float, moves: Mapping[str, BranchMove]) -> None:
    """Remember the `moves` so far of the run that `began` then; one that moved no branch is nothing to undo.

    Raise OperationError.
    """
    if moves:
        _write(order, [JobRun(began, moves), *(run for run in runs_of(order) if run.at != began)])


def _write(order: Order, runs: list[JobRun]) -> None:
    state_file.write(order.state_dir / UNDO_FILE, {"runs": [run.to_json() for run in runs[:KEPT]]})


def undo_run(
    worktree: Worktree, order: Order, uses: Mapping[str, BranchUse], *, is_keeping: bool, is_trial: bool
) -> UndoneRun:
    """Undo the newest run that is not undone, or with `is_trial` only return what that would change.

    With `is_keeping` files stay as they are that were edited since at the same place. Raise OperationError
    "nothing-to-undo", "edited-since" and "checked-out", and what the applier raises; nothing is changed then.
    """
    runs = runs_of(order)
    run = next((each for each in runs if not each.is_undone), None)
    name = order.job.name
    if run is None:
        raise OperationError(f"{name}: there is no run to undo", "gitsyncctl log shows history", code="nothing-to-undo")
    undone = UndoneRun(run)
    trees = _trees(worktree, order, undone, is_keeping=is_keeping)
    busy = [branch for branch in undone.paths if branch in uses]
    if busy:
        use = uses[busy[0]]
        raise OperationError(
            f"{name}: {escape(busy[0])} is {use.text}, so nothing was undone", "finish that first", code="checked-out"
        )
    if not is_trial:
        _move(worktree, order, undone, trees)
        _write(order, [JobRun(each.at, each.moves, is_undone=True) if each is run else each for each in runs])
    return undone


def _trees(worktree: Worktree, order: Order, undone: UndoneRun, *, is_keeping: bool) -> dict[str, str | None]:
    """Return the tree that each branch is to have, None for one that is to be there again; fill in `undone`."""
    here = refs.branches(worktree)
    trees: dict[str, str | None] = {}
    clashes: list[str] = []
    for branch, move in sorted(undone.run.moves.items()):
        at = here.get(branch)
        if move.before is None:
            undone.created += [branch] if at is not None else []
        elif move.after is None:
            if at is None:
                undone.paths[branch], trees[branch] = (), None
        elif at is not None:
            base = tree_of(worktree, move.after)
            merged = merge_from(worktree, base, at, move.before, Rules(Policy.MANUAL))
            if merged.waiting and is_keeping:
                undone.kept += [f"{branch}:{os.fsdecode(path)}" for path in merged.waiting]
                rules = Rules(Policy.MANUAL, chosen=dict.fromkeys(merged.waiting, Policy.OURS))
                merged = merge_from(worktree, base, at, move.before, rules)
            clashes += [f"{branch}:{os.fsdecode(path)}" for path in merged.waiting]
            if merged.tree is not None and merged.tree != tree_of(worktree, at):
                changed = diff(worktree.store, tree_of(worktree, at), merged.tree)
                undone.paths[branch] = tuple(sorted(map(os.fsdecode, changed)))
                trees[branch] = merged.tree
    if clashes:
        names = ", ".join(map(escape, clashes[:NAMED]))
        raise OperationError(
            f"{order.job.name}: the run of {iso(undone.run.at)} is not undone on any branch, because the same places "
            f"were edited since: {names}",
            f"to undo the rest and leave these as they are: gitsyncctl undo {as_word(order.job.name)} --keep",
            code="edited-since",
        )
    if not trees:
        told = f"; it only created {', '.join(map(escape, undone.created[:NAMED]))}" if undone.created else ""
        raise OperationError(
            f"{order.job.name}: of the run of {iso(undone.run.at)} nothing is left to undo{told}",
            f"to delete a branch: gitsyncctl delete-branch {as_word(order.job.name)} BRANCH",
            code="nothing-to-undo",
        )
    return trees


def _move(worktree: Worktree, order: Order, undone: UndoneRun, trees: Mapping[str, str | None]) -> None:
    here, current = refs.branches(worktree), head_of(worktree.repo)[0]
    message = f"Undo the run of {iso(undone.run.at)}: {len(trees)} {'branch' if len(trees) == 1 else 'branches'}\n"
    others: dict[str, tuple[str | None, str]] = {}
    for branch, tree in trees.items():
        if tree is None:
            others[branch] = (None, str(undone.run.moves[branch].before))
        elif branch != current:
            others[branch] = (here[branch], refs.commit(worktree, tree, [here[branch]], message))
    refs.move_together(worktree, others)
    mine = trees.get(current) if current else None
    if mine is not None:
        try:
            done = put(worktree, mine, message=message, reason=REASON)
        except BaseException:
            refs.move_together(worktree, {name: (new, old) for name, (old, new) in others.items()})
            raise
        undone.commits[str(current)] = done.head or ""
    undone.commits |= {branch: new for branch, (_, new) in others.items()}
