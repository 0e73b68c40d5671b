"""Compares two directory trees with their last common state: what to copy, what to delete, what conflicts.

Pure; any thread. A deletion needs evidence: only a path that both sides had at the end of the last run, and that has
not changed since on the side that still has it, may be deleted there. Without evidence, a missing file is one that the
other side created.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

FILE, DIRECTORY, LINK = "f", "d", "l"
# By how much a change of summer time moves a time, and the steps of the coarsest times in use (seconds).
HOUR_S, COARSE_S = 3600, 2


class ListedEntry(NamedTuple):
    """A path in a listing; `modified` is in whole seconds since the epoch, `exact` in the side's full precision.

    `exact` distinguishes two versions of one side: nanoseconds where known, else the seconds again. `target` is that of
    a link.
    """

    kind: str
    size: int
    modified: int
    exact: int
    target: str = ""


class AgreedPair(NamedTuple):
    """What both sides had at a path at the end of the last run."""

    here: ListedEntry
    there: ListedEntry


@dataclass(slots=True)
class Decision:
    """The work of a run; paths are sorted.

    `take` is copied here, `send` is copied there, `drop_here` and `drop_there` are deleted, `contested` changed on both
    sides, `blocked` are a file on one side and a directory on the other, with everything below. `doubtful` was saved
    here since the last run, with the same size and second as the other side's: its content decides whether it is sent.
    `shifted` have the size that they had on one side, and a time that is an hour off: their content decides.
    """

    take: list[str] = field(default_factory=list)
    send: list[str] = field(default_factory=list)
    drop_here: list[str] = field(default_factory=list)
    drop_there: list[str] = field(default_factory=list)
    contested: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    shifted: list[str] = field(default_factory=list)

    @property
    def changes_something(self) -> bool:
        """Whether anything is to be copied or deleted."""
        return bool(self.take or self.send or self.drop_here or self.drop_there)


def is_alike(here: ListedEntry, there: ListedEntry) -> bool:
    """Whether two sides' entries are equal as far as listings show; the time of a directory is ignored."""
    if here.kind != there.kind:
        return False
    if here.kind == DIRECTORY:
        return True
    if here.kind == LINK:
        return here.target == there.target
    return (here.size, here.modified) == (there.size, there.modified)


def is_changed(now: ListedEntry, then: ListedEntry) -> bool:
    """Whether one side's entry differs from the last run's."""
    if now.kind != then.kind:
        return True
    if now.kind == DIRECTORY:
        return False
    return now.target != then.target if now.kind == LINK else (now.size, now.exact) != (then.size, then.exact)


def shift_of(now: ListedEntry, then: ListedEntry) -> int:
    """Return by how many seconds a time is off that a change of summer time moved; 0 for any other difference.

    Some file systems (FAT) keep local times, in steps of two seconds.
    """
    difference = now.modified - then.modified
    is_moved = now.kind == then.kind == FILE and now.size == then.size and abs(abs(difference) - HOUR_S) <= COARSE_S
    return difference if is_moved else 0


def is_rounded(here: ListedEntry, there: ListedEntry) -> bool:
    """Whether two files may be the same but for a time that one side stores in coarse steps; the contents tell."""
    is_near = 0 < abs(here.modified - there.modified) <= COARSE_S
    return here.kind == there.kind == FILE and here.size == there.size and is_near


def is_half_way(now: ListedEntry, moved: ListedEntry, before: ListedEntry, after: ListedEntry) -> bool:
    """Whether `now` is what arrived of a file that changed at its source, from `before` to `after`, while it was read.

    It has the time that it was given on its way, `moved`, and a size between the two.
    """
    sizes = sorted((before.size, after.size))
    is_same_kind = now.kind == moved.kind == before.kind == after.kind == FILE
    return is_same_kind and before != after and now.modified == moved.modified and sizes[0] <= now.size <= sizes[1]


def decide(
    here: Mapping[str, ListedEntry], there: Mapping[str, ListedEntry], agreed: Mapping[str, AgreedPair]
) -> Decision:
    """Return what makes both sides equal without losing either side's changes."""
    decision = Decision()
    for path in sorted(here.keys() | there.keys()):
        if decision.blocked and _is_below(path, decision.blocked):
            decision.blocked.append(path)
            continue
        mine, theirs, known = here.get(path), there.get(path), agreed.get(path)
        if known is not None and (mine, theirs) == known and known.here.kind == known.there.kind:
            continue  # nothing has changed, as in most cases
        if mine is not None and theirs is not None:
            _both(path, mine, theirs, known, decision)
        elif mine is not None:
            is_gone = known is not None and not is_changed(mine, known.here)
            (decision.drop_here if is_gone else decision.send).append(path)
        elif theirs is not None:
            is_gone = known is not None and not is_changed(theirs, known.there)
            (decision.drop_there if is_gone else decision.take).append(path)
    _keep_parents(decision.drop_here, decision.send)
    _keep_parents(decision.drop_there, decision.take)
    return decision


def _both(path: str, mine: ListedEntry, theirs: ListedEntry, known: AgreedPair | None, decision: Decision) -> None:
    has_mine_changed = known is None or is_changed(mine, known.here)
    has_theirs_changed = known is None or is_changed(theirs, known.there)
    if is_alike(mine, theirs):
        if known is not None and has_mine_changed and mine.kind == FILE:
            (decision.contested if has_theirs_changed else decision.doubtful).append(path)
    elif DIRECTORY in (mine.kind, theirs.kind):
        decision.blocked.append(path)
    elif known is not None and _may_be_moved(mine, theirs, known, has_mine_changed, has_theirs_changed):
        decision.shifted.append(path)
    elif has_mine_changed and has_theirs_changed:
        decision.contested.append(path)
    elif has_mine_changed:
        decision.send.append(path)
    elif has_theirs_changed:
        decision.take.append(path)
    # Neither changed, but they were not equal at the last run either: one side cannot store it, so leave it.


def _may_be_moved(
    mine: ListedEntry, theirs: ListedEntry, known: AgreedPair, has_mine_changed: bool, has_theirs_changed: bool
) -> bool:
    """Whether only the time of the one side that changed is another, and an hour off."""
    if has_mine_changed == has_theirs_changed:
        return False
    return bool(shift_of(mine, known.here) if has_mine_changed else shift_of(theirs, known.there))


def _is_below(path: str, directories: list[str]) -> bool:
    # In sorted order, a path below a directory need not follow it directly ("a", "a-b", "a/c").
    return any(path.startswith(directory + "/") for directory in directories)


def _keep_parents(dropped: list[str], kept: list[str]) -> None:
    """Keep a directory that was to be deleted but contains something new."""
    alive = {path[:at] for path in kept for at in range(len(path)) if path[at] == "/"}
    dropped[:] = [path for path in dropped if path not in alive]


def is_emptied(now: Mapping[str, ListedEntry], agreed: Mapping[str, AgreedPair]) -> bool:
    """Whether a side that had files has none now, as when a disk is not mounted."""
    return not any(entry.kind != DIRECTORY for entry in now.values()) and any(
        pair.here.kind != DIRECTORY for pair in agreed.values()
    )
