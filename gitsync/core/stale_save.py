"""Recognises a file that was saved from a text older than what a pull wrote, and merges the two. Pure.

An editor that had a file open before a pull saves its old text with its own edits: what arrived is not in it. Such a
text contains the old lines again, at every place that the pull had changed, and none of the new ones. The same text can
be written on purpose; that cannot be distinguished, and is why the merge is made only once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

# More lines than this, without those that two versions begin and end with, are not compared.
LINES = 2000
# Two lines are versions of one where the shorter shares this part of its words; a lower one would lose more lines.
ALIKE = 0.7
_WORD = re.compile(rb"[\w'\x80-\xff]+")


class _Hunk(NamedTuple):
    """The lines from `start` to `end` of the old text became `lines`."""

    start: int
    end: int
    lines: Sequence[bytes]


def merge_stale(before: bytes, arrived: bytes, saved: bytes) -> bytes | None:
    """Return `saved` with what the change from `before` to `arrived` brought; None when it was not made from `before`.

    Where both added lines at one place, those that arrived come first. A line that arrived and was edited since is no
    reason to merge: the text was made from `arrived`.
    """
    base, theirs, mine = (_lines(text) for text in (_ended_as(saved, before), _ended_as(saved, arrived), saved))
    new = {line for line in Counter(theirs) - Counter(base) if line.strip()}
    if new & set(Counter(mine) - Counter(base)):
        return None
    came, own = _hunks(base, theirs), _hunks(base, mine)
    if not came or own is None or any(_is_in_the_way(edit, change) for change in came for edit in own):
        return None
    merged: list[bytes] = []
    at = 0
    for hunk in sorted([*came, *own], key=lambda hunk: (hunk.start, hunk.end)):  # stable: what arrived comes first
        merged += base[at : hunk.start]
        merged += hunk.lines
        at = max(at, hunk.end)
    text = b"".join([*merged, *base[at:]])
    is_open = not saved.endswith(b"\n") and not arrived.endswith(b"\n")
    return text.removesuffix(b"\n") if is_open else text


def _is_in_the_way(own: _Hunk, came: _Hunk) -> bool:
    """Whether an own edit changed old lines that a change replaced, or seems to have been made of new ones."""
    if own.start < own.end and own.start < came.end and came.start < own.end:
        return True
    is_adjacent = own.start <= came.end and came.start <= own.end
    return is_adjacent and any(_is_alike(one, other) for one in came.lines for other in own.lines)


def _is_alike(one: bytes, other: bytes) -> bool:
    words, others = Counter(_WORD.findall(one)), Counter(_WORD.findall(other))
    return (words & others).total() >= ALIKE * max(1, min(words.total(), others.total()))


def _hunks(old: list[bytes], new: list[bytes]) -> list[_Hunk] | None:
    """Return how `new` differs from `old`, None when that is too much to compare."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    old, new = old[head : len(old) - tail], new[head : len(new) - tail]
    if max(len(old), len(new)) > LINES:
        return None
    from difflib import SequenceMatcher  # late: few saves need it

    found = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [_Hunk(head + start, head + end, new[at:to]) for kind, start, end, at, to in found if kind != "equal"]


def _common(one: list[bytes], other: list[bytes]) -> int:
    """Return how many lines both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (line, opposite) in pairs if line != opposite), min(len(one), len(other)))


def _ended_as(saved: bytes, text: bytes) -> bytes:
    """Return a text with the line ends of `saved`: an editor may change them all when it saves."""
    ends = saved.count(b"\n")
    if ends and saved.count(b"\r\n") == ends and b"\r" not in text:
        return text.replace(b"\n", b"\r\n")
    if b"\r" not in saved and text.count(b"\r") == text.count(b"\r\n") == text.count(b"\n"):
        return text.replace(b"\r\n", b"\n")
    return text


def _lines(text: bytes) -> list[bytes]:
    """Return the lines, each with its end, the last one too: a missing one is not a difference."""
    return (text if not text or text.endswith(b"\n") else text + b"\n").splitlines(keepends=True)
