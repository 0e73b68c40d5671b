"""A job done by unison: a pass that only looks, a decision, a pass that works. Runs on the thread of the job.

    look: unison with both sides fixed prints its plan; an emptied side, and too many deletions, halt here
    work: the side that the direction protects is fixed; without a deletion in the plan none is allowed at all
    permissions and times alone in conflict are resolved, the newer ones win; contents never
    remember which files there are, so that a directory's deletion can be counted next time

unison itself replaces only what is as it was when it looked, by a rename; a death leaves its temporary files, which it
finds again, and archives that are older than the trees, with which it takes fewer things for deleted.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.backends import state_file
from gitsync.backends.base import Halt, Item, Level, Order, Report, first_run, memory_lost, summed
from gitsync.backends.safety import HERE, THERE, emptied, make_here, refuse_nested, too_many
from gitsync.backends.unison.output import DELETED, PROPS, Said, UnisonChange
from gitsync.backends.unison.program import Unison
from gitsync.errors import GitsyncError, OperationError
from gitsync.git.remote.errors import classify
from gitsync.model import Problem
from gitsync.text import escape

MISSED = "fast update detection"
FILES_FILE = "files.json"
# How many conflicts of permissions alone are resolved in one run; the rest follow.
PROPS_MAX = 500
_WORDS = {"": "unchanged", "props": "other permissions or time", "chgd lnk": "a changed link", "chgd dir": "changed"}


def run(order: Order) -> Report:
    """Make both sides alike as far as the direction and unison allow; see the module's order of things."""
    try:
        return _run(Unison(order))
    except FileNotFoundError as error:
        if error.errno is not None:
            raise  # a file that is gone, not a program: the job reports it
        problem = Problem("not-found", f"{order.job.name}: unison is not installed", "install unison")
        return Report(problem=problem)
    except GitsyncError as error:
        return Report(problem=Problem(error.code, error.message, error.hint))


def _run(unison: Unison) -> Report:
    order = unison.order
    if unison.there.startswith("/"):
        refuse_nested(order, unison.there)
    known = _remembered(order)
    gone = make_here(order, had=len(known or ()))
    if gone is not None:
        return Report.halted((), gone)
    unison.check_memory(has_run=known is not None)
    order.tell("looking for changes on both sides")
    plan, is_emptied = unison.plan()
    if is_emptied:
        emptiness = _emptied(order, known or set())
        if not order.accepts(emptiness):
            return Report.halted((), emptiness)
        if _is_one_way(order):
            unison.forget()  # what is meant is to have it all again, not to lose it on the other side too
        plan, _ = unison.plan(may_empty=True)
    _check_server(order, plan)
    deletions = _deletions(order, plan, known or set())
    braked = None if is_emptied else _brake(order, plan, deletions)
    if braked is not None:
        return Report.halted((), braked)
    remarks = _memory(unison, plan, known)
    done = Said((), {}, {})
    if any(not change.is_conflict for change in plan.changes):
        count = len(plan.changes)
        order.tell(f"bringing {count} {'change' if count == 1 else 'changes'} over")
        may_delete = any(deletions) or any(DELETED in (change.here, change.there) for change in plan.changes)
        done, is_emptied = unison.work(may_delete=may_delete)
        if is_emptied:
            return Report.halted((), _emptied(order, known or set()))
    items = [*remarks, *_done(done), *_settle_props(unison, plan)]
    missed = [path for path, why in done.failed.items() if MISSED in why]
    if missed:
        # unison looks at whole seconds: another version of the same size in the same second has to be read.
        again, _ = unison.work(may_delete=False, more=("-fastcheck", "false", *_named(missed)))
        items += _done(again)
        done.failed.update(again.failed)
        for path in set(missed) - set(again.failed):
            del done.failed[path]
    conflicts = [change for change in plan.changes if change.is_conflict and not _is_about_props(change)]
    items += [_conflict(order, change) for change in conflicts]
    items += [_failed(path, why) for path, why in done.failed.items()]
    if plan.changes or known is None:
        _remember(order, known)
    full = next((why for why in done.failed.values() if classify(why) == "disk-full"), "")
    problem = None
    if full:
        message = f"{order.job.name}: a disk is full, here or on the server; nothing was overwritten"
        problem = Problem("disk-full", message, "make room on the side that is full; the next run goes on")
    return Report(tuple(items), problem, conflicts=tuple(change.path for change in conflicts))


# -- brakes -----------------------------------------------------------------------------------------------------------


def _is_one_way(order: Order) -> bool:
    return not (order.direction.is_receiving and order.direction.is_sending)


def _emptied(order: Order, known: set[str]) -> Halt:
    is_here = not any(order.job.path.iterdir())
    what = f"{order.job.path if is_here else order.job.url} is empty or gone"
    return emptied(order, what, HERE if is_here else THERE, len(known))


def _check_server(order: Order, plan: Said) -> None:
    root = next((change for change in plan.changes if not change.path), None)
    if root is not None and not root.there and root.here in ("dir", "new dir") and not order.direction.is_sending:
        raise OperationError(
            f"{order.job.name}: there is no directory {order.job.url}", "correct url", code="not-found"
        )


def _brake(order: Order, plan: Said, deletions: tuple[int, int]) -> Halt | None:
    gone_there = [change.path for change in plan.changes if change.goes_here]
    gone_here = [change.path for change in plan.changes if change.goes_there]
    for count, paths, side in zip(deletions, (gone_there, gone_here), (HERE, THERE), strict=True):
        if count > order.job.max_deletes:
            halt = too_many(order, paths, count, side)
            if not order.accepts(halt):
                return halt
    return None


def _deletions(order: Order, plan: Said, known: set[str]) -> tuple[int, int]:
    """Return how many files the direction lets a plan delete, here and there."""
    here = there = 0
    for change in plan.changes:
        if order.direction.is_receiving and change.goes_here:
            path = order.job.path / change.path
            is_directory = path.is_dir() and not path.is_symlink()
            here += len(_files_of(path)) if is_directory else change.there == DELETED
        if order.direction.is_sending and change.goes_there:
            below = sum(path.startswith(f"{change.path}/") for path in known) if change.path else len(known)
            there += below or change.here == DELETED
    return here, there


def _files_of(root: Path) -> set[str]:
    found: set[str] = set()
    for place, directories, names in os.walk(root):
        inside = os.path.relpath(place, root)
        prefix = "" if inside == "." else f"{inside}/"
        links = [name for name in directories if Path(place, name).is_symlink()]
        found |= {prefix + name for name in (*names, *links)}
    return found


def _remembered(order: Order) -> set[str] | None:
    found = state_file.read(order.state_dir / FILES_FILE).get("files")
    return set(map(str, found)) if isinstance(found, list) else None


def _remember(order: Order, known: set[str] | None) -> None:
    files = _files_of(order.job.path)
    if files != known:
        state_file.write(order.state_dir / FILES_FILE, {"files": sorted(files)})


# -- reporting ---------------------------------------------------------------------------------------------------------


def _memory(unison: Unison, plan: Said, known: set[str] | None) -> list[Item]:
    """Say that nothing is known of earlier runs, where both sides have files: what was deleted on one comes back."""
    if unison.lost:
        return [memory_lost(unison.order, unison.lost)]
    copied = {change.path for change in plan.changes if change.is_sent or change.is_taken}
    here = {path.name for path in unison.order.job.path.iterdir()}
    has_there = "" not in copied and (here - copied or any(change.there for change in plan.changes))
    return [first_run(unison.order)] if known is None and copied and here and has_there else []


def _done(said: Said) -> list[Item]:
    well = [change for change in said.changes if change.path not in {*said.failed, *said.skipped}]
    kinds = (
        ("taken", "taken from the server", [c.path for c in well if c.is_taken and c.there != DELETED]),
        ("sent", "sent to the server", [c.path for c in well if c.is_sent and c.here != DELETED]),
        ("deleted", "deleted here, as on the server", [c.path for c in well if c.is_taken and c.there == DELETED]),
        (
            "deleted-there",
            "deleted on the server, as here",
            [c.path for c in well if c.is_sent and c.here == DELETED],
        ),
    )
    return [
        summed(code, verb, [path or "the whole directory" for path in paths]) for code, verb, paths in kinds if paths
    ]


def _failed(path: str, why: str) -> Item:
    said = f": {escape(why)}" if why else ""
    message = f"{escape(path)} could not be brought over{said}"
    return Item(path, classify(why) if classify(why) != "unknown" else "failed", message, level=Level.WAITING)


def _conflict(order: Order, change: UnisonChange) -> Item:
    here, there = _side(change.here, change.facts_here), _side(change.there, change.facts_there)
    return Item(
        change.path,
        "conflict",
        f"{escape(change.path)} was changed on both sides; both were left alone. Here: {here}. There: {there}",
        "copy one over the other; or, for the newer one to stay and the other to be kept beside it, in options or in a "
        'template: "prefer = newer", "copyonconflict = true"',
        Level.ATTENTION,
    )


def _side(status: str, facts: str) -> str:
    return escape(facts or _WORDS.get(status, status))


def _named(paths: list[str]) -> list[str]:
    return [word for path in paths for word in ("-path", path)]


# -- permissions and times --------------------------------------------------------------------------------------------


def _is_about_props(change: UnisonChange) -> bool:
    return change.here == PROPS and change.there == PROPS


def _settle_props(unison: Unison, plan: Said) -> list[Item]:
    """Give both sides the newer time and its permissions where only these differ; directories keep their own.

    Two copies that were made before they met have the same content and different times: nothing to ask anybody about.
    """
    order = unison.order
    root = order.job.path
    paths = [
        change.path
        for change in plan.changes
        if change.is_conflict and _is_about_props(change) and (root / change.path).is_file()
    ][:PROPS_MAX]
    if not paths:
        return []
    direction = order.direction
    better = "newer" if not _is_one_way(order) else unison.here if direction.is_sending else unison.there
    # Should a content change at this moment, unison keeps the other version next to it.
    unison.work(may_delete=False, more=(*_named(paths), "-prefer", better, "-copyonconflict"))
    return [summed("aligned", "times and permissions made alike", paths)]
