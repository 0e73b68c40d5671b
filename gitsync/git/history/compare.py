"""The lines in which two texts differ, as git or libgit2 finds them, and the words inside of changed lines. Read-only.

Runs on the calling thread; owns nothing. Times are bounded: the lines are git's work, with its deadline, and words are
compared only in lines of a reasonable length.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

import pygit2

from gitsync.git.history.log import History
from gitsync.git.program import failed

CONTEXT = 3
COMPARE_S = 20.0
# Longer texts (in bytes, both together) are compared by a child, which keeps no other thread waiting.
SHORT_MAX = 200_000
# In longer lines, and after so many of them, words are not marked.
LINE_MAX = 1000
PAIRS_MAX = 400
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_WORD = re.compile(r"\w+|\s+|[^\w\s]")

Marks = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line on one side: its number from 1, its text, and the parts of it that changed, as pairs of offsets."""

    number: int
    text: str
    marks: Marks = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A row of two texts next to each other: `kind` is same, changed, removed, added or skipped.

    A skipped row stands for `count` equal lines.
    """

    kind: str
    old: Line | None = None
    new: Line | None = None
    count: int = 0


def compare(history: History, old: bytes, new: bytes, *, context: int = CONTEXT) -> list[Row]:
    """Return two texts row by row, equal lines beyond `context` around a change left out."""
    total = len(new.split(b"\n"))
    if len(old) + len(new) <= SHORT_MAX:
        return list(_rows(_short_patch(old, new, context), total))
    with tempfile.TemporaryDirectory(prefix="gitsync-compare-") as scratch:
        names = [os.path.join(scratch, name) for name in ("old", "new")]
        for name, data in zip(names, (old, new), strict=True):
            with open(name, "wb") as file:
                file.write(data)
        argv = ("diff", "--no-index", "--histogram", "--no-color", "--no-ext-diff", "--no-textconv", "--text")
        done = history.program.run(*argv, f"-U{context}", "--", *names, deadline_s=COMPARE_S)
    if done.returncode not in (0, 1):
        raise failed("git cannot compare two versions", done)
    return list(_rows(done.stdout, total))


def _short_patch(old: bytes, new: bytes, context: int) -> bytes:
    flag = pygit2.enums.DiffOption.PATIENCE | pygit2.enums.DiffOption.FORCE_TEXT
    patch = pygit2.Patch.create_from(old, new, flag=flag, context_lines=context)
    return bytes(patch.data)


def _rows(patch: bytes, total: int) -> Iterator[Row]:
    lines = iter(patch.split(b"\n"))
    old_at = new_at = 1
    pairs = PAIRS_MAX
    removed: list[Line] = []
    added: list[Line] = []
    is_begun = False
    for line in lines:
        hunk = _HUNK.match(line)
        if hunk is None and not is_begun:
            continue
        if hunk is not None or line[:1] in (b" ", b""):
            yield from _changed(removed, added, pairs)
            pairs -= min(len(removed), len(added))
            removed, added = [], []
        if hunk is not None:
            is_begun = True
            # A side without lines is numbered by the line before.
            first = int(hunk[3]) + (hunk[4] == b"0")
            if first > new_at:
                yield Row("skipped", count=first - new_at)
            old_at, new_at = int(hunk[1]) + (hunk[2] == b"0"), first
        elif line.startswith(b"-"):
            removed.append(Line(old_at, _text(line)))
            old_at += 1
        elif line.startswith(b"+"):
            added.append(Line(new_at, _text(line)))
            new_at += 1
        elif line.startswith(b" "):
            yield Row("same", Line(old_at, _text(line)), Line(new_at, _text(line)))
            old_at, new_at = old_at + 1, new_at + 1
    yield from _changed(removed, added, pairs)
    if is_begun and total - new_at > 0:
        yield Row("skipped", count=total - new_at)


def _text(line: bytes) -> str:
    return line[1:].decode("utf-8", "replace").rstrip("\r")


def _changed(removed: list[Line], added: list[Line], pairs: int) -> Iterator[Row]:
    for place, (old, new) in enumerate(zip_longest(removed, added)):
        if old is None or new is None:
            yield Row("added" if old is None else "removed", old, new)
        elif place >= pairs:
            yield Row("changed", old, new)
        else:
            before, after = _marked(old.text, new.text)
            yield Row("changed", Line(old.number, old.text, before), Line(new.number, new.text, after))


def _marked(old: str, new: str) -> tuple[Marks, Marks]:
    """Return the parts of two lines that differ, by words; none where next to nothing is alike."""
    if len(old) > LINE_MAX or len(new) > LINE_MAX:
        return (), ()
    first, second = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    if matcher.real_quick_ratio() < 0.3 or matcher.ratio() < 0.3:
        return (), ()
    before: list[tuple[int, int]] = []
    after: list[tuple[int, int]] = []
    for tag, one, two, three, four in matcher.get_opcodes():
        if tag != "equal":
            before += [_span(first, one, two)] if two > one else []
            after += [_span(second, three, four)] if four > three else []
    return tuple(before), tuple(after)


def _span(words: list[str], first: int, last: int) -> tuple[int, int]:
    start = sum(map(len, words[:first]))
    return start, start + sum(map(len, words[first:last]))
