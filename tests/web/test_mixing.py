"""Two versions of a text, put together part by part."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitsync.web.mixing import BOTH, CHOICES, FIRST, NEITHER, SECOND, mixed, segments

TEXTS = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\n", b"d"]), max_size=12).map(b"".join)


@given(TEXTS, TEXTS, TEXTS)
def test_all_of_one_side_is_that_side(first: bytes, second: bytes, base: bytes) -> None:
    parts = segments(first, second, base)
    numbers = [part.number for part in parts if part.number]
    assert numbers == list(range(1, len(numbers) + 1))
    assert mixed(parts, {}) == first
    assert mixed(parts, dict.fromkeys(numbers, SECOND)) == second
    for word in CHOICES:
        mixed(parts, dict.fromkeys(numbers, word))


def test_each_difference_is_chosen_for_itself_and_shows_what_was_there_before() -> None:
    parts = segments(b"buy rolls\nrent\nten\n", b"buy rye\nrent\neleven", b"buy bread\nrent\nnine\n")
    assert [part.base for part in parts if part.number] == [(b"buy bread\n",), (b"nine\n",)]
    assert mixed(parts, {1: SECOND, 2: FIRST}) == b"buy rye\nrent\nten\n"
    assert mixed(parts, {1: BOTH, 2: NEITHER}) == b"buy rolls\nbuy rye\nrent\n"
    # A last line without an end gets one where another line follows.
    swapped = segments(b"a", b"b\n", b"")
    assert mixed(swapped, {1: BOTH}) == b"a\nb\n"
