"""Texts of others are text on a page: nothing in them acts, and colours and marks lose none of them."""

from __future__ import annotations

import html
import re

import pytest

from gitsync.web import highlight
from gitsync.web.notes import Note, Notes
from gitsync.web.page import address, parsed
from gitsync.web.render import visible


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize("name", ["words.py", "a.txt", "page.html", "no-such.language", "x.json", "Makefile"])
def test_colours_keep_every_character(name: str) -> None:
    text = 'def f(x):\n\treturn "<b>&amp;"  # end\n\n\n<!-- "\'" -->\n'
    lines = highlight.coloured(text, name)
    assert ["".join(part for _, part in line) for line in lines][: text.count("\n") + 1] == text.split("\n")
    assert "\n".join(plain(highlight.html(line)) for line in lines).rstrip() == text.rstrip()


def test_marks_go_over_colours() -> None:
    line = [("k", "def"), ("", " "), ("nf", "name")]
    assert str(highlight.html(line, [(2, 6)])) == (
        '<span class="x-k">de</span><mark><span class="x-k">f</span> <span class="x-nf">na</span></mark>'
        '<span class="x-nf">me</span>'
    )


def test_markup_controls_and_directions_are_shown_as_text() -> None:
    line = "<script>\u202e\x1b[31m\x07\t\ud800"
    shown = str(highlight.html([("", line)]))
    assert shown == "&lt;script&gt;\\u202e\\x1b[31m\\x07\t\\ud800"
    assert visible("a\u202eb\nc") == "a\\u202eb\\nc"


def test_a_line_of_any_length_is_cut_on_the_page() -> None:
    shown = str(highlight.html([("", "x" * 50_000)]))
    assert len(shown) < highlight.SHOWN_MAX + 100
    assert shown.endswith("…</span>")


def test_names_survive_an_address() -> None:
    for name in ("a b&c=d?e#f", "\udcff\udcfe", "\u202etxt", "näme", "a/b", "%41", "+"):
        where = address("/file", repo="notes", path=name)
        assert where.isascii()
        assert parsed(where.partition("?")[2].encode())["path"] == [name]


def test_a_note_is_shown_once_and_old_ones_are_dropped() -> None:
    notes = Notes()
    word = notes.keep(Note("done"))
    assert notes.take("guess") is None
    assert notes.take(word) == Note("done")
    assert notes.take(word) is None
    first = notes.keep(Note("first"))
    for _ in range(200):
        notes.keep(Note("more"))
    assert notes.take(first) is None
