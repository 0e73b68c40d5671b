"""Ten times something has to come back: two commands each at most, as --help and hints suggest, and none of git's."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine
from tests.daemon.homes import mirror_of

HOUR, DAY = 3600, 86400


class Person:
    """Someone at a machine who knows the printed help and what was printed before; counts what is typed for a task."""

    def __init__(self, at: Machine) -> None:
        self.at = at
        self.helps: dict[str, str] = {}
        self.printed = ""
        self.typed = 0

    def task(self) -> None:
        """Begin the next task."""
        self.printed, self.typed = "", 0

    def type(self, command: str, status: int = 0) -> str:
        """Type a command of gitsyncctl as it was printed, or as its help has it."""
        self.typed += 1
        assert self.typed <= 2, command
        program, name, *words = shlex.split(command)
        assert program == "gitsyncctl"
        if command not in self.printed:
            self._is_in_the_help(name, [word for word in words if word.startswith("-")])
        done = subprocess.run(
            ["bash", "-c", command],
            env=self.at.env,
            cwd=self.at.home,
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert done.returncode == status, (command, done.stdout, done.stderr)
        self.printed += done.stdout + done.stderr
        return done.stdout + done.stderr

    def _is_in_the_help(self, name: str, options: list[str]) -> None:
        for page in ("", name):
            if page not in self.helps:
                self.helps[page] = self.at.ctl(*([page] if page else []), "--help").stdout
        assert f"\n  {name} " in self.helps[""]
        for option in options:
            assert option in self.helps[name].split("examples:")[0], (name, option)

    def suggested(self, *parts: str) -> str:
        """Return the command in what was printed that has all of these parts."""
        lines = [
            line[line.find("gitsyncctl ") :].strip() for line in self.printed.splitlines() if "gitsyncctl " in line
        ]
        return next(line for line in lines if all(part in line for part in parts))


def commit(root: Path, ago_s: float, change: Callable[[], object]) -> None:
    """Commit a change as if it had been made `ago_s` seconds ago."""
    change()
    when = f"@{int(time.time() - ago_s)} +0000"
    run_git(root, "add", "-A")
    environment = {**os.environ, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when}
    subprocess.run(["git", "-C", str(root), "commit", "-qm", "x"], env=environment, check=True)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def a_past(root: Path) -> None:
    """Three weeks in a directory of notes."""
    letter = "Dear aunt,\n" + "\n".join(f"line {number}" for number in range(30)) + "\n"
    commit(root, 21 * DAY, lambda: write(root / "trips.md", "to Zanzibar, by boat\n"))
    commit(root, 20 * DAY, lambda: write(root / "trips.md", "to Rome\n"))
    commit(root, 15 * DAY, lambda: [write(root / "projects" / name, letter + name) for name in ("a.md", "b.md")])
    commit(root, 14 * DAY, lambda: (root / "projects").rename(root / "essays"))
    commit(root, 13 * DAY, lambda: [write(root / "essays" / name, "spoiled\n") for name in ("a.md", "b.md")])
    commit(root, 2 * DAY, lambda: write(root / "journal/1.md", "first\n"))
    commit(root, HOUR, lambda: [write(root / "journal/1.md", "no\n"), write(root / "journal/2.md", "second\n")])
    commit(root, 3 * HOUR, lambda: write(root / "today.md", "of this morning\n"))
    commit(root, 60, lambda: write(root / "today.md", "of now\n"))
    commit(root, 50, lambda: write(root / "list.md", "".join(f"{number}\n" for number in range(9))))
    commit(root, 40, lambda: (root / "film.mp4").write_bytes(os.urandom(300_000)))


def test_ten_things_come_back_with_two_commands_each(tmp_path: Path, hub: Path) -> None:
    with machine(tmp_path / "desk") as desk, machine(tmp_path / "laptop") as laptop, machine(tmp_path / "new") as new:
        root, there = desk.repo("Notes", remote=hub), laptop.home / "Notes"
        a_past(root)
        for at, name in ((desk, "desk"), (laptop, "laptop"), (new, "new")):
            at.write_config(f'[defaults]\npull = "1h"\n[daemon]\nmachine = "{name}"\n')
        write(desk.home / ".vimrc", "set number\n")
        desk.start()
        desk.ctl("watch", str(root))
        desk.ctl("init")
        desk.ctl("add", str(desk.home / ".vimrc"))
        desk.ctl("sync", "--wait")
        person = Person(desk)

        # 1: a file that was deleted
        (root / "trips.md").unlink()
        desk.ctl("sync", "--wait")
        person.task()
        person.type("gitsyncctl restore ~/Notes/trips.md")
        assert (root / "trips.md").read_text() == "to Rome\n"

        # 2: the version of this morning beside that of now
        person.task()
        person.type("gitsyncctl restore ~/Notes/today.md --at '1 hour ago' --to ~/morning.md")
        assert (desk.home / "morning.md").read_text() == "of this morning\n"
        assert (root / "today.md").read_text() == "of now\n"

        # 3: a directory as it was yesterday
        person.task()
        person.type("gitsyncctl restore ~/Notes/journal --at yesterday")
        assert {path.name: path.read_text() for path in (root / "journal").iterdir()} == {"1.md": "first\n"}

        # 4: the version that held a word
        person.task()
        person.type("gitsyncctl find Zanzibar")
        person.type(person.suggested("restore", "trips.md"))
        assert (root / "trips.md").read_text() == "to Zanzibar, by boat\n"

        # 5: a merge is seen, and undone on both machines
        laptop.start()
        laptop.ctl("clone", str(hub), str(there))
        write(there / "list.md", (there / "list.md").read_text().replace("8\n", "eight of laptop\n"))
        write(root / "list.md", (root / "list.md").read_text().replace("0\n", "zero of desk\n"))
        laptop.ctl("sync", "--wait")
        desk.ctl("sync", "--wait")
        assert "eight of laptop" in (root / "list.md").read_text()
        person.task()
        assert "-eight of laptop" in person.type("gitsyncctl undo Notes --dry-run")
        person.type("gitsyncctl undo Notes")
        laptop.ctl("sync", "--wait")
        for place in (root, there):
            assert (place / "list.md").read_text().startswith("zero of desk\n")
            assert "eight of laptop" not in (place / "list.md").read_text()

        # 6: a conflict is resolved by mixing both versions
        write(root / "list.md", "of desk\n")
        write(there / "list.md", "of laptop\n")
        desk.ctl("sync", "--wait")
        laptop.ctl("sync", "--wait")
        desk.ctl("sync", "--wait")
        editor = tmp_path / "editor"
        editor.write_text("#!/bin/sh\nprintf 'of both\\n' >\"$1\"\n")
        editor.chmod(0o755)
        desk.env["EDITOR"] = desk.env["VISUAL"] = str(editor)
        person.task()
        person.type("gitsyncctl conflicts", status=1)
        person.type(person.suggested("resolve", "--edit"))
        laptop.ctl("sync", "--wait")
        for place in (root, there):
            assert {path.name: path.read_text() for path in place.glob("list*")} == {"list.md": "of both\n"}

        # 7: a dotfile after an upgrade that spoiled it
        write(desk.home / ".vimrc", "spoiled\n")
        desk.ctl("sync", "--wait")
        person.task()
        person.type("gitsyncctl restore ~/.vimrc")
        assert (desk.home / ".vimrc").read_text() == "set number\n"
        assert (mirror_of(desk) / ".vimrc").read_text() == "set number\n"

        # 8: a file, and then the whole directory, from before it was renamed
        person.task()
        person.type("gitsyncctl restore ~/Notes/essays/a.md --at '15 days ago'")
        assert "Dear aunt" in (root / "essays/a.md").read_text()
        assert (root / "essays/b.md").read_text() == "spoiled\n"
        person.type("gitsyncctl restore ~/Notes/essays --at '15 days ago'")
        assert "Dear aunt" in (root / "essays/b.md").read_text()
        assert not (root / "projects").exists()

        # 9: what makes the repository large is found, and not synced any more
        person.task()
        assert "film.mp4" in person.type("gitsyncctl size Notes -n 1")
        person.type("gitsyncctl forget ~/Notes/film.mp4")
        assert (root / "film.mp4").exists()
        assert "film.mp4" not in run_git(root, "ls-files")

        # 10: a new machine, from the server
        fresh = Person(new)
        fresh.type(f"gitsyncctl clone {hub} ~/Notes")
        assert (new.home / "Notes/trips.md").read_text() == "to Zanzibar, by boat\n"
        assert "Notes" in new.ctl("list").stdout
