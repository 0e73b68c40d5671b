"""How names, widths and times look."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.cli import text, times

ANY = st.text() | st.binary().map(os.fsdecode)


@given(ANY)
def test_what_reaches_a_terminal_is_printable(name: str) -> None:
    shown = text.escape(name)
    assert shown.isprintable()
    shown.encode("utf-8")
    assert text.escape(shown) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Grüße 日本.txt", "Grüße 日本.txt"),
        ("a\x1b[31m\n\t", r"a\x1b[31m\n\t"),
        (os.fsdecode(b"\xff"), r"\xff"),
        ("\u202egpj", r"\u202egpj"),
        ("\x9b1m", r"\x9b1m"),
    ],
)
def test_escapes(name: str, shown: str) -> None:
    assert text.escape(name) == shown


@given(ANY.map(text.escape), st.integers(0, 30))
def test_cut_text_fits(name: str, columns: int) -> None:
    for cut in (text.fit(name, columns), text.fit_path(name, columns)):
        assert text.width(cut) <= columns
        assert cut == name or text.width(name) > columns
        assert text.width(text.pad(cut, 30)) == 30


def test_cuts() -> None:
    assert text.fit("abcdef", 4) == "abc…"
    assert text.fit_path("/home/u/notes", 8) == "…u/notes"
    assert text.fit("日本語", 4) == "日…"
    assert text.width("日本") == 4
    assert text.width("e\u0301") == 1


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
