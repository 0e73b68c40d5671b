from __future__ import annotations

import pytest

from gitsync.core.names import called, shown, shown_text


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"notes/a b.txt", "notes/a b.txt"),
        ("übung/日本.txt".encode(), "übung/日本.txt"),
        (b"a\nb", "a\\nb"),
        (b"a\\nb", "a\\\\nb"),
        (b"tab\there\r", "tab\\there\\r"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        (b"\x7f", "\\x7f"),
        (b"caf\xe9", "caf\\xe9"),
        ("\u202egnp.exe".encode(), "\\u202egnp.exe"),
        ("a\u2028b\u2029".encode(), "a\\u2028b\\u2029"),
        ("\x9b31m".encode(), "\\u009b31m"),
        (b"\x9b", "\\x9b"),
        ("\U000e0001".encode(), "\\U000e0001"),
        (b"", ""),
    ],
)
def test_what_acts_is_escaped_and_what_is_seen_is_kept(path: bytes, text: str) -> None:
    assert shown(path) == text


def test_text_keeps_its_backslashes_so_that_escaping_twice_is_escaping_once() -> None:
    assert shown_text("C:\\x") == "C:\\x"
    once = shown(b"a\nb\xff")
    assert shown_text(once) == once
    assert shown_text("a\x1b]0;title\x07") == "a\\x1b]0;title\\x07"
    assert shown_text("\udcff") == "\\xff"


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("notes", ["Notes", "papers"], "Notes"),
        ("notes", ["Notes", "notes"], "notes"),
        ("NOTES", ["Notes", "notes"], ""),
        ("note", ["Notes"], ""),
        ("ÜBUNG", ["übung"], "übung"),
    ],
)
def test_a_name_is_known_whatever_its_case(word: str, known: list[str], meant: str) -> None:
    assert called(word, known) == meant
