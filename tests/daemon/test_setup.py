"""The guided setup on a real terminal: what a person is asked, what their answers do, and how it is undone."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from gitsync.cli import layout
from tests.conftest import run_git
from tests.daemon.asked import ANOTHER, DIRECTORY, HOME, JOB, REMOTE, Ask, config
from tests.daemon.harness import BIN, Machine, wait_for
from tests.fakes.person import Person
from tests.fakes.user_manager import UserManager
from tests.needs import needs


def undo(person: Person) -> list[str]:
    """Return the command lines that undo what the account at the end names, but those that open an editor."""
    account = re.split("Still to do|To see the state", person.shown.partition("Done, the newest first:\n")[2])[0]
    return [line.strip() for line in account.splitlines() if line.startswith("  ") and "config edit" not in line]


def everything(box: Machine) -> set[str]:
    return {str(path.relative_to(box.home)) for path in box.home.rglob("*") if ".local" not in path.parts}


def test_from_nothing_to_a_working_machine_and_back(box: Machine, ask: Ask, hub: Path) -> None:
    needs("rsync")
    (box.home / ".gitconfig").unlink()
    (box.home / ".bashrc").write_text("alias ll='ls -l'\n")
    person = ask()
    person.answers(
        ("Your name", "<Ada>"),
        ("cannot be that", "Ada O'Hara Grüß"),
        ("Run that?", "maybe"),
        ("please answer y or n", "y"),
        ("Your mail address", "ada at example.org"),
        ("Your mail address", "ada@example.org"),
        ("Run that?", ""),
        (DIRECTORY, "Meine Notizen 日本"),
        ("Create it?", ""),
        (REMOTE, "../../hub.git"),
        ("hub.git answers", "y"),
        (ANOTHER, ""),
        (HOME, "4"),
        ("please answer with a number from 1 to 3", "2"),
        (REMOTE, ""),
        ("Where is it to be?", ""),
        ("Make it?", "y"),
        ("Which of them?", "all"),
        ("Track this?", "y"),
        ("is to be tracked?", ""),
        (JOB, "~/Music"),
        ("Which program", "rsync"),
        ("other side?", str(hub.parent)),
        ("Which way?", "pull"),
        ("How often?", "soon"),
        ("allowed: a duration", "30m"),
        ("Write it into", "y"),
        (ANOTHER, ""),
        ("Start it in the background now?", "n"),
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
    assert config(box).keys() == {"job"}
    assert (root / "a.txt").exists()
    assert not (root / ".git").exists()
    assert "Ada" not in (box.home / ".gitconfig").read_text()
    assert json.loads(box.ctl("list", "--json").stdout)["home"] == []


def test_without_a_yes_nothing_is_written(box: Machine, ask: Ask) -> None:
    needs("rsync")
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
        ("Start it in the background now?", "n"),
    )
    assert person.end() == 0
    assert [repo["path"] for repo in config(box)["repo"]] == [str(box.home / "notes")]


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
    person.answers(
        ("Which of them?", ""), ("is to be tracked?", ""), (JOB, ""), ("Start it in the background now?", "n")
    )
    assert person.end() == 0, person.shown
    found = config(box)
    assert [repo["path"] for repo in found["repo"]] == ["~/old"]
    assert (found["home"]["repo"], found["job"][0]["path"]) == (str(tmp_path / "dotfiles"), "~/thesis")
    assert (box.home / ".config/gitsync.ini").read_text() == "[gitsync]\nwork_dir = ~/old\n"
    assert (box.home / ".vimrc").read_text() == "set nu\n"
    again = ask()
    again.wait_for("all of theirs is taken over already")
    again.answers(
        (DIRECTORY, ""),
        ("Which of them?", ""),
        ("is to be tracked?", ""),
        (JOB, ""),
        ("Start it in the background now?", "n"),
    )
    assert again.end() == 0
    assert "old  main" in again.shown


def test_forty_columns_are_enough(box: Machine, ask: Ask) -> None:
    box.repo()
    person = ask(40)
    person.answers(
        (DIRECTORY, "nosuch/" + "x" * 30), ("it?", ""), (REMOTE, ""), ("Watch", "n"), (ANOTHER, ""), (HOME, "")
    )
    person.answers(("there to be a", ""))
    assert person.end() == 0
    told = [line for line in person.shown.splitlines() if line and not line.startswith(("  ", "hint:", ">", "~/"))]
    assert len(told) > 20
    assert [line for line in told if layout.width(line) > 40] == []


def test_what_commands_say_is_broken_at_blanks(box: Machine) -> None:
    (box.home / ".vimrc").write_text("set nu\n")
    (box.home / "some-notes").mkdir()
    watch = ["watch", "some-notes", "--init"]
    for argv in (watch, watch, ["init"], ["add", ".vimrc"], ["remove", ".vimrc"], ["unwatch", "home"]):
        with Person([str(BIN / "gitsyncctl"), *argv], box.env, box.home, 40) as person:
            assert person.end() == 0, person.shown
        assert [line for line in person.shown.splitlines() if layout.width(line) > 40] == [], person.shown


def test_a_place_that_cannot_be_is_not_offered(box: Machine, ask: Ask) -> None:
    needs("rsync")
    (box.home / ".local/share/gitsync").mkdir(parents=True)
    (box.home / ".local/share/gitsync/home").write_text("")
    person = ask()
    person.answers(
        (DIRECTORY, ""),
        (HOME, "new"),
        (REMOTE, ""),
        ("is not a directory", ""),
        ("there to be a job?", "~/Music"),
        ("Which program", "rsync"),
        ("other side?", ""),
        (ANOTHER, ""),
    )
    assert person.end() == 0, person.shown
    assert "[Enter: no mirror now]" in person.shown
    assert "Nothing was changed." in person.shown


def test_a_name_that_was_not_given_is_still_to_do(box: Machine, ask: Ask) -> None:
    (box.home / ".gitconfig").write_text("")
    person = ask()
    person.answers(("Your name", ""), ("Your mail address", ""), (DIRECTORY, ""), (HOME, ""), (JOB, ""))
    assert person.end() == 0
    to_do = person.shown.rpartition("Still to do:")[2]
    assert "git config --global user.name" in to_do
    assert "git config --global user.email" in to_do


def test_without_a_service_manager_the_daemon_is_started_or_left_to_do(box: Machine, ask: Ask) -> None:
    box.configure(box.repo())
    person = ask()
    person.answers((DIRECTORY, ""), (HOME, ""), (JOB, ""), ("Start it in the background now?", "n"))
    assert person.end() == 0
    command = person.shown.partition("start it in the background\n")[2].partition("\n")[0]
    assert command == "  gitsync --daemon"
    person = ask()
    person.answers((DIRECTORY, ""), (HOME, ""), (JOB, ""), ("Start it in the background now?", ""))
    assert person.end() == 0
    assert undo(person) == ["gitsyncctl stop"]
    assert box.status()["daemon"] is not None
    assert box.ctl("stop").returncode == 0


def test_a_slip_is_found_at_once_and_back_returns_to_the_step_before(box: Machine, ask: Ask) -> None:
    (box.home / ".gitconfig").write_text("")
    for name in (".bashrc", ".profile", ".vimrc"):
        (box.home / name).write_text("")
    person = ask(80)
    person.answers(
        ("Your name", ""),
        ("Your mail address", "ada@example.org"),
        ("Run that?", ""),
        ("Step 2 of 5: directories to watch", "~/Notse"),
        ("~/Notse does not exist. Create it?", "n"),
        (ANOTHER, "back"),
        ("Your name", "Ada"),
        ("Run that?", "y"),
        (DIRECTORY, ""),
        (HOME, "new"),
        (REMOTE, ""),
        ("Where is it to be?", ""),
        ("Make it?", "y"),
        ("Which of them?", "1 9"),
        ("'9' is not a number from 1 to 4", "1, 3-4"),
        ("gitsyncctl add ~/.bashrc ~/.gitconfig ~/.vimrc", ""),
        ("is to be tracked?", ""),
        (JOB, ""),
        ("now?", "n"),
    )
    assert person.end() == 0
    assert "Still to do:\nstart it in the background" in person.shown, "the name was given meanwhile"
    assert not (box.home / "Notse").exists()
    assert [line for line in person.shown.splitlines() if layout.width(line) > 80] == []


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


def test_the_last_step_installs_the_service() -> None:
    with UserManager() as session:
        session.configure(session.repo())
        setup = ["script", "--quiet", "--return", "--command", f"{BIN}/gitsyncctl setup", "/dev/null"]
        ran = session.run(*setup, input="\n\n\n\n", TERM="xterm")
        assert ran.status == 0, ran
        assert "runs as a service of systemd (PID " in ran.out
        assert "gitsyncctl service uninstall" in ran.out.partition("Done, the newest first:")[2]
        again = session.run(*setup, input="\n\n\n\n", TERM="xterm")
        assert "it is a service of systemd and runs (PID " in again.out
        assert "Nothing was changed." in again.out


@pytest.mark.parametrize("spoil", ["root", "file", "syntax"])
def test_an_import_that_is_refused_changes_nothing(box: Machine, tmp_path: Path, spoil: str) -> None:
    (tmp_path / "plain").write_text("")
    before = "[[repo]\n" if spoil == "syntax" else "[daemon]\n"
    place = {"root": "/", "file": f"{tmp_path}/plain/dotfiles", "syntax": str(tmp_path / "dotfiles")}[spoil]
    box.write_config(before)
    given = box.home / "trakk.json"
    given.write_text(json.dumps({"repository": place, "refs": [".vimrc"]}))
    done = box.ctl("import", "--trakk", str(given))
    assert done.returncode in (2, 4), done.stderr
    assert "hint: " in done.stderr
    assert box.config.read_text() == before
