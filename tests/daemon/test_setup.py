"""The guided setup on a real terminal: what a person is asked, what their answers do, and how it is undone."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitsync.cli import text
from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, wait_for
from tests.fakes.person import Person

Ask = Callable[..., Person]
DIRECTORY, ANOTHER = "Which directory is to be watched?", "Another directory?"
REMOTE, HOME, JOB = "The address of its remote?", "What would you like?", "For which directory is there to be a job?"


@pytest.fixture
def ask(box: Machine) -> Iterator[Ask]:
    """Starts the setup on the machine, on a terminal of so many columns."""
    people: list[Person] = []

    def start(columns: int = 400, *options: str) -> Person:
        person = Person([str(BIN / "gitsyncctl"), *options, "setup"], box.env, box.home, columns)
        people.append(person)
        return person

    yield start
    for person in people:
        person.__exit__()


def undo(person: Person) -> list[str]:
    """Return the command lines that the account at the end names, but those that open an editor."""
    account = person.shown.partition("Done, the newest first:\n")[2].partition("How it stands")[0]
    return [line.strip() for line in account.splitlines() if line.startswith("  ") and "config edit" not in line]


def config(box: Machine) -> dict[str, Any]:
    return tomllib.loads(box.config.read_text()) if box.config.exists() else {}


def everything(box: Machine) -> set[str]:
    return {str(path.relative_to(box.home)) for path in box.home.rglob("*") if ".local" not in path.parts}


def test_from_nothing_to_a_working_machine_and_back(box: Machine, ask: Ask, hub: Path) -> None:
    (box.home / ".gitconfig").unlink()
    (box.home / ".bashrc").write_text("alias ll='ls -l'\n")
    person = ask()
    person.answers(
        ("Your name", "<Ada>"),
        ("cannot be that", "Ada O'Hara Grüß"),
        ("Run that?", "y"),
        ("Your mail address", "ada at example.org"),
        ("Your mail address", "ada@example.org"),
        ("Run that?", ""),
        (DIRECTORY, "Meine Notizen 日本"),
        (REMOTE, "../../hub.git"),
        ("hub.git answers", "y"),
        (ANOTHER, ""),
        (HOME, "2"),
        (REMOTE, ""),
        ("Where is it to be?", ""),
        ("Make it?", "y"),
        ("Track all of these?", "y"),
        ("is to be tracked?", ""),
        (JOB, "~/Music"),
        ("Which program", "rsync"),
        ("other side?", str(hub.parent)),
        ("Which way?", "pull"),
        ("How often?", "soon"),
        ("allowed: a duration", "30m"),
        ("Write it into", "y"),
        (ANOTHER, ""),
    )
    assert person.end() == 0, person.shown
    root = box.home / "Meine Notizen 日本"
    found = config(box)
    assert [repo["path"] for repo in found["repo"]] == [f"~/{root.name}"]
    assert (found["job"][0]["backend"], found["job"][0]["mode"], found["job"][0]["every"]) == ("rsync", "pull", "30m")
    assert run_git(root, "remote", "get-url", "origin") == str(hub)
    assert "Ada O'Hara Grüß" in (box.home / ".gitconfig").read_text()
    assert box.gitsync("--check").returncode == 0
    (root / "a.txt").write_text("a\n")
    box.gitsync("--once")
    assert "a.txt" in run_git(hub, "log", "--all", "--name-only", "--format=")
    assert ".bashrc" in run_git(box.home / ".local/share/gitsync/home", "ls-files")
    for line in undo(person):
        done = subprocess.run(["bash", "-c", line], env=box.env, cwd="/", capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stderr}"
    assert "repo" not in config(box)
    assert (root / "a.txt").exists()
    assert not (root / ".git").exists()
    assert "Ada" not in (box.home / ".gitconfig").read_text()
    assert json.loads(box.ctl("list", "--json").stdout)["home"] == []


def test_without_a_yes_nothing_is_written(box: Machine, ask: Ask) -> None:
    (box.home / "plain").mkdir()
    (box.home / ".config").mkdir()
    (box.home / ".config/gitsync.ini").write_text("[gitsync]\nwork_dir = ~/plain\n")
    before = everything(box)
    person = ask()
    person.answers(
        ("Take it over?", "n"),
        (DIRECTORY, "plain"),
        (REMOTE, ""),
        ("Watch ~/plain?", "no"),
        (ANOTHER, ""),
        (HOME, "new"),
        (REMOTE, ""),
        ("Where is it to be?", "~/mirror"),
        ("Make it?", "n"),
        (JOB, "plain"),
        ("Which program", "rsync"),
        ("other side?", "/srv"),
        ("Which way?", ""),
        ("How often?", ""),
        ("Write it into", "n"),
        (ANOTHER, ""),
    )
    assert person.end() == 0
    assert "Nothing was changed." in person.shown
    assert everything(box) == before


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


def test_a_directory_that_cannot_be_watched_is_refused_with_the_reason(box: Machine, ask: Ask) -> None:
    box.configure(box.repo())
    run_git(box.home, "init", "-q", "--bare", "bare.git")
    (box.home / "notes/inside").mkdir()
    (box.home / "nowhere").symlink_to("/no/such/place")
    person = ask()
    person.answers(
        (DIRECTORY, "notes"),
        ("is watched already, as notes", "notes/first.txt"),
        ("is not a directory", "notes/first.txt/below"),
        ("is not a directory", "notes/inside"),
        ("lies in the work tree ~/notes", "bare.git"),
        ("is a bare repository", "."),
        ("is too much to watch", "nowhere"),
        ("is a link that leads nowhere", "~nobody-of-that-name/x"),
        ("there is no home directory for ~nobody-of-that-name", ""),
        (HOME, ""),
        (JOB, ""),
    )
    assert person.end() == 0
    assert [repo["path"] for repo in config(box)["repo"]] == [str(box.home / "notes")]


def test_a_server_that_does_not_answer_is_said_and_only_taken_when_wanted(box: Machine, ask: Ask, hub: Path) -> None:
    box.repo()
    gone = hub.with_name("gone.git")
    person = ask()
    person.answers(
        (DIRECTORY, "notes"),
        (REMOTE, str(gone)),
        ("there is no such repository", ""),
        (REMOTE, str(gone)),
        ("Take it nevertheless?", "y"),
        ("Watch ~/notes?", "y"),
        (ANOTHER, ""),
        (HOME, "clone"),
        ("pushed to?", str(gone)),
        ("Take it nevertheless?", "y"),
        ("Where is it to be?", ""),
        ("Take it over?", "y"),
        (JOB, ""),
    )
    assert person.end() == 1
    assert f"hint: git ls-remote {gone}" in person.shown
    assert "Not done:\nclone the mirror ~/.local/share/gitsync/home: cannot clone" in person.shown
    assert run_git(box.home / "notes", "remote", "get-url", "origin") == str(gone)
    assert "home" not in config(box)


def test_what_older_programs_left_is_taken_over_once(box: Machine, ask: Ask, tmp_path: Path) -> None:
    box.repo("old")
    run_git(tmp_path, "init", "-q", "dotfiles")
    (tmp_path / "dotfiles/.vimrc").write_text("set nu\n")
    (box.home / ".config").mkdir()
    (box.home / ".config/gitsync").write_text("[gitsync]\nwork_dir = ~/old\n")
    (box.home / ".trakk.config").write_text(json.dumps({"repository": str(tmp_path / "dotfiles"), "refs": [".vimrc"]}))
    (box.home / ".sync-conf").mkdir()
    (box.home / ".sync-conf/a.conf").write_text(f'[git]\n~/thesis {tmp_path}/thesis.git "Ada L" ada@example.org\n')
    person = ask()
    person.answers(("is the first GitSync's", ""), ("is TRAKK's", ""), ("are Sync Manager's", ""), (DIRECTORY, ""))
    person.answers(("Track this one?", ""), ("is to be tracked?", ""), (JOB, ""))
    assert person.end() == 0, person.shown
    found = config(box)
    assert [repo["path"] for repo in found["repo"]] == ["~/old"]
    assert (found["home"]["repo"], found["job"][0]["path"]) == (str(tmp_path / "dotfiles"), "~/thesis")
    assert (box.home / ".config/gitsync.ini").read_text() == "[gitsync]\nwork_dir = ~/old\n"
    assert (box.home / ".vimrc").read_text() == "set nu\n"
    again = ask()
    again.wait_for("all is taken over already")
    again.answers((DIRECTORY, ""), ("Track this one?", ""), ("is to be tracked?", ""), (JOB, ""))
    assert again.end() == 0
    assert "old  main" in again.shown


def test_an_import_that_cannot_be_made_leaves_the_old_file_in_force(box: Machine, ask: Ask) -> None:
    ini = box.home / ".config/gitsync"
    ini.parent.mkdir()
    ini.write_text("[gitsync]\nwork_dir = ~/old\n")
    (box.home / ".config/gitsync.ini").write_text("[gitsync]\nwork_dir = ~/older\n")
    person = ask()
    person.answers(("Take it over?", "y"))
    person.wait_for("cannot move")
    person.answers(("~/older", "n"), (DIRECTORY, ""), (HOME, ""), (JOB, ""))
    assert person.end() == 1
    assert ini.read_text() == "[gitsync]\nwork_dir = ~/old\n"


def test_forty_columns_are_enough(box: Machine, ask: Ask) -> None:
    box.repo()
    person = ask(40)
    person.answers((DIRECTORY, "nosuch/" + "x" * 30), (REMOTE, ""), ("Watch", "n"), (ANOTHER, ""), (HOME, ""))
    person.answers(("there to be a", ""))
    assert person.end() == 0
    told = [line for line in person.shown.splitlines() if line and not line.startswith(("  ", "hint:", ">", "~/"))]
    assert len(told) > 20
    assert [line for line in told if text.width(line) > 40] == []


def test_tab_completes_a_directory(box: Machine, ask: Ask) -> None:
    (box.home / "Some Notes" / "deep").mkdir(parents=True)
    (box.home / "Some file").write_text("")
    person = ask()
    person.asked(DIRECTORY)
    person.type("~/So\td\t")
    person.wait_for("~/Some Notes/deep/")
    person.type("\r")
    person.answers((REMOTE, ""))
    person.asked("Watch ~/Some Notes/deep?")
    person.type("\x04")
    assert person.end() == 0


def test_a_running_daemon_takes_it_up_at_once(box: Machine, ask: Ask) -> None:
    box.configure(box.repo())
    box.repo("papers")
    box.start()
    person = ask()
    person.answers((DIRECTORY, "papers"), (REMOTE, ""), ("Watch ~/papers?", ""), (ANOTHER, ""), (HOME, ""), (JOB, ""))
    assert person.end() == 0
    assert box.process is not None
    wait_for("papers", lambda: any(repo["name"] == "papers" for repo in box.status()["repos"]))


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
