"""A job done by rsync: listings of both sides, a decision, two passes, a new memory. Runs on the job's thread.

    list both sides; an emptied or missing side, and too many deletions, halt before anything is touched
    what changed on both sides: compared by content; the loser is kept beside as a copy, the newer one wins
    pass one takes what is new there, pass two sends what is new here; both leave what is newer on the other side
    deletions, each with the last run's listing as evidence, and looked at again just before
    list both sides again; what was replaced or deleted there and is not as it was listed is kept as a copy
    remember what both have in common

A death between any two of these leaves files that the next run finds and a memory that is older than they are, which
proves less and therefore deletes less.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.backends.base import Halt, Item, Level, Order, Report, first_run, summed
from gitsync.backends.rsync import unfinished
from gitsync.backends.rsync.conflicts import find_differing, settle
from gitsync.backends.rsync.deletion import delete, find_interrupted, forget_interrupted
from gitsync.backends.rsync.listing import (
    FORMAT,
    Listing,
    Moved,
    forget_moving,
    is_as_listed,
    is_on_its_way,
    itemized,
    list_here,
    list_there,
    moved_before,
    note_moving,
    remember,
    remembered,
)
from gitsync.backends.rsync.open_conflicts import remember_open, still_open
from gitsync.backends.rsync.overtaken import keeping, look_through
from gitsync.backends.rsync.program import PARTIAL, VANISHED, Rsync
from gitsync.backends.rsync.replaced import keeping_there, settle_replaced
from gitsync.backends.safety import HERE, THERE, emptied, make_here, refuse_nested, too_many
from gitsync.core.pairs import (
    DIRECTORY,
    FILE,
    AgreedPair,
    Decision,
    ListedEntry,
    decide,
    is_alike,
    is_changed,
    is_emptied,
    is_rounded,
    shift_of,
)
from gitsync.errors import GitsyncError, OperationError
from gitsync.model import Problem
from gitsync.text import escape

# How many paths a report names.
NAMED = 20
NAMED_LINES = 5


def run(order: Order) -> Report:
    """Make both sides alike as far as the direction allows; see the module's order of things."""
    items: list[Item] = []
    problem: Problem | None = None
    halt: Halt | None = None
    try:
        halt = _run(Rsync(order), items)
    except GitsyncError as error:
        # Results up to here are reported in any case: a copy that was kept is not found a second time.
        problem = Problem(error.code, error.message, error.hint)
    except OSError as error:
        what = f"{order.job.name}: {error.filename or order.job.path}: {error.strerror or error}"
        problem = Problem("failed", escape(what), "check the path and its permissions")
    conflicts = tuple(dict.fromkeys(item.subject for item in items if item.code == "conflict"))
    return Report.halted(items, halt, conflicts) if halt else Report(tuple(items), problem, conflicts=conflicts)


def _run(rsync: Rsync, items: list[Item]) -> Halt | None:
    """Do it, and tell in `items` what was done; return what only a person gets going again. Raise GitsyncError."""
    order = rsync.order
    if rsync.address.is_local:
        refuse_nested(order, rsync.address.place)
    stored = agreed = remembered(order.state_dir)
    gone = make_here(order, had=len(agreed))
    if gone is not None:
        return gone
    blank = unfinished.forget(rsync)
    agreed = {path: pair for path, pair in agreed.items() if path not in blank}
    # What a run that died had taken away: as far as it is not known from the run before.
    items += look_through(rsync, {path: known.here for path, known in agreed.items()}, is_left=True)
    items += find_interrupted(order)
    order.tell("listing both sides")
    here, there = list_here(rsync), list_there(rsync)
    order.probe("listed", b"")
    if there.is_missing and not agreed and not order.direction.is_sending:
        raise OperationError(
            f"{order.job.name}: there is no directory {order.job.url}", "correct url", code="not-found"
        )
    # What was replaced by a run that ended early is judged by what that run saw: by the memory as it is.
    last, agreed = agreed, agreed | moved_before(order.state_dir, here.entries, there.entries)
    decision = _within(decide(here.entries, there.entries, agreed), order, here, there)
    decision.take = [path for path in decision.take if path in here.entries or not is_on_its_way(path, there, agreed)]
    halt = _brake(order, decision, here, there, agreed)
    if halt is not None:
        return halt
    items += [item for listing, side in ((here, HERE), (there, THERE)) for item in _unread(rsync, listing, side)]
    equal = _settle_shifted(rsync, decision, here, agreed)
    if decision.contested:
        settled = settle(rsync, decision.contested, *_without_shifts(decision.contested, here, there, agreed))
        items += settled.items
        _remember_open(order, agreed, items)
        decision.take += settled.take
        decision.send += settled.send
    if order.direction.is_sending:
        decision.send += sorted(find_differing(rsync, decision.doubtful, rsync.here))
    items += _blocked(decision)
    if not agreed and here.entries and there.entries and (decision.take or decision.send):
        items.append(first_run(order))
    moved, after_here, after_there = Moved(), here, there
    if decision.changes_something or there.replaced:
        moved, after_here, after_there = _carry_out(rsync, decision, here, there, items)
    if order.direction.is_sending:
        items += settle_replaced(rsync, there.entries, after_there, last)
    _remember_open(order, agreed, items)
    if after_here.is_complete and after_there.is_complete:
        items += still_open(order.state_dir, items, after_here.entries, after_there.entries)
        equal |= _find_rounded(rsync, moved, after_here, after_there)
        before, after = (here.entries, there.entries), (after_here.entries, after_there.entries)
        remember(order.state_dir, before, after, agreed, moved, equal, stored)
        forget_moving(order.state_dir)
    forget_interrupted(order)
    return None


def _remember_open(order: Order, agreed: dict[str, AgreedPair], items: list[Item]) -> None:
    """Keep the conflicts listed until their user is done with them.

    Without a record of an earlier run nothing says that both sides were changed, only that they differ: this run
    reports it, once.
    """
    if agreed:
        remember_open(order.state_dir, items)


def _carry_out(
    rsync: Rsync, decision: Decision, here: Listing, there: Listing, items: list[Item]
) -> tuple[Moved, Listing, Listing]:
    """Copy and delete what was decided; return what was moved, and both sides as they are then."""
    order = rsync.order
    note_moving(order.state_dir, decision.take, decision.send, here.entries, there.entries)
    moved = _transfer(rsync, decision, here, there, items)
    for target, arrived in ((rsync.here, moved.here), (rsync.there, moved.there)):
        if arrived:
            unfinished.sync(target)
    items += look_through(rsync, here.entries)
    order.probe("transferred", b"")
    items += delete(rsync, decision, here.entries)
    after = list_here(rsync), list_there(rsync)
    order.probe("listed again", b"")
    return moved, *after


def _unread(rsync: Rsync, listing: Listing, side: str) -> list[Item]:
    """Say which directories cannot be read: what is in them is not synced, and nothing is deleted in the meantime."""
    root = f"{rsync.order.job.path}/" if side is HERE else f"{rsync.address.path}/"
    return [
        Item(
            path.removeprefix(root),
            "unreadable",
            f"{escape(path.removeprefix(root))} cannot be read {side}: {escape(why)}; nothing in it is synced, and "
            "nothing is deleted anywhere",
            f"check its permissions {side}",
            Level.ATTENTION,
        )
        for path, why in listing.unread
    ]


def _settle_shifted(rsync: Rsync, decision: Decision, here: Listing, agreed: dict[str, AgreedPair]) -> set[str]:
    """Have transferred what has changed, of what may only have a time that is an hour off; return the rest."""
    differing = find_differing(rsync, decision.shifted, rsync.here)
    for path in sorted(differing):
        is_mine = is_changed(here.entries[path], agreed[path].here)
        if is_mine and rsync.order.direction.is_sending:
            decision.send.append(path)
        elif not is_mine and rsync.order.direction.is_receiving:
            decision.take.append(path)
    return set(decision.shifted) - differing


def _find_rounded(rsync: Rsync, moved: Moved, here: Listing, there: Listing) -> set[str]:
    """Return what was transferred to a file system with coarse times, and has the same contents there."""
    near = [
        path
        for path in sorted(moved.here.keys() | moved.there.keys())
        if path in here.entries and path in there.entries and is_rounded(here.entries[path], there.entries[path])
    ]
    return set(near) - find_differing(rsync, near, rsync.here)


def _without_shifts(
    paths: list[str], here: Listing, there: Listing, agreed: dict[str, AgreedPair]
) -> tuple[dict[str, ListedEntry], dict[str, ListedEntry]]:
    """Return the entries of `paths` with the times that they would have without a change of summer time."""
    mine, theirs = ({path: listing.entries[path] for path in paths} for listing in (here, there))
    for path in paths:
        if path in agreed:
            for entries, known in ((mine, agreed[path].here), (theirs, agreed[path].there)):
                entry = entries[path]
                entries[path] = entry._replace(modified=entry.modified - shift_of(entry, known))
    return mine, theirs


def _within(decision: Decision, order: Order, here: Listing, there: Listing) -> Decision:
    """Return what of a decision the direction allows, and what the listings prove."""
    direction = order.direction
    if not direction.is_receiving:
        # Files that were deleted there are sent again: this side is the one that counts.
        decision.send = sorted({*decision.send, *decision.drop_here})
        decision.take, decision.drop_here = [], []
    if not direction.is_sending:
        decision.take = sorted({*decision.take, *decision.drop_there})
        decision.send, decision.drop_there = [], []
    if not (here.is_complete and there.is_complete):
        decision.drop_here, decision.drop_there = [], []
    return decision


def _brake(
    order: Order, decision: Decision, here: Listing, there: Listing, agreed: dict[str, AgreedPair]
) -> Halt | None:
    """Return what only a person gets going: a side without files, then more deletions than the job may do."""
    sides = (
        (HERE, decision.drop_here, here.entries, there, order.job.url, THERE),
        (THERE, decision.drop_there, there.entries, here, str(order.job.path), HERE),
    )
    for side, paths, entries, other, place, other_side in sides:
        if is_emptied(other.entries, agreed) and (paths or (other is there and there.is_missing)):
            halt = emptied(order, f"{place} is {'gone' if other.is_missing else 'empty'}", other_side, len(agreed))
        else:
            files = [path for path in paths if entries[path].kind != DIRECTORY]
            if len(files) <= order.job.max_deletes:
                continue
            halt = too_many(order, files, len(files), side)
        if not order.accepts(halt):
            return halt
    return None


def _blocked(decision: Decision) -> list[Item]:
    tops = [path for path in decision.blocked if not any(path.startswith(f"{other}/") for other in decision.blocked)]
    return [
        Item(
            path,
            "conflict",
            f"{escape(path)} is a file on one side and a directory on the other; both were left alone",
            "rename one of them",
            Level.ATTENTION,
        )
        for path in tops
    ]


def _transfer(rsync: Rsync, decision: Decision, here: Listing, there: Listing, items: list[Item]) -> Moved:
    """Copy the files decided on, add the reports for the user to `items`, and return the transferred paths."""
    moved = Moved()
    passes = (
        (decision.take, rsync.there, rsync.here, there, here, "taken", "taken from the server"),
        (decision.send, rsync.here, rsync.there, here, there, "sent", "sent to the server"),
    )
    for paths, source, target, new, old, code, verb in passes:
        if not paths:
            continue
        rsync.order.tell(f"{len(paths)} {'path' if len(paths) == 1 else 'paths'} to be {verb}")
        # One that was put back to an older version is older than what it replaces: --update would pass it over. One of
        # the same size and second would be passed over anyhow, and by all other machines: it gets the server's time.
        older = [path for path in paths if _is_older(new.entries.get(path), old.entries.get(path))]
        twins = [path for path in paths if _is_twin(new.entries.get(path), old.entries.get(path))]
        # A file that was not on both sides replaces nothing: what came there since is for the next run to decide.
        fresh = [path for path in paths if path not in new.entries or path not in old.entries]
        newer = [path for path in paths if path not in {*older, *twins, *fresh}]
        if target == rsync.here:
            older = [path for path in older if _is_here_as_listed(rsync.order.job.path, path, old.entries[path])]
            twins = [path for path in twins if _is_here_as_listed(rsync.order.job.path, path, old.entries[path])]
        items.append(summed(code, verb, paths))
        own_time = ("--no-times",) if target == rsync.there else ()
        ways = (
            (fresh, ("--ignore-existing",)),
            (newer, ("--update",)),
            (older, ()),
            (twins, ("--ignore-times", *own_time)),
        )
        for group, more in ways:
            if group:
                arrived = moved.here if target == rsync.here else moved.there
                rsync.order.probe("before a copy", b"")
                items += _copy(rsync, group, source, target, more, arrived)
                rsync.order.probe("copied", b"")
        if any(option in ("--checksum", "-c") for option in rsync.order.job.options):
            items += _verify(rsync, paths, source, target)
    return moved


def _copy(
    rsync: Rsync, paths: list[str], source: str, target: str, more: tuple[str, ...], arrived: dict[str, ListedEntry]
) -> list[Item]:
    more = (*more, *(keeping(rsync) if target == rsync.here else keeping_there(rsync)))
    with unfinished.place(rsync, target) as aside:
        arguments = (*rsync.copying, FORMAT, *more, *aside, source, target)
        done = rsync.run(*arguments, paths=paths, also_ok=(PARTIAL, VANISHED))
    arrived.update(itemized(done.stdout))
    if done.returncode == VANISHED:
        return [Item("", "vanished", "files went away while they were copied", level=Level.WAITING)]
    return [_partial(done.errors)] if done.returncode == PARTIAL else []


def _is_older(new: ListedEntry | None, old: ListedEntry | None) -> bool:
    return new is not None and old is not None and new.modified < old.modified


def _is_twin(new: ListedEntry | None, old: ListedEntry | None) -> bool:
    return new is not None and old is not None and new.kind == FILE and is_alike(new, old)


def _is_here_as_listed(root: Path, path: str, listed: ListedEntry) -> bool:
    try:
        facts = os.lstat(root / path)
    except OSError:
        return False
    return is_as_listed(facts, listed)


def _verify(rsync: Rsync, paths: list[str], source: str, target: str) -> list[Item]:
    """Compare what arrived with what was sent, by content."""
    arguments = ("--dry-run", "--checksum", "--dirs", "--links", "--out-format=%n")
    done = rsync.run(*arguments, source, target, paths=paths, also_ok=(PARTIAL, VANISHED))
    wrong = [line for line in os.fsdecode(done.stdout).splitlines() if line and not line.endswith("/")]
    if not wrong:
        return []
    names = ", ".join(escape(path) for path in wrong[:NAMED])
    return [Item("", "differs", f"not alike after the copy, by checksum: {names}", level=Level.WAITING)]


def _partial(errors: str) -> Item:
    said = [line for line in errors.splitlines() if line.strip() and not line.startswith("rsync error")]
    more = f" (and {len(said) - NAMED_LINES} more)" if len(said) > NAMED_LINES else ""
    what = "; ".join(map(escape, said[:NAMED_LINES])) + more if said else "some files could not be copied"
    return Item("", "partial", what, "check the permissions of that file on both sides", Level.ATTENTION)
