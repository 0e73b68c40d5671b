"""A history as a person walks through it: the changes around a moment, the files of that moment, a file's versions.

The page asks this module, on its worker threads; nothing here changes anything. Facts about the whole history come
from an `Outline`, so that the cost of an answer is that of what it shows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import merge as merged
from itertools import islice

from gitsync.clock import iso
from gitsync.daemon.handlers.context import Json
from gitsync.daemon.handlers.files import commit_document
from gitsync.daemon.handlers.resolve_path import ResolvedPath
from gitsync.errors import OperationError
from gitsync.git.history.log import History, Listed
from gitsync.git.history.outline import Outline
from gitsync.git.history.versions import Record, Touched, records, records_of
from gitsync.git.objects.modes import MODE_GITLINK, MODE_LINK, MODE_TREE
from gitsync.git.objects.refs import OUTCOMES
from gitsync.mirror.metadata import is_mirror_metadata
from gitsync.text import clean

# Commits of one second stay together on a page, up to so many.
TOGETHER = 500
# How a change of gitsync's own is called, by the reason in its backup ref.
_ACTS = {"restore": "restore", "undo": "undo", "redo": "redo", "resolve": "resolve", "forget": "forget"}


@dataclass(frozen=True, slots=True)
class View:
    """A place and what is known of its history; `outline` is None while that is still being read."""

    place: ResolvedPath
    history: History
    outline: Outline | None


# -- what happened ------------------------------------------------------------------------------------------------


def timeline(views: list[View], before: float | None, count: int) -> Json:
    """Return about `count` commits that changed these places, the newest first, before an instant.

    `next` is the instant for the following page, None at the end; `is_partial` says that a history is still being
    read, and only its newest commits are here.
    """
    known = [view for view in views if view.outline is not None]
    chosen, following = _page(known, before, count)
    commits: list[tuple[float, Json]] = []
    for view, numbers in chosen:
        assert view.outline is not None
        found = records_of(view.history, [view.outline.id(number) for number in numbers])
        at = [float(view.outline.latest(number)) for number in numbers]
        commits += zip(at, _commits(view, found), strict=True)
    unread = [view for view in views if view.outline is None]
    if before is None:
        for view in unread:
            found = records(view.history, view.place.path, limit=count)
            commits += zip([record.at for record in found], _commits(view, found), strict=True)
    commits.sort(key=lambda item: item[0], reverse=True)
    return {"commits": [commit for _, commit in commits], "next": following, "is_partial": bool(unread)}


def _page(views: list[View], before: float | None, count: int) -> tuple[list[tuple[View, list[int]]], float | None]:
    each = [_positions(place, view, before) for place, view in enumerate(views)]
    walk = merged(*each, key=lambda item: -item[0])
    chosen: dict[int, list[int]] = {}
    last = None
    for taken, (at, place, number) in enumerate(walk):
        if taken >= count and (at != last or taken >= count + TOGETHER):
            return [(views[place], numbers) for place, numbers in chosen.items()], last
        chosen.setdefault(place, []).append(number)
        last = at
    return [(views[place], numbers) for place, numbers in chosen.items()], None


def _positions(place: int, view: View, before: float | None) -> Iterator[tuple[float, int, int]]:
    outline = view.outline
    assert outline is not None
    end = None if before is None else outline.until(before - 1)
    for number in outline.history(view.place.path, end):
        yield float(outline.latest(number)), place, number


def _commits(view: View, found: list[Record]) -> list[Json]:
    reasons = _reasons(view.history) if found else {}
    return [
        commit_document(view.place, replace(each, touched=_shown(view, each)))
        | {"act": _act(view.place, each, reasons), "is_undoable": each.commit in reasons}
        for each in found
    ]


def _shown(view: View, record: Record) -> tuple[Touched, ...]:
    return tuple(each for each in record.touched if not _is_hidden(view, each.path))


def _reasons(history: History) -> dict[str, str]:
    """Return why gitsync made the commits that its refs still name."""
    listed = history.ask("for-each-ref", "--format=%(objectname) %(refname)", OUTCOMES)
    lines = [line.split(" ", 1) for line in listed.decode("ascii", "replace").splitlines()]
    return {commit: name.removeprefix(OUTCOMES).partition("-")[2].partition(".")[0] for commit, name in lines}


def _act(place: ResolvedPath, record: Record, reasons: dict[str, str]) -> str:
    reason = reasons.get(record.commit, "")
    if reason in _ACTS:
        return _ACTS[reason]
    if len(record.parents) > 1:
        return "merge"
    return "pull" if record.machine and record.machine != place.machine else "edit"


def one(view: View, commit: str) -> Json:
    """Return a commit with every file that it changed."""
    return _commits(view, records_of(view.history, [commit]))[0]


def density(views: list[View], first: float, last: float, count: int) -> list[int]:
    """Return how many commits changed these places, in `count` equal parts of the time between two instants."""
    edges = [first + (last - first) * place / count for place in range(count)] + [last + 1]
    each = [view.outline.density(view.place.path, edges) for view in views if view.outline is not None]
    return [sum(counts) for counts in zip(*each, strict=True)] if each else [0] * count


def beginning(views: list[View]) -> float | None:
    """Return the time of the oldest commit of these places, None where it is not known."""
    return min(
        (float(view.outline.at(0)) for view in views if view.outline is not None and len(view.outline)), default=None
    )


# -- what was where -----------------------------------------------------------------------------------------------


def tree(view: View, commit: str | None) -> Json:
    """Return what a directory has, or had in `commit`, and what it had before; raise OperationError "no-version"."""
    history, path = view.history, view.place.path
    commit = commit or _head(view)
    until = _until(view, commit)
    name = view.outline.name_at(path, until - 1) if view.outline is not None and until is not None else path
    entry = history.entry(commit, name)
    if entry is None and not (view.outline is not None and view.outline.knows(name)):
        raise OperationError(f"{clean(view.place.name)} was not there then", code="no-version")
    if entry is not None and entry.mode != MODE_TREE:
        raise OperationError(f"{clean(view.place.name)} is a file there", code="is-file")
    there = history.children(entry.id) if entry is not None else {}
    above = name + b"/" if name else b""
    shown = {child: item for child, item in there.items() if not _is_hidden(view, above + child)}
    rows = [_row(view, above + child, item, until) for child, item in shown.items()]
    if view.outline is not None and until is not None:
        for missing in view.outline.missing(name, shown, until):
            if not _is_hidden(view, above + missing.name):
                row = _named(above + missing.name, "directory" if missing.is_directory else "file")
                now = None if missing.now is None else os.fsdecode(missing.now)
                rows.append(row | {"deleted": True, "now": now} | _instant(view, missing.last))
    rows.sort(key=lambda row: (row["kind"] != "directory", row["name"].casefold(), row["name"]))
    return {"commit": commit, "time": _time(view, commit), "path": os.fsdecode(name), "rows": rows}


def commit_at(view: View, instant: float) -> str | None:
    """Return the commit that was checked out here at an instant, None before the first one."""
    if view.outline is None:
        return view.history.commit_at(instant)
    return view.history.checked_out_at(instant) or view.outline.commit_at(instant)


def is_directory(view: View, commit: str | None) -> bool:
    """Return whether a place is a directory in a commit, by default in HEAD."""
    if view.outline is not None and view.outline.is_file(view.place.path):
        return False
    entry = view.history.entry(commit or view.history.head() or "HEAD", view.place.path)
    return entry is not None and entry.mode == MODE_TREE


def _row(view: View, path: bytes, item: Listed, until: int | None) -> Json:
    last = view.outline.last(path, until) if view.outline is not None and until is not None else None
    changed = _instant(view, last) if last is not None else {}
    kinds = {MODE_TREE: "directory", MODE_LINK: "link", MODE_GITLINK: "repository"}
    row = _named(path, kinds.get(item.entry.mode, "file"))
    return row | {"size": item.size, "deleted": False} | changed


def _named(path: bytes, kind: str) -> Json:
    name = os.fsdecode(path)
    return {"path": name, "name": name.rpartition("/")[2], "kind": kind, "size": None, "time": None, "commit": None}


def _instant(view: View, number: int) -> Json:
    assert view.outline is not None
    return {"time": iso(view.outline.at(number)), "commit": view.outline.id(number)}


def _is_hidden(view: View, path: bytes) -> bool:
    return view.place.is_at_home and is_mirror_metadata(path)


def _head(view: View) -> str:
    head = view.history.head()
    if head is None:
        raise OperationError(f"{clean(view.place.repo)} has no commit yet", code="no-version")
    return head


def _until(view: View, commit: str) -> int | None:
    number = view.outline.number(commit) if view.outline is not None else None
    return None if number is None else number + 1


def _time(view: View, commit: str) -> str:
    number = view.outline.number(commit) if view.outline is not None else None
    if number is not None and view.outline is not None:
        return iso(view.outline.at(number))
    return iso(records(view.history, b"", start=commit, limit=1)[0].at)


def deleted(view: View, since: float, until: float) -> list[Json]:
    """Return the files below a place that were deleted between two instants, and were not there at the second one."""
    if view.outline is None:
        return []
    first, end = view.outline.until(since), view.outline.until(until)
    gone = view.outline.deleted(view.place.path, first, end)
    return [
        _named(path, "file") | _instant(view, number)
        for path, number in sorted(gone, key=lambda item: (-item[1], item[0]))
        if not _is_hidden(view, path)
    ]


# -- a file's versions --------------------------------------------------------------------------------------------


def versions(view: View, before: str | None, count: int) -> Json:
    """Return about `count` versions of a file that differ from the one before, the newest first, from a commit on.

    A version without `blob` is a removal. `next` is the commit from which the following ones are.
    """
    found: list[Json] = []
    walk = _version_commits(view, before)
    following = None
    while batch := list(islice(walk, count + 1)):
        for record in records_of(view.history, batch):
            found += _versions_in(view, record)
        found = [each for at, each in enumerate(found) if at + 1 == len(found) or not _is_same(each, found[at + 1])]
        if len(found) > count:
            following = found[count]["commit"]
            break
    return {"versions": found[:count], "next": following}


def newer(view: View, commit: str) -> str | None:
    """Return the commit of the version after that of `commit`, None for the newest."""
    number = view.outline.number(commit) if view.outline is not None else None
    if view.outline is None or number is None:
        return None
    after = None
    for each in view.outline.history(view.place.path):
        if each <= number:
            break
        after = each
    return None if after is None else view.outline.id(after)


def _version_commits(view: View, before: str | None) -> Iterator[str]:
    if view.outline is None:
        follow = records(view.history, view.place.path, start=before or "HEAD", follow=True)
        yield from (record.commit for record in follow)
        return
    number = view.outline.number(before) if before else None
    for each in view.outline.history(view.place.path, None if number is None else number + 1):
        yield view.outline.id(each)


def _versions_in(view: View, record: Record) -> Iterator[Json]:
    number = view.outline.number(record.commit) if view.outline is not None else None
    path = view.place.path if number is None or view.outline is None else view.outline.name_at(view.place.path, number)
    reasons: dict[str, str] = {}
    for touched in record.touched:
        if touched.path != path:
            continue
        entry = touched.entry
        yield {
            "commit": record.commit,
            "time": iso(record.at),
            "machine": clean(record.machine),
            "this": record.machine == view.place.machine,
            "act": _act(view.place, record, reasons),
            "message": clean(record.subject),
            "what": touched.what,
            "path": os.fsdecode(path),
            "blob": None if entry is None else entry.id,
            "mode": None if entry is None else entry.mode,
        }


def _is_same(newer: Json, older: Json) -> bool:
    return bool(newer["blob"] == older["blob"] and newer["mode"] == older["mode"] and newer["path"] == older["path"])
