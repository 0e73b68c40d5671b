"""How the guided setup ends when something is in the way: the person, a server, a file, or nobody to ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.asked import ANOTHER, DIRECTORY, HOME, JOB, REMOTE, Ask, config, make_clones_slow
from tests.daemon.harness import Machine


@pytest.mark.parametrize(("key", "status"), [("\x03", 130), ("\x04", 0)], ids=["Ctrl-C", "Ctrl-D"])
def test_who_leaves_is_told_what_was_done_and_what_was_not(box: Machine, ask: Ask, key: str, status: int) -> None:
    box.repo()
    first = ask()
    first.asked(DIRECTORY)
    first.type(key)
    assert first.end() == status
    assert "Nothing was changed." in first.shown
    assert not box.config.exists()
    person = ask()
    person.answers((DIRECTORY, "notes"), (REMOTE, ""), ("Watch ~/notes?", ""))
    person.asked(ANOTHER)
    person.type(key)
    assert person.end() == status
    account = person.shown.partition("Left before the end")[2]
    assert "gitsyncctl unwatch" in account
    assert "Not asked to the end: directories to watch, files of your home directory" in account
    assert "Traceback" not in person.shown


def test_an_import_that_cannot_be_made_leaves_the_old_file_in_force(box: Machine, ask: Ask) -> None:
    ini = box.home / ".config/gitsync"
    ini.parent.mkdir()
    ini.write_text("[gitsync]\nwork_dir = ~/old\n")
    (box.home / ".config/gitsync.ini").write_text("[gitsync]\nwork_dir = ~/older\n")
    person = ask()
    person.answers(("Take it over?", "y"))
    person.wait_for("cannot move")
    person.answers(("~/older", "n"), (DIRECTORY, ""), (HOME, ""), (JOB, ""), ("Start it in the background now?", "n"))
    assert person.end() == 1
    assert ini.read_text() == "[gitsync]\nwork_dir = ~/old\n"


def test_what_is_broken_off_in_the_middle_is_said_to_be(box: Machine, ask: Ask, hub: Path, tmp_path: Path) -> None:
    make_clones_slow(box, tmp_path)
    person = ask()
    person.answers((DIRECTORY, ""), (HOME, "clone"), ("pushed to?", str(hub)), ("Where is it to be?", ""))
    person.answers(("Take it over?", "y"))
    person.wait_for("clone  1 s")
    person.type("\x03")
    assert person.end() == 130
    assert "clone the mirror ~/.local/share/gitsync/home: interrupted" in person.shown
    assert not (box.home / ".local/share/gitsync/home").exists()
    assert "home" not in config(box)


def test_trouble_that_nobody_foresaw_ends_a_step_and_not_the_account(box: Machine, ask: Ask) -> None:
    box.repo()
    person = ask()
    person.asked(DIRECTORY)
    box.write_config("[[repo]\n")
    person.type("notes\r")
    person.answers((JOB, ""))
    assert person.end() == 1
    account = person.shown.partition("The end")[2]
    assert "Not done:\ndirectories to watch: " in account
    assert box.config.read_text() == "[[repo]\n"


def test_it_needs_somebody_to_ask(box: Machine) -> None:
    done = box.ctl("setup")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: setup asks questions, and there is no terminal\nhint: ")
    told = box.ctl("setup", "--json")
    assert (told.returncode, json.loads(told.stdout)["error"]["code"]) == (2, "usage")


def test_a_faulty_configuration_is_said_before_anything_is_asked(box: Machine, ask: Ask) -> None:
    box.write_config("[[repo]\n")
    person = ask()
    assert person.end() == 2
    assert "config.toml" in person.shown
    assert "Step 1" not in person.shown


def test_a_server_that_does_not_answer_is_said_and_only_taken_when_wanted(box: Machine, ask: Ask, hub: Path) -> None:
    box.repo()
    gone = hub.with_name("gone.git")
    person = ask()
    person.answers(
        (DIRECTORY, "notes"),
        (REMOTE, str(gone)),
        (f"there is no {gone}", ""),
        (REMOTE, str(gone)),
        ("Use it anyway?", "y"),
        ("Watch ~/notes?", "y"),
        (ANOTHER, ""),
        (HOME, "clone"),
        ("pushed to?", str(gone)),
        ("Use it anyway?", "y"),
        ("Where is it to be?", ""),
        ("Take it over?", "y"),
        (JOB, ""),
        ("Start it in the background now?", "n"),
    )
    assert person.end() == 1
    assert f"hint: to have an empty repository there: git init --bare {gone}" in person.shown
    assert "clone the mirror ~/.local/share/gitsync/home" in person.shown.partition("Not done:")[2]
    assert "watch ~/notes" not in person.shown.partition("Not done:")[2]
    assert run_git(box.home / "notes", "remote", "get-url", "origin") == str(gone)
    assert "home" not in config(box)
