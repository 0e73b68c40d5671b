"""The how-to pages hold what they say: their commands run from top to bottom, and print what the pages show."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import Machine
from tests.needs import needs

HOWTO = Path(__file__).resolve().parents[2] / "docs/howto"
PAGES = sorted(HOWTO.glob("*.rst"))
SHRINK = HOWTO.parent / "shrink.rst"
SYNC = "gitsyncctl sync Notes --wait"
# Runs the command here, in a directory for each host: what is between two real machines has its own tests.
SSH = """#!/bin/bash
while [ $# -gt 0 ]; do case $1 in
  -[bcDEeFIiJLlmOopQRSWw]) shift 2 ;; -*) shift ;; *) break ;; esac; done
cd "$SERVERS" && mkdir -p "${1#*@}" && cd "${1#*@}" || exit 255
shift
[ $# -gt 0 ] || exit 0
HOME=$PWD exec /bin/sh -c "$*"
"""


class World:
    """The machines of one page, by name, and the servers that they reach by ssh."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.machines: dict[str, Machine] = {}
        (directory / "bin").mkdir()
        (directory / "servers").mkdir()
        (directory / "bin/ssh").write_text(SSH)
        (directory / "bin/ssh").chmod(0o755)

    def machine(self, name: str) -> Machine:
        if name not in self.machines:
            made = self.machines[name] = Machine(self.directory / name)
            made.env["PATH"] = f"{self.directory / 'bin'}:{made.env['PATH']}"
            made.env["SERVERS"] = str(self.directory / "servers")
            made.env.pop("GIT_SSH_COMMAND", None)
        return self.machines[name]

    def run(self, name: str, command: str) -> str:
        """Type a command on a machine, as a person does in a shell, and return what it prints."""
        machine = self.machine(name)
        done = subprocess.run(
            ["bash", "-c", command],
            env=machine.env,
            cwd=machine.home,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
        )
        assert done.returncode == 0, f"on {name}: {command}\n{done.stdout}"
        return done.stdout


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    for machine in made.machines.values():
        machine.ctl("stop")


def steps(page: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (machine, command, lines that it prints) of each command in the blocks that are to be typed."""
    machine, is_typed = "", False
    found: tuple[str, str, list[str]] | None = None
    for line in page.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"\.\. machine: (\w+)", line):
            machine = match[1]
        elif line.startswith(".. code-block:: console"):
            is_typed = True
        elif line and not line.startswith(" "):
            is_typed = False
        elif is_typed and line.startswith("    $ "):
            if found is not None:
                yield found
            found = (machine, line.removeprefix("    $ "), [])
        elif is_typed and line.strip() and found is not None:
            found[2].append(line.removeprefix("    "))
    if found is not None:
        yield found


def matching(shown: str) -> re.Pattern[str]:
    """Return what a line of a page means, in which … is anything."""
    return re.compile(".*".join(map(re.escape, shown.split("…"))))


def test_a_history_is_made_small_on_all_machines(world: World) -> None:
    needs("git-filter-repo")
    desk, laptop = "desk", "laptop"
    for name in (desk, laptop):
        world.run(name, "git config --global user.name Ada; git config --global user.email ada@example.org")
        world.run(name, "gitsync --daemon")
    world.run(desk, "gitsyncctl watch ~/Notes --init; head -c 300000 /dev/urandom > ~/Notes/video.mp4")
    world.run(desk, "echo one > ~/Notes/todo.md; gitsyncctl server init ada@server.example.org:notes.git --for Notes")
    world.run(desk, "gitsyncctl sync --wait")
    world.run(laptop, "gitsyncctl clone ada@server.example.org:notes.git ~/Notes")
    follow(world, SHRINK)
    # The edit on the laptop came through, and the file is in no history any more, on no machine.
    heads = {world.run(name, "git -C ~/Notes rev-parse HEAD") for name in (desk, laptop) if world.run(name, SYNC) or 1}
    assert len(heads) == 1
    for name in (desk, laptop):
        assert "written meanwhile" in world.run(name, "cat ~/Notes/todo.md")
        assert world.run(name, "git -C ~/Notes log --oneline -- video.mp4") == ""
    left = world.run(laptop, "git -C ~/Notes for-each-ref; du -sk ~/Notes/.git/objects")
    assert int(left.splitlines()[-1].split()[0]) < 290, left


def follow(world: World, page: Path) -> None:
    """Type the commands of a page, and compare what they print with it."""
    typed = list(steps(page))
    assert typed
    for machine, command, expected in typed:
        printed = world.run(machine, command).replace("\t", " ").splitlines()
        left = iter(printed)
        for line in expected:
            assert any(matching(line).fullmatch(each) for each in left), (command, line, printed)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_do_what_it_says(world: World, page: Path) -> None:
    follow(world, page)
