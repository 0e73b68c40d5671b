"""A word is found in every version, and the printed command brings that version back; the largest files are named."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from gitsync.git.history.index_lines import update
from gitsync.git.history.line_index import FILE
from gitsync.git.history.log import History
from gitsync.places import repository_dir
from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine


def a_past(box: Machine) -> Path:
    """A repository in which a word stood in a renamed file and in a deleted one."""
    root = box.repo()
    for step in (
        {"trip.md": "to Zanzibar\n" + "line\n" * 20, "b.md": "old Zanzibar\n"},
        {"journey.md": "line\n" * 20, "trip.md": None},
        {"b.md": None},
    ):
        if step.get("journey.md"):
            run_git(root, "mv", "trip.md", "journey.md")
            run_git(root, "commit", "-qm", "rename")
        for name, text in step.items():
            if text is None:
                (root / name).unlink(missing_ok=True)
            else:
                (root / name).write_text(text)
        run_git(root, "add", "-A")
        run_git(root, "commit", "-qm", "step")
    box.configure(root)
    return root


@pytest.mark.parametrize("is_running", [True, False])
def test_each_hit_ends_in_the_command_that_brings_it_back(box: Machine, is_running: bool) -> None:
    root = a_past(box)
    if is_running:
        box.start()
        box.wait_state("ok")
    done = box.ctl("find", "Zanzibar", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["complete"] is True
    hits = {hit["path"]: hit for hit in answer["hits"]}
    assert {path: hit["deleted"] for path, hit in hits.items()} == {"b.md": True, "journey.md": False}
    for hit in hits.values():
        held = run_git(root, "show", f"{hit['commit']}:{hit['path']}").splitlines()
        assert held[hit["line_number"] - 1] == hit["line"]
        words = shlex.split(hit["restore"].replace("~", str(box.home)))
        assert box.ctl(*words[1:]).returncode == 0
    assert "Zanzibar" in (root / "b.md").read_text()
    assert "Zanzibar" in (root / "journey.md").read_text()


def test_a_home_file_is_brought_back_by_the_path_that_people_know(box: Machine) -> None:
    box.configure()
    (box.home / ".vimrc").write_text("set number\n")
    assert box.ctl("init").returncode == 0
    assert box.ctl("add", str(box.home / ".vimrc")).returncode == 0
    (hit,) = json.loads(box.ctl("find", "number", "--json").stdout)["hits"]
    assert (hit["path"], hit["restore"].split()[2]) == (".vimrc", "~/.vimrc")
    assert "gitsyncctl restore ~/.vimrc " in box.ctl("find", "number", "home").stdout


def test_hits_are_printed_for_people_and_nothing_found_is_status_1(box: Machine) -> None:
    a_past(box)
    done = box.ctl("find", "-i", "zanzibar", "notes", "-n", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("gitsyncctl restore") == 1
    assert "notes:b.md:1 (deleted)" in box.ctl("find", "-i", "zanzibar").stdout
    assert box.ctl("find", "Samarkand").returncode == 1
    assert box.ctl("find", "Zanzibar", "notes:b.md").stdout.count("gitsyncctl restore") == 1
    assert box.ctl("find", "--name", "*.md", "--deleted").stdout.count("gitsyncctl restore") == 1
    assert box.ctl("find", "", "notes", "-i", "--name", "B.*").stdout.count("gitsyncctl restore") == 1
    assert "gitsyncctl find '' notes --name 'b.*'" in box.ctl("find", "--name", "b.*", "notes").stdout
    for argv in (["find"], ["find", "(", "--regex"], ["find", "x", "nots"]):
        done = box.ctl(*argv)
        assert done.returncode == 2
        assert "hint: " in done.stderr


@pytest.mark.parametrize("is_running", [True, False])
def test_the_index_of_lines_is_asked_and_says_the_same(box: Machine, is_running: bool) -> None:
    root = a_past(box)

    def found() -> list[str]:
        return [line for line in box.ctl("find", "anzib").stdout.splitlines() if "gitsyncctl restore" in line]

    expected = found()
    assert len(expected) == 2
    place = repository_dir(box.home / ".local/state/gitsync", root) / FILE
    place.parent.mkdir(parents=True, exist_ok=True)
    update(History(root), place, fewest=1)
    if is_running:
        box.start()
        box.wait_state("ok")
    assert found() == expected
    with closing(sqlite3.connect(place)) as database, database:
        database.execute("DELETE FROM documents")
    assert box.ctl("find", "anzib").returncode == 1  # so it was the index that named the files
    place.write_bytes(b"damaged" * 1000)
    assert found() == expected
    assert not place.exists()


def test_a_repository_that_is_away_or_damaged_is_named_and_the_others_answer(box: Machine) -> None:
    away, damaged, well = box.repo("away"), box.repo("damaged"), box.repo("well")
    box.configure(away, damaged, well)
    away.rename(box.home / "elsewhere")
    shutil.rmtree(damaged / ".git/objects")
    (damaged / ".git/objects").mkdir()

    def ask(*argv: str) -> tuple[int, str, str]:
        done = box.ctl(*argv)
        return done.returncode, done.stdout, done.stderr

    for argv in (("find", "first"), ("find", "--regex", "firs."), ("log",), ("undo", "--list"), ("diff",)):
        status, out, errors = ask(*argv)
        assert (status, errors.count("error: "), errors.count("hint: ")) == (1, 2, 2), argv
        assert "~/away does not exist" in errors
        assert "~/damaged: " in errors
        assert "Traceback" not in errors
        assert argv[0] not in ("find", "log") or "well" in out
    answer = json.loads(ask("find", "--regex", "firs.", "--json")[1])
    assert [hit["repo"] for hit in answer["hits"]] == ["well"]
    assert (answer["complete"], [each["repo"] for each in answer["problems"]]) == (False, ["away", "damaged"])
    assert ask("find", "first", "away")[0] == 4
    status, out, _ = ask("machines")
    assert status == 1
    assert "hint: mount or restore it" in " ".join(out.split())
    status, _, errors = ask("resolve", "first.txt", "--ours")
    assert (status, "first.txt is not in conflict" in errors) == (2, True)
    assert ask("doctor")[1].count("~/away does not exist") == 1
    box.start()
    assert ask("find", "first")[:2] == (1, ask("find", "first", "well")[1])


def test_a_search_that_nobody_reads_to_the_end_just_ends(box: Machine) -> None:
    root = a_past(box)
    (root / "many").write_text("".join(f"word {number}\n" for number in range(20_000)))
    run_git(root, "add", "-A")
    run_git(root, "commit", "-qm", "many")
    line = f"{shlex.quote(str(BIN / 'gitsyncctl'))} find word | head -1"
    done = subprocess.run(["sh", "-c", line], env=box.env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "notes:many:1" in done.stdout


def test_the_largest_files_are_named_first(box: Machine) -> None:
    root = a_past(box)
    (root / "film.mp4").write_bytes(os.urandom(200_000))
    run_git(root, "add", "-A")
    run_git(root, "commit", "-qm", "film")
    run_git(root, "rm", "-q", "film.mp4")
    run_git(root, "commit", "-qm", "no film")
    answer = json.loads(box.ctl("size", "notes", "--json").stdout)
    assert answer["repo"] == "notes"
    first = answer["paths"][0]
    assert (first["path"], first["versions"], first["present"]) == ("film.mp4", 1, False)
    assert answer["bytes"] >= first["bytes"] >= 200_000
    shown = box.ctl("size", "-n", "1").stdout
    assert "film.mp4" in shown
    (counted,) = json.loads(box.ctl("size", "Notes:trip.md", "--json").stdout)["paths"]
    assert (counted["path"], counted["present"]) == ("journey.md", True), "by the name that it has now"
    assert box.ctl("size", str(root / "never.md")).returncode == 4
    assert "journey.md" not in shown


def test_an_endless_regular_expression_does_not_hold_up_the_daemon(box: Machine) -> None:
    root = a_past(box)
    (root / "long.txt").write_text("a" * 60 + "!\n")
    box.start()
    box.wait_state("ok")
    search = subprocess.Popen(
        [BIN / "gitsyncctl", "find", "--json", "--regex", "(a+)+$", "Notes"],
        env=box.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(1)
        assert box.ctl("status", "--short", timeout=5).returncode == 0
        assert search.poll() is None  # it would end by itself after five seconds
    finally:
        search.kill()
        search.communicate()
