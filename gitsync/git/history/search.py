"""Which version of which file held a word: a search over every version of every file, newest first. Only reads.

Runs on the calling thread; owns nothing. `git log` lists the versions and `git cat-file` reads their contents,
side by side, so that the first hits come while both still work. Each content is read once, however many versions have
it. A line that many versions have is one hit: that of the newest of them.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gitsync.clock import sleep
from gitsync.errors import UsageError
from gitsync.git.history.contents import contents, is_text
from gitsync.git.history.line_index import LineIndex
from gitsync.git.history.log import History
from gitsync.git.history.match_time import in_time
from gitsync.git.history.walk import LOG, BlobVersion, VersionWalk
from gitsync.git.objects.batch_read import BATCH, parsed
from gitsync.proc import WIDE_PIPE_BYTES

SEARCH_S = 600.0
# How long it takes git to write a good part of a wide pipe (seconds); only Linux has them.
FILL_S = 0.002
HAS_WIDE_PIPES = sys.platform == "linux"
# A line of a hit is shown as far as this, in characters; a minified script is one line.
LINE_CHARS = 400

# The end of an entry of LOG before its names, and how long an entry can be that a piece of the output ends in.
_BLOB = re.compile(rb" ([0-9a-f]{40}) [A-Z]+[0-9]*\0")
_ENTRY_BYTES = 4096

# The lines of a content that match, each with its number from 1.
Lines = list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Query:
    """A search. Without a `word` it is for names; instants are seconds since the epoch, both included.

    `glob` is compared with the whole path and with the last name in it; `is_deleted` asks only for files that are not
    there any more.
    """

    word: str = ""
    is_regex: bool = False
    ignores_case: bool = False
    glob: str = ""
    since: float | None = None
    until: float | None = None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A line with the word, in the newest version that has it; for a name the number is 0 and the line is empty.

    `path` is what the file was called then, `name` what it is called now, or was last.
    """

    path: bytes
    name: bytes
    commit: str
    at: float
    line_number: int
    line: str
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Matcher:
    """The lines that match, of a content; and quickly, whether there can be any in a piece of many contents."""

    lines: Callable[[bytes], Lines]
    may_match: Callable[[bytes], bool] = lambda _: True


def search(
    history: History,
    query: Query,
    path: bytes = b"",
    index: LineIndex | None = None,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[Hit]:
    """Yield what there is at or below `path` (b"": everywhere), newest first; it may be closed at any time.

    A file is at `path` when it is called so now, or was then. `index` saves time where it can. It ends where `is_over`
    says so, also while there is no hit. Raise UsageError "pattern" for a regular expression that is not one.
    """
    matcher = _matcher(query)
    head = history.head()
    if head is None:
        return
    found = _indexed(history, query, path, matcher, head, index)
    if found is None:
        found = _matches(history, query, path, matcher, head, is_over)
    yield from _hits(history, query, head, found)


def quick_search(history: History, query: Query, path: bytes, index: LineIndex) -> Iterator[Hit] | None:
    """Return what `search` yields where the index answers, else None."""
    matcher, head = _matcher(query), history.head()
    found = None if head is None else _indexed(history, query, path, matcher, head, index)
    return None if found is None or head is None else _hits(history, query, head, found)


def _hits(history: History, query: Query, head: str, found: Iterator[tuple[BlobVersion, Lines]]) -> Iterator[Hit]:
    present: frozenset[bytes] | None = None
    seen: set[tuple[bytes, str]] = set()
    for version, lines in found:
        if not lines:
            continue
        if present is None:
            names = history.ask("ls-tree", "-r", "-z", "--name-only", "--full-tree", head)
            present = frozenset(names.split(b"\0"))
        is_deleted = version.name not in present
        if query.is_deleted and not is_deleted:
            continue
        for number, line in lines:
            if (version.name, line) not in seen:
                seen.add((version.name, line))
                shown = line[:LINE_CHARS]
                yield Hit(version.path, version.name, version.commit, version.at, number, shown, is_deleted)


def _indexed(
    history: History, query: Query, path: bytes, matcher: Matcher, head: str, index: LineIndex | None
) -> Iterator[tuple[BlobVersion, Lines]] | None:
    """Return the versions that match, of those that the index names; None where it cannot answer."""
    if index is None or query.is_regex or (query.ignores_case and not query.word.isascii()):
        return None
    found = index.candidates(query.word, head)
    if found is None:
        return None
    meant = [version for version in found if _is_meant(version, query, path)]
    return _read(history, meant, matcher)


def _read(history: History, versions: list[BlobVersion], matcher: Matcher) -> Iterator[tuple[BlobVersion, Lines]]:
    known: dict[str, Lines] = {}
    found = contents(history, list(dict.fromkeys(version.blob for version in versions)), deadline_s=SEARCH_S)
    for version in versions:
        while version.blob not in known:
            blob, content = next(found)
            known[blob] = matcher.lines(content)
        yield version, known[version.blob]


def _matches(
    history: History, query: Query, path: bytes, matcher: Matcher, head: str, is_over: Callable[[], bool]
) -> Iterator[tuple[BlobVersion, Lines]]:
    log = (*LOG, head, "--")
    if not query.word:
        walk = VersionWalk()
        for data in history.program.stream(*log, deadline_s=SEARCH_S):
            if is_over():
                return
            walk.feed(data)
            while walk.found:
                version = walk.found.popleft()
                if _is_meant(version, query, path):
                    yield version, [(0, "")]
        return
    listed = _Listed(query, path)
    output = history.program.pipe(log, listed.wanted, BATCH, deadline_s=SEARCH_S)
    for blob, content in parsed(_paced(output), matcher.may_match):
        if is_over():
            return
        if listed.is_hit(blob, matcher.lines(content)):
            yield from listed.answered()
    yield from listed.answered()  # what git listed last may have been read before


def _paced(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Let the pipe fill after a small piece: to be woken for every few pages takes as much time as to search them."""
    for piece in pieces:
        yield piece
        if HAS_WIDE_PIPES and len(piece) < WIDE_PIPE_BYTES // 4:
            sleep(FILL_S)


class _Listed:
    """The versions that `git log` lists, whose contents are read meanwhile.

    Where every version is meant, what git lists is only taken apart when there is a hit, and only up to it: most words
    have few.
    """

    def __init__(self, query: Query, path: bytes) -> None:
        self._query, self._path = query, path
        self._takes_all = not (path or query.glob) and query.since is None and query.until is None
        self._walk = VersionWalk()
        self._unread: deque[bytes] = deque()
        self._waiting: deque[BlobVersion] = deque()
        self._asked: set[bytes] = {b"0" * 40}
        self._rest = b""
        # The contents that were read: those that match, with their lines, and the others.
        self._hits: dict[str, Lines] = {}
        self._others: set[bytes] = set()

    def wanted(self, data: bytes) -> bytes:
        """Return the ids of the contents to read for the versions in a piece of the log."""
        new = [blob for blob in dict.fromkeys(self._blobs(data)) if blob not in self._asked]
        self._asked.update(new)
        return b"".join(blob + b"\n" for blob in new)

    def _blobs(self, data: bytes) -> list[bytes]:
        if not self._takes_all:
            return [version.blob.encode("ascii") for version in self._read(data)]
        self._unread.append(data)
        # Names are between the entries: one that looks like an entry has a content read, and no more.
        data = self._rest + data
        self._rest = data[-_ENTRY_BYTES:]
        return _BLOB.findall(data)

    def _read(self, data: bytes) -> list[BlobVersion]:
        """Take apart a piece of the log; return the versions in it that are meant and may match."""
        self._walk.feed(data, self._others)
        found = [version for version in self._walk.found if _is_meant(version, self._query, self._path)]
        self._walk.found.clear()
        self._waiting.extend(found)
        return found

    def is_hit(self, blob: str, lines: Lines) -> bool:
        """Note the matching lines of a content; return whether there are any."""
        if lines:
            self._hits[blob] = lines
        else:
            self._others.add(blob.encode("ascii"))
        return bool(lines)

    def answered(self) -> Iterator[tuple[BlobVersion, Lines]]:
        """Yield the next versions that match, as far as contents have been read, with their lines."""
        while self._hits and (self._waiting or self._unread):
            if not self._waiting:
                self._read(self._unread.popleft())
                continue
            blob = self._waiting[0].blob
            if blob not in self._hits and blob.encode("ascii") not in self._others:
                return
            version = self._waiting.popleft()
            if lines := self._hits.get(blob):
                yield version, lines


def _is_meant(version: BlobVersion, query: Query, path: bytes) -> bool:
    if query.since is not None and version.at < query.since:
        return False
    if query.until is not None and version.at > query.until:
        return False
    names = (version.path, version.name)
    if query.glob and not any(_is_like(name, query) for name in names):
        return False
    return not path or any(name == path or name.startswith(path + b"/") for name in names)


def _matcher(query: Query) -> Matcher:
    flags = re.IGNORECASE if query.ignores_case else re.NOFLAG
    try:
        pattern = re.compile(query.word if query.is_regex else re.escape(query.word), flags)
    except re.error as error:
        raise UsageError(
            f"{query.word!r} is not a regular expression: {error}", "leave out --regex to look for it as it is",
            code="pattern",
        ) from error  # fmt: skip
    if query.is_regex:
        return Matcher(lambda content: in_time(lambda: _lines(content, pattern)))
    if query.ignores_case and not query.word.isascii():
        return Matcher(lambda content: _lines(content, pattern))
    word = query.word.encode("utf-8", "surrogateescape")
    if query.ignores_case:
        word = word.lower()
        return _quick_matcher(pattern, lambda data: word in data.lower())
    return _quick_matcher(pattern, lambda data: word in data)


def _quick_matcher(pattern: re.Pattern[str], may_match: Callable[[bytes], bool]) -> Matcher:
    return Matcher(lambda content: _lines(content, pattern) if may_match(content) else [], may_match)


def _lines(content: bytes, pattern: re.Pattern[str]) -> Lines:
    if not is_text(content):
        return []
    lines = content.decode("utf-8", "replace").split("\n")
    return [(number, line.rstrip("\r")) for number, line in enumerate(lines, 1) if pattern.search(line)]


def _is_like(path: bytes, query: Query) -> bool:
    name, glob = path.decode("utf-8", "surrogateescape"), query.glob
    if query.ignores_case:
        name, glob = name.lower(), glob.lower()
    return fnmatchcase(name, glob) or fnmatchcase(name.rpartition("/")[2], glob)
