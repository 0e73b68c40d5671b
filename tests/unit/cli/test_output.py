"""Tables, colour and width, without a terminal and with a pretended one; real ones are in the integration tests."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.cli import layout
from gitsync.cli.output import Cell, Output
from gitsync.errors import ConfigError, OperationError

SENTENCE = "one two three four five six seven eight nine ten eleven twelve thirteen"


class Screen(Output):
    """An output that believes in a terminal of so many columns."""

    columns = 80

    @property
    def size(self) -> tuple[int, int]:
        return self.columns, 24


def screen(columns: int) -> Screen:
    output = Screen(io.StringIO(), io.StringIO())
    output.columns = columns
    output.is_unicode = True
    return output


CELLS = st.builds(Cell, st.text(max_size=40))
ROWS = st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), max_size=5))


@given(ROWS, st.integers(20, 120))
def test_tables_fit_the_terminal(rows: list[list[Cell]], columns: int) -> None:
    shown = screen(columns).table(rows)
    assert len(shown) == len(rows)
    assert all(layout.width(line) <= columns for line in shown)


def test_columns_are_aligned_and_empty_ones_left_out() -> None:
    rows = [[Cell("日本"), Cell(""), Cell("x")], [Cell("abc"), Cell(""), Cell("y\n")]]
    assert Output(io.StringIO(), None).table(rows) == ["日本  x", "abc   y\\n"]


def test_paths_give_way_first_and_at_their_beginning() -> None:
    rows = [[Cell("notes"), Cell("last commit 'Add a.txt'"), Cell("/home/somebody/far/away/notes", is_path=True)]]
    assert screen(50).table(rows) == ["notes  last commit 'Add a.txt'  …dy/far/away/notes"]
    assert screen(20).table(rows) == ["notes  last commit …"]


def test_a_commit_is_named_whole_and_what_comes_last_gives_way() -> None:
    rows = [[Cell("6e5de28"), Cell("today 16:03"), Cell("11 min ago"), Cell("removed"), Cell("Undo restore 17f15bb")]]
    assert screen(60).table(rows) == ["6e5de28  today 16:03  11 min ago  removed  Undo restore 17f…"]
    assert screen(40).table(rows) == ["6e5de28  today 16:…  11 min ago  removed"]
    assert screen(20).table(rows) == ["6e5de28  today 16:03"]


def test_errors_have_one_line_each_and_one_for_the_hint() -> None:
    errors = io.StringIO()
    output = Output(io.StringIO(), errors)
    output.problem(OperationError("no room for a\nb", "make room"))
    output.problem(ConfigError(["line 1: x", "line 2: y"], "mend it"))
    assert errors.getvalue().splitlines() == [
        r"error: no room for a\nb",
        "hint: make room",
        "error: line 1: x",
        "error: line 2: y",
        "hint: mend it",
    ]


def test_a_closed_output_is_no_trouble() -> None:
    output = Output(None, None)
    output.line("x")
    output.json({})
    output.problem(OperationError("x", "y"))
    output.redraw(["x"])
    output.flush()


@pytest.mark.parametrize("columns", [20, 30, 79])
def test_sentences_are_broken_at_spaces(columns: int) -> None:
    lines = screen(columns).wrap(SENTENCE, "", "  ")
    assert all(len(line) <= columns and line.startswith("  ") for line in lines)
    assert " ".join(line.strip() for line in lines) == SENTENCE
    assert lines[-1].startswith("    ") == (len(lines) > 1)


def test_a_word_longer_than_a_line_stays_whole() -> None:
    path = "/a/path/that/is/longer/than/the/terminal/is/wide"
    assert screen(20).wrap(f"see {path} there", "", "  ") == ["  see", f"    {path}", "    there"]
    assert screen(20).wrap("日本語 日本語 日本語 日本語") == ["日本語 日本語 日本語", "  日本語"]
