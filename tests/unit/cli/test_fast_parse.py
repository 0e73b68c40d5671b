"""The quick reader of command lines must agree with argparse wherever it answers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.cli import fast_parse, parser
from gitsync.control.commands import BY_NAME, COMMANDS
from gitsync.control.table import Command
from gitsync.errors import UsageError

WORDS = st.sampled_from(
    [
        "notes",
        "a/b",
        ".",
        "~",
        "~/x",
        "--short",
        "--watch",
        "--wait",
        "--for",
        "1h",
        "--json",
        "--config",
        "f",
        "-f",
        "--socket=/s",
        "--config=f",
        "--accept",
        "-x",
        "--",
        "-5",
        "--sh",
        "--follow",
        "get",
        "path",
        "--help",
        "",
        "k v",
    ]
)


@given(st.sampled_from(COMMANDS), st.lists(WORDS, max_size=5))
def test_both_readers_agree(command: Command, argv: list[str]) -> None:
    found = fast_parse.quick(command, argv)
    if found is not None:
        assert found == parser.parse(command, argv)


@pytest.mark.parametrize("argv", [[], ["--json"], ["notes", "--short"], ["--config", "f", ".", "--watch"]])
def test_what_is_typed_most_is_read_quickly(argv: list[str]) -> None:
    assert fast_parse.quick(BY_NAME["status"], argv) == parser.parse(BY_NAME["status"], argv)


def test_options_stand_anywhere() -> None:
    found = parser.parse(BY_NAME["pause"], ["a", "--for", "1h", "b", "--json", "./c"])
    assert found["names"] == ["a", "b", f"{os.getcwd()}/c"]
    assert found["for"] == 3600
    assert found["global_json"]


@pytest.mark.parametrize(
    ("command", "argv", "told"),
    [
        ("status", ["--bogus"], "--bogus"),
        ("status", ["--sho"], "--sho"),
        ("status", [""], "empty"),
        ("pause", ["--for", "soon"], "soon"),
        ("watch", [], "DIR"),
        ("config", ["burn"], "burn"),
        ("list", ["x"], "x"),
    ],
)
def test_mistakes_are_told(command: str, argv: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parser.parse(BY_NAME[command], argv)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_with_examples(command: object) -> None:
    with pytest.raises(parser.HelpAsked) as asked:
        parser.parse(command, ["--help"])  # type: ignore[arg-type] # parametrize has no better type
    assert "examples:\n  gitsyncctl" in asked.value.text
    assert "--socket PATH" in asked.value.text


def test_the_overview_names_every_command() -> None:
    shown = "\n".join(parser.overview())
    assert all(f"  {command.name} " in shown for command in COMMANDS)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_overview_fits_the_terminal(columns: int) -> None:
    shown = parser.overview(columns)
    examples = shown.index("examples:")
    assert all(len(line) <= columns for line in shown[:examples])
    assert {line.split()[0] for line in shown if line.startswith("  ")} >= {command.name for command in COMMANDS}


@pytest.mark.parametrize("typed", ["//", "//srv/notes", "/srv//notes"])
def test_a_path_has_one_slash_where_two_were_typed(typed: str) -> None:
    assert fast_parse.absolute(typed) == typed.replace("//", "/")


def test_a_bare_name_of_a_sync_manager_file_is_looked_for_where_these_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".sync-conf").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert fast_parse.conf("home.conf") == f"{tmp_path}/here/home.conf", "it is nowhere"
    (tmp_path / ".sync-conf/home.conf").touch()
    assert fast_parse.conf("home.conf") == f"{tmp_path}/.sync-conf/home.conf"
    assert fast_parse.conf("./home.conf") == f"{tmp_path}/here/home.conf", "a path is a path"
    (tmp_path / "here/home.conf").touch()
    assert fast_parse.conf("home.conf") == f"{tmp_path}/here/home.conf"
