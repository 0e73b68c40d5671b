"""What a good answer is, and what completes one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gitsync.cli.setup import answers
from gitsync.cli.setup.terminal import completed
from gitsync.errors import UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    return home


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("~/a b", "a b"), ("a", "a"), ("./a/../ü", "ü"), (" a ", "a"), ("~", ""), (".", ""), ("a/", "a")],
)
def test_a_path_is_absolute(home: Path, typed: str, meant: str) -> None:
    assert answers.path(typed) == str(home / meant)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("'~/a b'", "a b"),
        ('~/"a b"', "a b"),
        ("a\\ b ", "a b"),
        ("'a b'/c", "'a b'/c"),
        ('"new one"', "new one"),
        ("it's new", "it's new"),
        ("it's and that's", "it's and that's"),
        ("'quoted'", "'quoted'"),
    ],
)
def test_what_a_shell_would_take_away_is_no_part_of_a_name(home: Path, typed: str, meant: str) -> None:
    (home / "a b").mkdir()
    (home / "'quoted'").mkdir()
    assert answers.path(typed) == str(home / meant)


def test_blanks_at_an_end_belong_to_a_name_that_is_there(home: Path) -> None:
    (home / "a ").mkdir()
    assert answers.path("~/a ") == str(home / "a ")


@pytest.mark.parametrize("typed", ["~nobody-of-that-name/a", "a\udce9", "a\0b"])
def test_what_no_path_can_be_is_refused(typed: str) -> None:
    with pytest.raises(UsageError):
        answers.path(typed)


@pytest.mark.parametrize(
    "url", ["git@server:notes.git", "server:notes", "ssh://a@b:22/c", "https://a/b", "host::music"]
)
def test_an_address_elsewhere_stays_as_it_is(url: str) -> None:
    assert answers.address(f" {url} ") == url


@pytest.mark.parametrize(("typed", "meant"), [("~/hub.git", "hub.git"), ("../hub.git", "../hub.git"), ("./a:b", "a:b")])
def test_an_address_here_is_absolute(home: Path, typed: str, meant: str) -> None:
    assert answers.address(typed) == os.path.normpath(home / meant)


def test_an_address_is_no_option() -> None:
    with pytest.raises(UsageError, match="cannot be an address"):
        answers.address("--upload-pack=x")


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (answers.person, "Ada O'Hara Grüß", "Ada <ada>"),
        (answers.mail, "ada@example.org", "ada"),
        (answers.mail, "ada+git@example.org", "ada @example.org"),
        (answers.every, "30m", "30"),
        (answers.every, "off", "often"),
        (answers.every, "1d", "10ms"),
    ],
)
def test_what_is_typed_is_taken_or_refused(check: Callable[[str], str], good: str, bad: str) -> None:
    assert check(f" {good} ") == good
    with pytest.raises(UsageError) as refused:
        check(bad)
    assert refused.value.hint


def test_a_path_is_completed_by_what_is_there(home: Path) -> None:
    for name in ("Notes/2026", "Notes/2025", ".config", "No\x1bway"):
        (home / name).mkdir(parents=True)
    (home / "Now").write_text("")
    assert completed("~/No", is_only_directories=True) == ["~/Notes/"]
    assert completed("No", is_only_directories=False) == ["Notes/", "Now"]
    assert completed("~/Notes/", is_only_directories=True) == ["~/Notes/2025/", "~/Notes/2026/"]
    assert completed("", is_only_directories=True) == ["Notes/"]
    assert completed("~/.c", is_only_directories=True) == ["~/.config/"]
    assert completed("~", is_only_directories=True) == ["~/"]
    assert completed("nosuch/x", is_only_directories=True) == []
