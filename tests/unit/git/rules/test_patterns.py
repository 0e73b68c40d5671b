"""Which part of a path the lines of an attribute file can depend on."""

from __future__ import annotations

import pytest

from gitsync.git.rules.patterns import Patterns, parse


@pytest.mark.parametrize(
    ("line", "lasts", "has_slash"),
    [
        (b"* text=auto", set(), False),
        (b"*.png binary", {b"*.png"}, False),
        (b"\xef\xbb\xbf*.png binary", {b"*.png"}, False),
        (b"README\ttext\r", {b"README"}, False),
        (b'"my notes.txt" ident', {b"my notes.txt"}, False),
        (b"/docs/** text", set(), True),
        (b"docs/*.md text", {b"*.md"}, True),
        (b"# *.a b", set(), False),
        (b"[attr]m text", set(), False),
    ],
)
def test_lines_that_depend_on_little(line: bytes, lasts: set[bytes], has_slash: bool) -> None:
    assert parse(line + b"\n\n") == Patterns(frozenset(lasts), has_slash)


@pytest.mark.parametrize(
    "line", [b"a*b text", b"?.txt text", b"[ab] text", b"\\a text", b'"a\\tb" text', b'"a text', b"!a b"]
)
def test_lines_that_may_depend_on_anything(line: bytes) -> None:
    assert parse(b"* text\n" + line) is None


def test_names_are_told_apart_by_the_lines_that_match_them() -> None:
    patterns = Patterns(frozenset((b"*.png", b"*.g", b"README")))
    assert patterns.matching(b"a.png") == patterns.matching(b"b.png") == {b"*.png"}
    assert patterns.matching(b"README") == {b"README"}
    assert patterns.matching(b"x.txt") == frozenset()
