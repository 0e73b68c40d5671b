"""Lists the versions of a path, and commits with their changes, from `git log`. Read-only.

Runs on the calling thread; owns nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gitsync.core.message import MACHINE_TRAILER
from gitsync.errors import OperationError
from gitsync.git.history.log import History
from gitsync.git.objects.trees import TreeEntry
from gitsync.text import as_word, clean, nearest

_FORMAT = f"--format=%x01%H%x00%P%x00%ct%x00%an%x00%s%x00%(trailers:key={MACHINE_TRAILER},valueonly,separator=%x2C)"
# A merge is shown with what it brought to the branch, as the user of that machine saw it.
_RAW = ("--raw", "-z", "--no-abbrev", "--diff-merges=first-parent", "-M", "--no-ext-diff", "--no-color")
# Every commit that changed a path, on every branch, and the merges that brought a change to theirs.
# With all that they changed: which file was renamed can be seen only beside the one that is gone.
_EVERY_SIDE = ("--full-history", "--show-pulls", "--full-diff")
_WORDS = {"A": "added", "D": "removed", "R": "renamed", "C": "added"}
# Removals of one directory by consecutive commits count as one when they are at most this many seconds apart.
TOGETHER_S = 60.0
SHOWN_NAMES = 3
NAMES_S = 10.0


@dataclass(frozen=True, slots=True)
class Touched:
    """One commit's change of one path: `entry` is the new entry (None: removed), `was` the old path of a rename."""

    path: bytes
    what: str
    entry: TreeEntry | None
    was: bytes | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One commit and the paths that it changed; `at` is the commit time, in seconds since the epoch.

    `machine` is the one that the commit names, "" for none.
    """

    commit: str
    parents: tuple[str, ...]
    at: float
    author: str
    subject: str
    machine: str
    touched: tuple[Touched, ...]


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One version of a path: its entry in `commit`, at the path that it had there."""

    commit: str
    at: float
    subject: str
    path: bytes
    what: str
    entry: TreeEntry | None


def records(
    history: History, path: bytes, *, start: str = "HEAD", limit: int = 0, follow: bool = False, only: str = ""
) -> list[Record]:
    """Return the newest commits that changed `path` (b"": any path), newest first; `limit` 0 means no limit.

    `start` may be a range; `only` are the letters of `git log --diff-filter`.
    """
    if start == "HEAD" and history.head() is None:
        return []
    options = [f"-n{limit}"] if limit else []
    named: tuple[str | bytes, ...] = ("--", path) if path else ("--",)
    if only:
        options.append(f"--diff-filter={only}")
    if follow and path:
        return _followed(history, path, start, limit)
    return list(_parsed(history.ask("log", _FORMAT, *_RAW, *options, start, *named)))


def records_of(history: History, commits: list[str]) -> list[Record]:
    """Return these commits, in the order given."""
    if not commits:
        return []
    named = "\n".join(commits).encode("ascii")
    return list(_parsed(history.ask("log", _FORMAT, *_RAW, "--no-walk=unsorted", "--stdin", input=named)))


def _followed(history: History, path: bytes, start: str, limit: int) -> list[Record]:
    """Return the newest commits that changed a file, over its renamings; `touched` has the names that it had.

    `git log --follow` reads every tree of a history; this asks for each name on its own, which profits from changed
    paths in the commit-graph. A copy's history is its own: it begins where the copy was made.
    """
    found: list[Record] = []
    name, renamed_by = path, ""
    while True:
        left = [f"-n{limit - len(found)}"] if limit and not renamed_by else []
        here = list(_parsed(history.ask("log", _FORMAT, *_RAW, *_EVERY_SIDE, *left, start, "--", name)))
        # The older name may have been another file's since: those commits are listed before that of the renaming.
        older = next((place + 1 for place, record in enumerate(here) if record.commit == renamed_by), 0)
        renamed_by = ""
        for record in here[older:]:
            own = _own(record, name)
            found.append(replace(record, touched=own))
            if limit and len(found) >= limit:
                return found
            was = next((touched.was for touched in own if touched.path == name and touched.was is not None), None)
            if was is not None:
                name, renamed_by = was, record.commit
                break
        if not renamed_by:
            return found


def _own(record: Record, name: bytes) -> tuple[Touched, ...]:
    """Return what a commit did to a file; of a directory that is gone, to the files in it."""
    touched = [each for each in record.touched if each.path == name or each.path.startswith(name + b"/")]
    if any(each.was == name for each in record.touched) and not any(each.path == name for each in touched):
        touched.append(Touched(name, "removed", None))
    if len(record.parents) != 1:  # a merge took it from another branch, where it was made
        touched = [replace(each, was=None, what="added") if each.was is not None else each for each in touched]
    return tuple(touched)


def versions(history: History, path: bytes, *, start: str = "HEAD") -> list[FileVersion]:
    """Return the versions of a file, newest first, over its renamings; one without an entry is a removal."""
    told: list[FileVersion] = []
    # A merge that brought the other side's version would list it twice.
    for item in records(history, path, start=start, follow=True):
        for touched in item.touched:
            told.append(
                FileVersion(item.commit, item.at, item.subject, touched.path, touched.what, touched.entry)
                if len(item.parents) < 2 or touched.what == "removed"
                else FileVersion(item.commit, item.at, item.subject, touched.path, "merged", touched.entry)
            )
    return [
        item
        for place, item in enumerate(told)
        if item.what != "merged" or all(item.entry != older.entry for older in told[place + 1 :])
    ]


def is_removal(record: Record) -> bool:
    """Whether a commit only removed paths."""
    return bool(record.touched) and all(touched.entry is None for touched in record.touched)


def unknown(history: History, path: bytes) -> OperationError:
    """Return the error for a path that history never had, with similar paths that it had."""
    done = history.program.run(
        "log", "--format=", "--name-only", "-z", "--no-renames", "--diff-filter=A", "HEAD", deadline_s=NAMES_S
    )
    names = sorted({os.fsdecode(name) for name in done.stdout.split(b"\0") if name} if done.ok else ())
    wanted = os.fsdecode(path)
    near = nearest(wanted, names, count=SHOWN_NAMES, likeness=0.7)
    last = wanted.rpartition("/")[2]
    near += [name for name in names if name.rpartition("/")[2] == last and name not in near]
    near = near or nearest(last, names, count=SHOWN_NAMES, likeness=0.6)
    hint = f"did you mean: {', '.join(clean(name) for name in near[:SHOWN_NAMES])}" if near else ""
    place = history.place(path)
    if path and os.path.lexists(place) and not history.is_mirrored:
        hint = f"to see why: gitsyncctl explain {as_word(os.fsdecode(place))}"
    return OperationError(
        f"{clean(wanted)} was never committed in {history.label}",
        hint or f"to list the commits: gitsyncctl log {as_word(history.label)}",
        code="unknown-path",
    )


def summary(record: Record) -> str:
    """Return what a commit did to the paths that it changed, in one word."""
    kinds = {touched.what for touched in record.touched}
    return kinds.pop() if len(kinds) == 1 else "changed"


def touched_in(fields: list[bytes], at: int) -> tuple[list[Touched], int]:
    """Parse one commit's fields of `--raw -z` from `at`; return its changes and the end of them."""
    touched = []
    while at < len(fields) and (line := fields[at].lstrip(b"\n")).startswith(b":"):
        _, mode, _, object_id, status = line[1:].split(b" ")
        letter = status[:1].decode("ascii")
        count = 2 if letter in "RC" else 1
        names = fields[at + 1 : at + 1 + count]
        at += 1 + count
        entry = None if letter == "D" else TreeEntry(int(mode, 8), object_id.decode("ascii"))
        was = names[0] if letter == "R" else None
        touched.append(Touched(names[-1], _WORDS.get(letter, "changed"), entry, was))
    return touched, at


def _parsed(raw: bytes) -> Iterator[Record]:
    fields = raw.split(b"\0")
    at = 0
    while at + 5 < len(fields):
        commit, parents, instant, author, subject, machine = fields[at : at + 6]
        at += 6
        touched, at = touched_in(fields, at)
        yield Record(
            commit.lstrip(b"\n\x01").decode("ascii"),
            tuple(parents.decode("ascii").split()),
            float(instant),
            author.decode("utf-8", "replace"),
            subject.decode("utf-8", "replace"),
            machine.decode("utf-8", "replace").strip(),
            tuple(touched),
        )
