"""Brings the index of a history's lines up to date: `python -m gitsync.git.history.index_lines ROOT PLACE`.

A process of its own, started by the daemon while a repository is idle: it ends with what it took of memory, and keeps
no thread of the daemon from the interpreter. It reads by children of git and writes in one transaction; if it dies on
the way, the index is as it was before.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from gitsync.git.history.contents import contents, is_text
from gitsync.git.history.line_index import WORD, as_text, discard, grown, indexed_head, prepare, writing
from gitsync.git.history.log import History
from gitsync.git.history.walk import LOG, ChangeReader, PathChange

DEADLINE_S = 1800.0
# Below so many commits everything is read at once.
FEWEST_COMMITS = 500
# What FTS5 would cut off, or nobody looks for: files with such contents are always read.
LONGEST_WORD = 1000
LARGEST_BYTES = 8 << 20
NICENESS = 10


def main(argv: list[str]) -> int:
    """Update the index; return the exit status."""
    root, place = argv
    with suppress(OSError):
        os.nice(NICENESS)
    update(History(root), Path(place))
    return 0


def update(history: History, place: Path, *, fewest: int = FEWEST_COMMITS) -> None:
    """Bring the index at `place` up to HEAD; create it where the history has at least `fewest` commits."""
    head = history.head()
    if head is None or (not place.exists() and int(history.ask("rev-list", "--count", "HEAD")) < fewest):
        discard(place)
        return
    try:
        _update(history, place, head)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorname in ("SQLITE_BUSY", "SQLITE_FULL"):
            raise
        discard(place)
        _update(history, place, head)


def _update(history: History, place: Path, head: str) -> None:
    with writing(place) as database:
        indexed = indexed_head(database)
        if indexed == head:
            return
        relation = grown(history, indexed, head) if indexed else False
        if relation is None:
            raise sqlite3.DatabaseError("the history was rewritten")
        if not indexed:
            prepare(database)
        changes = list(_changes(history, f"{indexed}..{head}" if relation else head))
        paths = _Paths(database)
        new = _new_contents(database, paths, changes)
        if not relation:
            database.execute("DELETE FROM changes")
        _store(database, paths, changes)
        for path, text, is_opaque in _texts(history, new):
            _index(database, paths.number(path), text, is_opaque=is_opaque)
        database.execute("DELETE FROM head")
        database.execute("INSERT INTO head VALUES (?)", (head,))


def _changes(history: History, commits: str) -> Iterator[PathChange]:
    reader = ChangeReader()
    for data in history.program.stream(*LOG, commits, "--", deadline_s=DEADLINE_S):
        yield from reader.read(data)
    yield from reader.read(b"")


class _Paths:
    """The numbers of paths."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._numbers: dict[bytes, int] = {}

    def number(self, path: bytes) -> int:
        """Return the number of a path, which gets one where it has none."""
        found = self._numbers.get(path)
        if found is None:
            self._database.execute("INSERT OR IGNORE INTO paths (path) VALUES (?)", (path,))
            [found] = self._database.execute("SELECT id FROM paths WHERE path = ?", (path,)).fetchone()
            self._numbers[path] = found
        return found


def _new_contents(
    database: sqlite3.Connection, paths: _Paths, changes: Iterable[PathChange]
) -> dict[bytes, tuple[str, list[str]]]:
    """Return the contents that are not indexed yet, by path, oldest first, each with the indexed one before them or
    "".
    """
    new: dict[bytes, tuple[str, dict[str, None]]] = {}
    for change in reversed(list(changes)):
        if not change.blob or _is_known(database, paths.number(change.path), change.blob):
            continue
        if change.path not in new:
            is_after = change.status == "M" and _is_known(database, paths.number(change.path), change.old)
            new[change.path] = (change.old if is_after else "", {})
        new[change.path][1][change.blob] = None
    return {path: (old, list(blobs)) for path, (old, blobs) in new.items()}


def _is_known(database: sqlite3.Connection, path: int, blob: str) -> bool:
    sql = "SELECT 1 FROM changes WHERE path = ? AND blob = ? LIMIT 1"
    return database.execute(sql, (path, bytes.fromhex(blob))).fetchone() is not None


def _store(database: sqlite3.Connection, paths: _Paths, changes: list[PathChange]) -> None:
    [last] = database.execute("SELECT coalesce(max(number), 0) FROM changes").fetchone()
    database.executemany(
        "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (
                number,
                paths.number(change.path),
                paths.number(change.was) if change.status == "R" else None,
                change.status,
                bytes.fromhex(change.commit),
                change.at,
                bytes.fromhex(change.blob),
            )
            for number, change in enumerate(reversed(changes), last + 1)
        ),
    )


def _texts(history: History, new: dict[bytes, tuple[str, list[str]]]) -> Iterator[tuple[bytes, str, bool]]:
    """Yield for each path the lines that it has in new contents, and whether some of them cannot be indexed."""
    asked = [blob for old, blobs in new.values() for blob in ([old] if old else []) + blobs]
    sizes = history.sizes(list(dict.fromkeys(asked)))
    readable = [blob for blob in asked if sizes.get(blob, LARGEST_BYTES + 1) <= LARGEST_BYTES]
    found = contents(history, readable, deadline_s=DEADLINE_S)
    for path, (old, blobs) in new.items():
        seen: set[bytes] = set()
        if old and old in sizes and sizes[old] <= LARGEST_BYTES:
            seen = set(next(found)[1].split(b"\n"))
        lines: list[bytes] = []
        is_opaque = False
        for blob in blobs:
            if sizes.get(blob, LARGEST_BYTES + 1) > LARGEST_BYTES:
                is_opaque = True
                continue
            content = next(found)[1]
            if is_text(content):
                fresh = [line for line in dict.fromkeys(content.split(b"\n")) if line not in seen]
                lines += fresh
                seen.update(fresh)
        text = as_text(b"\n".join(lines))
        if any(len(word) > LONGEST_WORD for word in WORD.findall(text)):
            is_opaque = True
        yield path, text, is_opaque


def _index(database: sqlite3.Connection, path: int, text: str, *, is_opaque: bool) -> None:
    if is_opaque:
        database.execute("UPDATE paths SET is_opaque = 1 WHERE id = ?", (path,))
    words = set(WORD.findall(text))
    if not words:
        return
    database.executemany("INSERT OR IGNORE INTO words VALUES (?)", ((word,) for word in sorted(words)))
    number = database.execute("INSERT INTO documents (path) VALUES (?)", (path,)).lastrowid
    database.execute("INSERT INTO lines (rowid, text) VALUES (?, ?)", (number, " ".join(sorted(words))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
