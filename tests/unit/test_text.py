from __future__ import annotations

import os
import subprocess

import pytest

from gitsync import text
from gitsync.text import called, escape, nearest, shown


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
        ("14\u202f30\ue0b0.png".encode(), "14\u202f30\ue0b0.png"),
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
    assert escape("C:\\x") == "C:\\x"
    once = shown(b"a\nb\xff")
    assert escape(once) == once
    assert escape("a\x1b]0;title\x07") == "a\\x1b]0;title\\x07"
    assert escape("\udcff") == "\\xff"


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


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0 B"),
        (312, "312 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (104_857_600, "104.9 MB"),
        (999_999, "1 MB"),
        (4_100_000, "4.1 MB"),
        (3 * 10**15, "3000 TB"),
    ],
)
def test_a_size_is_the_same_everywhere(count: int, written: str) -> None:
    assert text.size(count) == written


def test_a_mistyped_name_finds_the_right_one() -> None:
    known = ["status", "keep-both", "Notes.txt"]
    assert nearest("statsu", known) == ["status"]
    assert nearest("keep_both", known) == ["keep-both"]
    assert nearest("notes.txt", known) == ["Notes.txt"]
    assert nearest("xyzzy", known) == []
    assert text.did_you_mean("statsu", known) == 'did you mean "status"?'
    assert text.did_you_mean("xyzzy", known, "see the list") == "see the list"


def test_a_home_path_keeps_its_tilde_on_a_command_line() -> None:
    assert text.as_word("~/a b") == "~/'a b'"
    assert text.as_word("~") == "'~'"
    assert text.as_word("~/Notes/Grüße-日本.txt") == "~/Notes/Grüße-日本.txt"


@pytest.mark.parametrize(
    "name", ["it's", "l\udce9.txt", "new\nline", "t\tb'c\\d", "back\\slash", "\x1b[31m", "ü b", "🙂"]
)
def test_a_shell_reads_a_word_as_the_name_that_it_was_made_of(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    path = f"/home/ada/N/{name}"
    word = text.as_word(path)
    environment = {"HOME": "/home/ada", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
    for shown_as in (word, text.tildes(f"add {word}").removeprefix("add ")):
        assert text.escape(shown_as) == shown_as
        script = os.fsencode(f"printf %s {shown_as}")
        read = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, check=True)
        assert os.fsdecode(read.stdout) == path


def test_paths_below_home_are_written_as_a_shell_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    for sentence, shown_as in (
        ("/home/ada is too large", "~ is too large"),
        ("to list them: gitsyncctl log /home/ada/a.txt", "to list them: gitsyncctl log ~/a.txt"),
        ("gitsyncctl add '/home/ada/a b' '/home/ada/c'", "gitsyncctl add ~/'a b' ~/'c'"),
        ("/home/ada2/x, file:///home/ada/x, --to=/home/ada/x", "/home/ada2/x, file:///home/ada/x, --to=/home/ada/x"),
        ("two (/home/ada/x): /home/ada/y", "two (~/x): ~/y"),
    ):
        assert text.tildes(sentence) == shown_as
