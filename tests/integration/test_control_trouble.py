"""Conflicts, resolve and undo as a person sees them: scripted answers, the installed program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitsync.errors import UsageError
from tests.fakes.control import Daemon, ctl

COMMIT = {
    "id": "1a2b3c4d" * 5,
    "time": "2026-01-01T00:00:00+00:00",
    "message": "Resolve a.txt: keep it, remove a.conflict-1a2b3c4d.txt",
}


def version(path: str, text: str | None, **more: Any) -> dict[str, Any]:
    return {
        "path": path,
        "machine": "desk",
        "role": "name",
        "this": False,
        "size": 7,
        "text": text,
        "author": "Ada <ada@example.org>",
        "time": "2026-01-01T00:00:00+00:00",
        **more,
    }


def named(text: str | None = "same\ntheirs\n", **more: Any) -> dict[str, Any]:
    return version("a.txt", text, **more)


def copied(text: str | None = "same\nours\n", **more: Any) -> dict[str, Any]:
    return version("a.conflict-1a2b3c4d.txt", text, **{"role": "copy", "machine": "laptop", "this": True, **more})


def conflict(*versions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "repo": "notes",
        "root": "/home/somebody/my notes",
        "place": "/home/somebody/my notes/a.txt",
        "path": "a.txt",
        "time": "2026-01-01T00:00:00+00:00",
        "versions": list(versions) or [named(), copied()],
        "base": "1a2b3c4d" * 5,
        "ways": ["--keep desk", "--keep laptop", "--both"],
        **more,
    }


def show(tmp_path: Path, *argv: str, **answers: Any) -> tuple[int, str, str]:
    daemon = Daemon(tmp_path, **answers)
    try:
        done = ctl(daemon.path, *argv, cwd=tmp_path)
    finally:
        daemon.server.stop(5.0)
    return done.returncode, done.stdout, done.stderr


def test_a_conflict_is_shown_with_both_versions_and_the_way_out(tmp_path: Path) -> None:
    status, shown, _ = show(tmp_path, "conflicts", conflicts={"conflicts": [conflict()], "errors": []})
    assert status == 1
    assert "notes: a.txt" in shown
    assert "a.txt  from desk, " in shown
    assert "a.conflict-1a2b3c4d.txt  from laptop (this machine), " in shown
    assert "    -theirs\n    +ours\n" in shown
    assert "before both: gitsyncctl show 1a2b3c4d1a:a.txt --in notes" in shown
    assert "to resolve it: gitsyncctl resolve '/home/somebody/my notes/a.txt' --keep desk\n" in shown
    assert "or: gitsyncctl resolve '/home/somebody/my notes/a.txt' --keep laptop\n" in shown


def test_a_long_difference_is_cut_and_full_shows_all(tmp_path: Path) -> None:
    long = conflict(named(), copied("".join(f"{n}\n" for n in range(50))))
    answer = {"conflicts": [long], "errors": []}
    short = show(tmp_path, "conflicts", conflicts=answer)[1]
    assert "more lines: gitsyncctl conflicts --full" in short
    assert "+49" not in short
    (tmp_path / "full").mkdir(mode=0o700)
    assert "+49" in show(tmp_path / "full", "conflicts", "--full", conflicts=answer)[1]


def test_what_is_no_text_shows_its_size_and_what_is_gone_shows_that(tmp_path: Path) -> None:
    odd = conflict(copied(None))
    shown = show(tmp_path, "conflicts", conflicts={"conflicts": [odd], "errors": []})[1]
    assert "a.txt  (removed)" in shown
    assert "not shown line by line: a.conflict-1a2b3c4d.txt is 7 bytes" in shown


def test_what_is_gone_on_either_side_does_not_hide_the_text_of_the_other(tmp_path: Path) -> None:
    waits = {"is_waiting": True, "copies": []}
    answer = {"conflicts": [conflict(named(), **waits), conflict(copied(), **waits)], "errors": []}
    shown = show(tmp_path, "conflicts", conflicts=answer)[1]
    assert "(removed on the other machine)\n" in shown
    assert "a.txt  (removed)\n" in shown
    assert "    @@ -0,0 +1,2 @@\n    +same\n    +ours\n" in shown


def test_a_directory_on_one_side_is_called_one(tmp_path: Path) -> None:
    odd = conflict(named(None, mode="040000", size=0), copied())
    shown = show(tmp_path, "conflicts", conflicts={"conflicts": [odd], "errors": []})[1]
    assert "not shown line by line: a.txt is a directory, a.conflict-1a2b3c4d.txt is 7 bytes" in shown


def test_names_and_texts_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    odd = conflict(version("\x1b[2J", "\x1b]0;owned\x07\n", machine="\x1b[31m"), path="\x1b[2Ja.txt")
    shown = show(tmp_path, "conflicts", conflicts={"conflicts": [odd], "errors": []})[1]
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_trouble_with_one_repository_is_told_beside_the_others(tmp_path: Path) -> None:
    error = {"repo": "gone", "code": "not-a-repository", "message": "/gone is no repository", "hint": "make it one"}
    status, shown, errors = show(tmp_path, "conflicts", conflicts={"conflicts": [conflict()], "errors": [error]})
    assert (status, "notes: a.txt" in shown) == (1, True)
    assert errors == "error: /gone is no repository\nhint: make it one\n"


def test_none_is_said(tmp_path: Path) -> None:
    assert show(tmp_path, "conflicts", conflicts={"conflicts": [], "errors": []})[:2] == (0, "nothing is in conflict\n")


def test_resolve_says_what_was_done_and_how_to_take_it_back(tmp_path: Path) -> None:
    settled = {
        "repo": "notes",
        "root": "/n",
        "path": "a.txt",
        "choice": "both",
        "removed": [],
        "renamed": [{"from": "a.conflict-1a2b3c4d.txt", "to": "a-kept.txt"}],
        "before": "0" * 40,
        "commit": COMMIT,
        "left": 2,
    }
    status, shown, _ = show(tmp_path, "resolve", "a.txt", "--both", resolve=settled)
    assert status == 0
    assert shown.splitlines() == [
        "resolved a.txt in notes: both stay",
        "  a.conflict-1a2b3c4d.txt is now a-kept.txt",
        "  commit 1a2b3c4 'Resolve a.txt: keep it, remove a.conflict-1a2b3c4d.txt'",
        "  to take this back: gitsyncctl undo notes",
        "2 files are still in conflict: gitsyncctl conflicts notes",
    ]


def test_resolve_asks_for_the_path_from_here_first(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        asked.append(params["path"])
        raise UsageError("no watched repository holds that", code="not-in-conflict")

    status, _, errors = show(tmp_path, "resolve", "sub/a.txt", "--done", resolve=answer)
    assert (status, "no watched repository" in errors) == (2, True)
    assert asked == [str(tmp_path / "sub/a.txt"), "sub/a.txt"]
    # With --repo a relative path is one inside of it.
    del asked[:]
    (tmp_path / "again").mkdir(mode=0o700)
    show(tmp_path / "again", "resolve", "sub/a.txt", "--done", "--repo", "notes", resolve=answer)
    assert asked == ["sub/a.txt"]


@pytest.mark.parametrize("argv", [["--done", "--", "-rf"], ["--repo", "notes", "--done", "--", "-rf"]])
def test_a_file_whose_name_begins_as_an_option_can_be_named(tmp_path: Path, argv: list[str]) -> None:
    asked: list[str] = []

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        asked.append(params["path"])
        return {"repo": "notes", "path": "-rf", "choice": "done"}

    assert show(tmp_path, "resolve", *argv, resolve=answer)[0] == 0
    assert asked == ["-rf" if "--repo" in argv else str(tmp_path / "-rf")]


def test_undo_without_a_name_is_about_the_working_directory(tmp_path: Path) -> None:
    asked: list[tuple[str | None, str | None]] = []

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        asked.append((params["name"], params["within"]))
        raise UsageError("nothing is watched yet")

    assert show(tmp_path, "undo", undo=answer)[0] == 2
    (tmp_path / "again").mkdir(mode=0o700)
    assert show(tmp_path / "again", "redo", "notes", redo=answer)[0] == 2
    assert asked == [(None, str(tmp_path)), ("notes", None)]


@pytest.mark.parametrize("is_trial", [True, False])
def test_undo_says_what_when_and_how_to_take_it_back(tmp_path: Path, is_trial: bool) -> None:
    change = {"commit": COMMIT, "reason": "merge", "time": "2026-01-01T00:00:00+00:00", "paths": ["a.txt"]}
    undone = {
        "repo": "notes",
        "undone": change,
        "paths": [f"{n}.txt" for n in range(12)],
        "kept": ["edited.txt"],
        "commit": None if is_trial else COMMIT,
        "dry_run": is_trial,
    }
    status, shown, _ = show(tmp_path, "undo", "notes", undo=undone)
    assert status == 0
    assert f"notes: {'would undo' if is_trial else 'undid'} the merge of 2026-01-01 00:00:00" in shown
    assert "  9.txt\n  and 2 more\n  left as edited since: edited.txt\n" in shown
    assert ("to take this back: gitsyncctl undo notes --commit 1a2b3c4" in shown) is not is_trial


def test_undo_lists_what_there_is(tmp_path: Path) -> None:
    change = {"repo": "notes", "commit": COMMIT, "reason": "pull", "time": "2026-01-01T00:00:00+00:00", "paths": ["a"]}
    listed = show(tmp_path, "undo", "--list", undo={"changes": [{**change, "is_undone": True}]})[1]
    assert "notes  1a2b3c4" in listed
    assert "pull  1 file  undone" in listed
    (tmp_path / "none").mkdir(mode=0o700)
    assert show(tmp_path / "none", "undo", "--list", undo={"changes": []})[1] == "there is nothing to undo\n"


def test_json_is_the_answer_as_it_is(tmp_path: Path) -> None:
    answer = {"conflicts": [conflict()], "errors": []}
    status, shown, errors = show(tmp_path, "conflicts", "--json", conflicts=answer)
    assert (status, json.loads(shown), errors) == (1, answer, "")
