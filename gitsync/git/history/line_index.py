"""An index of the lines of a whole history, which names the files that a word may be in. A cache: it only saves time.

It is one SQLite file: every change of every path as `git log` lists them, and for each path the words of all lines that
it ever had, as a contentless FTS5 table. It holds what was committed and nothing else. What it names is a superset
and is verified by the search that asks. Where there is any doubt (another format, a history that was rewritten, damage)
it is deleted, and the search reads everything.

Contents are taken as bytes, one character for each: a content need not be UTF-8, and a word is found in the middle
of another one. sqlite3 is imported late, by the processes that use an index.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gitsync.git.history.log import History
from gitsync.git.history.walk import LOG, BlobVersion, VersionWalk

if TYPE_CHECKING:
    import sqlite3

FILE = "lines.sqlite"
# A file of another format is of another version of gitsync.
FORMAT = 1
SCHEMA = """
    CREATE TABLE head (id TEXT NOT NULL);
    CREATE TABLE paths (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, is_opaque INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE changes (
        number INTEGER PRIMARY KEY, path INTEGER NOT NULL, was INTEGER, status TEXT NOT NULL,
        id BLOB NOT NULL, at REAL NOT NULL, blob BLOB NOT NULL
    );
    CREATE INDEX changes_of_path ON changes (path, number);
    CREATE INDEX changes_of_old_path ON changes (was, number) WHERE was IS NOT NULL;
    CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE documents (id INTEGER PRIMARY KEY, path INTEGER NOT NULL);
    CREATE VIRTUAL TABLE lines USING fts5 (text, content='', columnsize=0, detail=none, tokenize='ascii');
"""
# What FTS5's tokenizer `ascii` takes as a word, in small letters.
WORD = re.compile(r"[0-9a-z\x80-\xff]+")
# A word that is in more different words than this, or in most of the files, is looked for without an index.
MOST_WORDS = 500
_BUSY_S = 0.2


def as_text(content: bytes) -> str:
    """Return bytes as the index takes them: a character for each, capital ASCII letters as small ones."""
    return content.lower().decode("latin-1")


def open_index(place: Path, mode: str) -> sqlite3.Connection:
    """Open the index at `place`; `mode` is SQLite's "ro", "rw" or "rwc"."""
    import sqlite3

    quoted = str(place).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(f"file:{quoted}?mode={mode}", uri=True, timeout=_BUSY_S, isolation_level=None)


def discard(place: Path) -> None:
    """Delete the index."""
    for name in (place, Path(f"{place}-journal")):
        with suppress(FileNotFoundError):
            os.unlink(name)


class LineIndex:
    """The index of a history, for one search."""

    def __init__(self, history: History, place: Path) -> None:
        self._history = history
        self._place = place

    def candidates(self, word: str, head: str) -> list[BlobVersion] | None:
        """Return the versions that may have `word` in a line, newest first, with those since the index was made.

        None where the index cannot answer: there is none, or it is of another history, or `word` has nothing that is
        indexed or is in too many files.
        """
        import sqlite3

        if not _parts(word) or not self._place.exists():
            return None
        try:
            with closing(open_index(self._place, "ro")) as database:
                return self._candidates(database, word, head)
        except sqlite3.OperationalError as error:
            # It is being written, or an interrupted writer left its journal, which the next writer rolls back.
            if error.sqlite_errorname not in ("SQLITE_BUSY", "SQLITE_READONLY_ROLLBACK", "SQLITE_CANTOPEN"):
                discard(self._place)
            return None
        except (sqlite3.DatabaseError, ValueError):
            discard(self._place)
            return None

    def _candidates(self, database: sqlite3.Connection, word: str, head: str) -> list[BlobVersion] | None:
        indexed = indexed_head(database)
        if indexed is None:
            return None
        walk = VersionWalk()
        if indexed != head:
            relation = grown(self._history, indexed, head)
            if relation is None:
                discard(self._place)
            if not relation:
                return None
            walk.feed(self._history.ask(*LOG, f"{indexed}..{head}", "--"))
        paths = _paths_with(database, word)
        if paths is None:
            return None
        return [*walk.found, *_versions(database, paths, walk)]


def grown(history: History, old: str, new: str) -> bool | None:
    """Return whether a history has grown by commits one after the other from `old` to `new`.

    False where merges are among them; None where it did not grow, but was rewritten or is of another branch.
    """
    if history.try_ask("merge-base", "--is-ancestor", old, new) is None:
        return None
    return not history.ask("rev-list", "-1", "--min-parents=2", f"{old}..{new}", "--").strip()


def _parts(word: str) -> list[str]:
    return WORD.findall(as_text(word.encode("utf-8", "surrogateescape")))


def _paths_with(database: sqlite3.Connection, word: str) -> list[int] | None:
    """Return the paths that may have a line with `word`, None where there are too many words like it."""
    asked = []
    for part in _parts(word):
        rows = database.execute(
            "SELECT word FROM words WHERE instr(word, ?) LIMIT ?", (part, MOST_WORDS + 1)
        ).fetchall()
        if len(rows) > MOST_WORDS:
            return None
        asked.append(" OR ".join(f'"{found}"' for (found,) in rows))
    found = {path for (path,) in database.execute("SELECT id FROM paths WHERE is_opaque")}
    if all(asked):
        query = " AND ".join(f"({each})" for each in asked)
        sql = "SELECT DISTINCT path FROM documents WHERE id IN (SELECT rowid FROM lines WHERE lines MATCH ?)"
        found |= {path for (path,) in database.execute(sql, (query,))}
    [count] = database.execute("SELECT count(*) FROM paths").fetchone()
    return None if len(found) > max(count // 2, 1) and len(found) > MOST_WORDS else sorted(found)


def _versions(database: sqlite3.Connection, paths: Sequence[int], walk: VersionWalk) -> Iterator[BlobVersion]:
    """Return the versions of these paths, newest first, with their names of now; `walk` has what came later."""
    rows: list[tuple[int, int, bytes, float, bytes]] = []
    for path in paths:
        sql = "SELECT number, path, id, at, blob FROM changes WHERE path = ? AND blob <> x''"
        rows += database.execute(sql, (path,))
    rows.sort(reverse=True)
    names = _Names(database, walk)
    for number, path, commit, at, blob in rows:
        yield BlobVersion(commit.hex(), at, names.path(path), names.now(path, number), blob.hex())


class _Names:
    """The names that files have now, by the path and the number of one of their versions."""

    def __init__(self, database: sqlite3.Connection, walk: VersionWalk) -> None:
        self._database = database
        self._walk = walk
        self._paths: dict[int, bytes] = {}
        self._known: dict[tuple[int, int], bytes] = {}

    def path(self, number: int) -> bytes:
        """Return the path of that number."""
        if number not in self._paths:
            [self._paths[number]] = self._database.execute("SELECT path FROM paths WHERE id = ?", (number,)).fetchone()
        return self._paths[number]

    def now(self, path: int, number: int) -> bytes:
        """Return the name now of the file that was at `path` after change `number`, as `VersionWalk` finds it."""
        asked = []
        while True:
            following = self._next(path, number)
            if following is None:
                name = self._walk.name_before(self.path(path))
                break
            key = (path, following[0])
            if key in self._known:
                name = self._known[key]
                break
            asked.append(key)
            number, at, status = following
            if at != path:  # it was renamed
                path = at
            elif status != "M" and status != "T":
                name = self.path(path)
                break
        self._known.update(dict.fromkeys(asked, name))
        return name

    def _next(self, path: int, number: int) -> tuple[int, int, str] | None:
        """Return the number, path and status of the first change after `number` that was of this path, or moved it."""
        ways = ("path = ?", "was = ? AND status = 'R'")
        found = [
            self._database.execute(
                f"SELECT number, path, status FROM changes WHERE {way} AND number > ? ORDER BY number LIMIT 1",
                (path, number),
            ).fetchone()
            for way in ways
        ]
        return min((row for row in found if row is not None), default=None)


def indexed_head(database: sqlite3.Connection) -> str | None:
    """Return the commit that an index goes up to, None for an empty one; raise sqlite3.DatabaseError."""
    import sqlite3

    [found] = database.execute("PRAGMA user_version").fetchone()
    if not found:
        return None
    if found != FORMAT:
        raise sqlite3.DatabaseError(f"the index has the format {found}")
    [head] = database.execute("SELECT id FROM head").fetchone()
    return str(head)


def prepare(database: sqlite3.Connection) -> None:
    """Make the tables of an empty index."""
    database.execute(f"PRAGMA user_version = {FORMAT}")
    for statement in SCHEMA.split(";"):
        database.execute(statement)


@contextmanager
def writing(place: Path) -> Iterator[sqlite3.Connection]:
    """Open the index to be changed in one transaction; it is created where there is none."""
    with closing(open_index(place, "rwc")) as database:
        os.chmod(place, 0o600)
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
