"""Which saves are of an older text than what a pull wrote, and what comes of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.core.stale_save import merge_stale


def crlf(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


OLD = b"".join(b"line %d\n" % number for number in range(12))
NEW = OLD.replace(b"line 2\n", b"line 2\nfrom the desk\n")


@pytest.mark.parametrize(
    ("before", "arrived", "saved", "merged"),
    [
        (OLD, NEW, OLD + b"own\n", NEW + b"own\n"),
        (OLD, NEW, OLD, NEW),
        (OLD, NEW, OLD.replace(b"line 3\n", b"line three\n"), NEW.replace(b"line 3\n", b"line three\n")),
        (OLD, NEW, OLD.replace(b"line 2\n", b"line two\n"), NEW.replace(b"line 2\n", b"line two\n")),
        (OLD, OLD + b"theirs\n", OLD + b"own\n", OLD + b"theirs\nown\n"),
        (OLD, OLD.replace(b"line 4\n", b""), OLD + b"own\n", OLD.replace(b"line 4\n", b"") + b"own\n"),
        (
            OLD,
            OLD.replace(b"4", b"four"),
            OLD.replace(b"5", b"vijf"),
            OLD.replace(b"4", b"four").replace(b"5", b"vijf"),
        ),
        (b"a\nb", b"a\nb\ntheirs", b"a\nb\nown", b"a\nb\ntheirs\nown"),
        (b"", b"theirs\n", b"own\n", b"theirs\nown\n"),
        (OLD, NEW, crlf(OLD + b"own\n"), crlf(NEW + b"own\n")),
        (crlf(OLD), crlf(NEW), OLD + b"own\n", NEW + b"own\n"),
    ],
)
def test_both_are_in_what_was_saved_from_the_old_text(
    before: bytes, arrived: bytes, saved: bytes, merged: bytes
) -> None:
    assert merge_stale(before, arrived, saved) == merged


@pytest.mark.parametrize(
    ("before", "arrived", "saved"),
    [
        (OLD, NEW, NEW + b"own\n"),
        (OLD, NEW, NEW.replace(b"desk", b"desk, later")),
        (OLD, NEW, OLD.replace(b"line 2\n", b"") + b"from the desk\n"),  # moved
        (OLD, OLD + b"- [ ] buy milk\n", OLD + b"- [x] buy milk\n"),
        (OLD, OLD.replace(b"4", b"four"), OLD.replace(b"4", b"vier")),
        (OLD, OLD.replace(b"4", b"four").replace(b"9", b"nine"), OLD.replace(b"9", b"nine")),
        (b"one\n", b"two\n", b"three\n"),
        (OLD, OLD, OLD + b"own\n"),
        (OLD, NEW, b""),
    ],
)
def test_an_edit_of_the_new_text_stays_as_it_is(before: bytes, arrived: bytes, saved: bytes) -> None:
    assert merge_stale(before, arrived, saved) is None


LINES = st.lists(st.sampled_from([b"a b", b"c d", b"", b"e f g", b"h"]), max_size=8)


@given(LINES, LINES, LINES, LINES, LINES)
def test_no_line_of_either_is_lost(
    head: list[bytes], tail: list[bytes], theirs: list[bytes], own: list[bytes], more: list[bytes]
) -> None:
    """Whatever was added at the two ends of an old text is in the result, where there is one."""
    before, arrived, saved = (
        b"".join(line + b"\n" for line in lines)
        for lines in ([*head, *tail], [*head, *theirs, *tail, *more], [*own, *head, *tail])
    )
    merged = merge_stale(before, arrived, saved)
    if merged is not None:
        assert {*arrived.splitlines(), *saved.splitlines()} <= set(merged.splitlines())


def test_a_large_file_takes_no_time() -> None:
    before = b"the same\n" * 200_000
    began = time.monotonic()
    assert merge_stale(before, before + b"theirs\n", before + b"own\n") == before + b"theirs\nown\n"
    assert merge_stale(before, b"%b" % before.replace(b"same", b"other"), before + b"own\n") is None
    assert time.monotonic() - began < 10
