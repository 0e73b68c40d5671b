"""Every command of docs/without-a-server.rst, run as it is written there, on two machines."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.fakes.sshd import Sshd

PAGE = (Path(__file__).resolve().parents[2] / "docs/without-a-server.rst").read_text(encoding="utf-8")


def steps(section: str) -> list[tuple[str, list[str]]]:
    """Return the blocks of commands of a section, each with the machine that it is for."""
    body = re.split(r"^=+$\n", PAGE.partition(f"\n{section}\n")[2], flags=re.MULTILINE)[1]
    found = re.findall(r"On the (\w+)[^\n]*::\n\n((?:    .*\n)+)", body)
    return [(where, [line.strip() for line in block.splitlines()]) for where, block in found]


def follow(section: str, machines: dict[str, Machine], stick: Path) -> None:
    """Run the commands of a section; the stick is another directory than on the page."""
    done = steps(section)
    assert done, section
    for where, lines in done:
        box = machines[where]
        for line in lines:
            command = line.replace("/media/usb", str(stick))
            ran = subprocess.run(
                ["sh", "-c", command],
                env=box.env,
                cwd=box.home,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
        box.ctl("config", "set", "defaults.quiet", "100ms")
        if box.process is None:
            box.start()
        else:
            box.ctl("reload")
        # The next machine is sat at when this one is at rest.
        wait_for(f"rest on the {where}", lambda box=box: is_at_rest(box))  # type: ignore[misc]


def is_at_rest(box: Machine) -> bool:
    repo = box.repo_status("Notes")
    return repo["state"] == "ok" and all(each["last_pull"] or each["last_push"] for each in repo["remotes"])


@pytest.fixture
def two(tmp_path: Path) -> Iterator[dict[str, Machine]]:
    """The desk and the laptop."""
    with machine(tmp_path / "desk") as desk, machine(tmp_path / "laptop") as laptop:
        yield {"desk": desk, "laptop": laptop}


def is_everywhere(two: dict[str, Machine], name: str) -> bool:
    return all((each.home / "Notes" / name).exists() for each in two.values())


def write_on_both(two: dict[str, Machine]) -> None:
    for name, each in two.items():
        (each.home / "Notes" / f"{name}.txt").write_text(name)
    for name in two:
        wait_for(f"the file of the {name}", lambda name=name: is_everywhere(two, f"{name}.txt"))  # type: ignore[misc]


def test_two_laptops_without_a_server(two: dict[str, Machine], tmp_path: Path) -> None:
    with Sshd(tmp_path / "ssh") as server:
        os.symlink(two["desk"].home / "Notes", tmp_path / "ssh/home/Notes")
        two["laptop"].env["GIT_SSH_COMMAND"] = server.ssh_command(alias="desk")
        (two["desk"].home / "Notes").mkdir()
        (two["desk"].home / "Notes/first.txt").write_text("first\n")
        follow("Two laptops without a server", two, tmp_path)
        write_on_both(two)
        assert is_everywhere(two, "first.txt")


@pytest.mark.soak
def test_two_laptops_and_a_stick(two: dict[str, Machine], tmp_path: Path) -> None:
    stick = tmp_path / "media/usb"
    stick.mkdir(parents=True)
    (two["laptop"].home / "Notes").mkdir()
    (two["laptop"].home / "Notes/first.txt").write_text("first\n")
    follow("Two laptops and a stick", two, stick)
    write_on_both(two)
    stick.rename(tmp_path / "pocket")
    (two["laptop"].home / "Notes/on the way.txt").write_text("on the way\n")
    two["laptop"].wait_state("offline", "Notes")
    assert two["laptop"].ctl("status").returncode == 0
    (tmp_path / "pocket").rename(stick)
    wait_for("what was written on the way", lambda: is_everywhere(two, "on the way.txt"), 10.0)


def test_a_server_and_a_stick(two: dict[str, Machine], tmp_path: Path, hub: Path) -> None:
    stick = tmp_path / "usb"
    stick.mkdir()
    laptop = two["laptop"]
    laptop.ctl("watch", str(laptop.home / "Notes"), "--init", "--remote", str(hub))
    (laptop.home / "Notes/first.txt").write_text("first\n")
    follow("A server, and a stick besides", two, stick)
    (laptop.home / "Notes/a.txt").write_text("a\n")
    for place in (hub, stick / "notes.git"):
        wait_for(f"the file in {place}", partial(run_git, place, "log", "--all", "--format=%s", "--", "a.txt"))
    assert [each["name"] for each in laptop.repo_status("Notes")["remotes"]] == ["origin", "usb"]
