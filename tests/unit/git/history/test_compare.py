"""Two texts are put next to each other as git compares them, with the words that changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.git.history.compare import Line, Row, compare
from gitsync.git.history.log import History


@pytest.fixture
def history(repo: Path) -> History:
    return History(repo)


def test_words_that_changed_are_marked_on_both_sides(history: History) -> None:
    rows = compare(history, b"buy milk\nsame\n", b"buy bread\nsame\nnew\n")
    assert rows == [
        Row("changed", Line(1, "buy milk", ((4, 8),)), Line(1, "buy bread", ((4, 9),))),
        Row("same", Line(2, "same"), Line(2, "same")),
        Row("added", None, Line(3, "new")),
    ]


def test_equal_texts_have_no_rows(history: History) -> None:
    assert compare(history, b"same\n", b"same\n") == []


def test_equal_lines_far_from_a_change_are_counted(history: History) -> None:
    lines = [b"line %d" % number for number in range(40)]
    changed = [*lines[:20], b"other", *lines[21:]]
    rows = compare(history, b"\n".join(lines) + b"\n", b"\n".join(changed) + b"\n")
    assert (rows[0], rows[-1].kind) == (Row("skipped", count=17), "skipped")
    assert sum(row.count or 1 for row in rows if row.new is not None or row.kind == "skipped") in (40, 41)
    whole = compare(history, b"\n".join(lines) + b"\n", b"\n".join(changed) + b"\n", context=1000)
    assert [row.kind for row in whole].count("same") == 39


def test_a_text_that_was_empty_is_all_new(history: History) -> None:
    rows = compare(history, b"", b"one\ntwo")
    assert [(row.kind, row.new.number if row.new else 0) for row in rows] == [("added", 1), ("added", 2)]


@pytest.mark.parametrize("old", [b"x" * 20_000 + b"\n", b"\xff\xfe bytes\n", b"--- a\n+++ b\n@@ -1 +1 @@\n"])
def test_odd_lines_are_lines(history: History, old: bytes) -> None:
    rows = compare(history, old, b"short\n")
    assert [row.old.text for row in rows if row.old] == old.decode("utf-8", "replace").splitlines()
