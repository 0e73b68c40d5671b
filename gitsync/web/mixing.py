"""Two versions of a text, cut where they differ, with what both began from; put together by choices. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

FIRST, SECOND, BOTH, NEITHER = "a", "b", "both", "neither"
CHOICES = (FIRST, SECOND, BOTH, NEITHER)
# Comparing takes the square of this in the worst case.
LINES_MAX = 5000


@dataclass(frozen=True, slots=True)
class Segment:
    """Lines that both versions have (`number` 0), or where they differ: of the first, the second and the base."""

    first: tuple[bytes, ...]
    second: tuple[bytes, ...]
    base: tuple[bytes, ...]
    number: int = 0

    def chosen(self, choice: str) -> tuple[bytes, ...]:
        """Return the lines that a choice leaves."""
        if not self.number or choice == FIRST:
            return self.first
        if choice == SECOND:
            return self.second
        if choice == BOTH:
            return (*_ended(self.first), *self.second)
        return ()


def _ended(lines: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return lines the last of which ends, so that another one can follow."""
    return (*lines[:-1], lines[-1] + b"\n") if lines and not lines[-1].endswith(b"\n") else lines


def is_mixable(texts: Sequence[bytes]) -> bool:
    """Return whether texts are short enough to be compared line by line here."""
    return all(text.count(b"\n") < LINES_MAX for text in texts)


def segments(first: bytes, second: bytes, base: bytes) -> list[Segment]:
    """Return the two texts in segments, which put together are the first one, or the second one."""
    one, two, old = (text.splitlines(keepends=True) for text in (first, second, base))
    from_base = SequenceMatcher(None, one, old, autojunk=False).get_matching_blocks()
    found: list[Segment] = []
    number = 0
    for tag, i, j, k, m in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(Segment(tuple(one[i:j]), tuple(two[k:m]), ()))
            continue
        number += 1
        here = old[_below(from_base, i) : _above(from_base, j)]
        found.append(Segment(tuple(one[i:j]), tuple(two[k:m]), tuple(here), number))
    return found


def _below(blocks: Sequence[tuple[int, int, int]], at: int) -> int:
    """Return the line of the base that follows what both have above line `at`."""
    before = [block for block in blocks if block[0] < at]
    if not before:
        return 0
    start, other, size = before[-1]
    return other + min(size, at - start)


def _above(blocks: Sequence[tuple[int, int, int]], at: int) -> int:
    """Return the line of the base that ends what both have above line `at`."""
    for start, other, size in blocks:
        if start + size > at:
            return other + max(0, at - start)
    start, other, size = blocks[-1]
    return other


def mixed(parts: Sequence[Segment], choices: Mapping[int, str]) -> bytes:
    """Return the text that the choices, by the number of a segment, leave; without a choice the first version stays."""
    return b"".join(line for part in parts for line in part.chosen(choices.get(part.number, FIRST)))
