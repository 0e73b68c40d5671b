"""How names, widths and times look."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync import text, times
from gitsync.cli import layout

ANY = st.text() | st.binary().map(os.fsdecode)


@pytest.mark.slow
@given(ANY)
def test_what_reaches_a_terminal_is_printable(name: str) -> None:
    shown = text.escape(name)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")
    assert text.escape(shown) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Grüße 日本.txt", "Grüße 日本.txt"),
        ("a\x1b[31m\n\t", r"a\x1b[31m\n\t"),
        (os.fsdecode(b"\xff"), r"\xff"),
        ("\u202egpj", r"\u202egpj"),
        ("\x9b1m", r"\u009b1m"),
    ],
)
def test_escapes(name: str, shown: str) -> None:
    assert text.escape(name) == shown


@given(ANY.map(text.escape), st.integers(0, 30))
def test_cut_text_fits(name: str, columns: int) -> None:
    for cut in (layout.fit(name, columns), layout.fit_path(name, columns)):
        assert layout.width(cut) <= columns
        assert cut == name or layout.width(name) > columns


def test_cuts() -> None:
    assert layout.fit("abcdef", 4) == "abc…"
    assert layout.fit_path("/home/u/notes", 8) == "…u/notes"
    assert layout.fit("日本語", 4) == "日…"
    assert layout.width("日本") == 4
    assert layout.width("e\u0301") == 1


def test_home_is_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/u/")
    assert [text.tilde(path) for path in ("/home/u", "/home/u/a", "/home/u2/a")] == ["~", "~/a", "/home/u2/a"]
    monkeypatch.setenv("HOME", "")
    assert text.tilde("/a") == "/a"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "just now"), (1, "just now"), (9, "9 s ago"), (120, "2 min ago"), (7300, "2 h ago"), (90000, "1 d ago")],
)
def test_ages(seconds: float, shown: str) -> None:
    assert text.ago(seconds) == shown
    assert text.span(400 * 86400) == "400 d"


def test_local_times() -> None:
    assert times.local("2026-02-03T14:05:06+00:00") == "2026-02-03 14:05:06"  # tests run in UTC
    assert times.local("2026-02-03T14:05:06+02:00") == "2026-02-03 12:05:06"
    assert times.local("never") == "never"


def test_counts() -> None:
    assert [text.counted(1, "repo"), text.counted(0, "repo"), text.counted(2, "city", "cities")] == [
        "1 repo",
        "0 repos",
        "2 cities",
    ]


def test_a_command_is_not_broken_as_it_would_not_run() -> None:
    hint = "to see the versions: gitsyncctl restore ~/Notes/todo.txt --list; else: git -C ~/Notes log, or nothing"
    assert layout.wrap(hint, 40, "") == [
        "to see the versions:",
        "  gitsyncctl restore ~/Notes/todo.txt --list;",
        "  else: git -C ~/Notes log, or nothing",
    ]
    assert layout.wrap("gitsyncctl restore ~/a --rev 12", 20, "") == ["gitsyncctl restore ~/a --rev 12"]


@given(st.text(alphabet="a: ;,git", max_size=60), st.integers(5, 40))
def test_nothing_is_lost_by_wrapping(sentence: str, columns: int) -> None:
    lines = layout.wrap(sentence, columns, "")
    assert "".join(lines).replace(" ", "") == sentence.replace(" ", "")
