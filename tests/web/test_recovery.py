"""A person with two machines and a browser: what was lost, torn or too large is put right by a few counted clicks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.web.browser import Tab, chromium, tab
from tests.web.kit import page
from tests.web.world import PROMISE, World, usual

NOTHING_YET = '[defaults]\nquiet = "100ms"\npull = "1s"\npush = "50ms"\n'
BASHRC = "alias ll='ls -l'\nPS1='$ '\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as it:
        yield it


def furnish(box: Machine, hub: Path) -> World:
    """Give a machine the usual history and a film, and the server all of it."""
    world = usual(box.home / "Notes")
    world.write("holiday/film.mp4", os.urandom(300_000))
    world.commit("Add holiday/film.mp4", ago_s=600)
    run_git(world.root, "branch", "-M", "main")
    run_git(world.root, "remote", "add", "origin", str(hub))
    run_git(world.root, "push", "-q", "-u", "origin", "main")
    box.configure(world.root)
    box.write_config(box.config.read_text() + '[daemon]\nmachine = "desk"\n')
    return world


def test_what_was_lost_or_torn_on_two_machines_is_put_right(browser: Browser, hub: Path, tmp_path: Path) -> None:
    counts: dict[str, int] = {}
    with machine(tmp_path / "desk") as desk, machine(tmp_path / "laptop") as laptop:
        world = furnish(desk, hub)
        desk.start()
        laptop.write_config(NOTHING_YET + '[daemon]\nmachine = "laptop"\n')
        laptop.start()
        with (
            page(desk) as site,
            page(laptop) as other,
            tab(browser, site.entry) as one,
            tab(browser, other.entry) as two,
        ):
            counts["a new machine from the server"] = new_machine(two, laptop, hub)
            counts["the version that contained a word"] = word(one, world)
            counts["a dotfile after a bad upgrade"] = dotfile(one, desk)
            counts["the undo of a merge, on both machines"] = merge(one, desk, world, laptop.home / "Notes")
            counts["a conflict resolved by mixing both"] = conflict(one, desk, world, laptop.home / "Notes")
            counts["what makes the repository large"] = large(one, world)
    assert counts == {
        "a new machine from the server": 2,
        "the version that contained a word": 3,
        "a dotfile after a bad upgrade": 4,
        "the undo of a merge, on both machines": 3,
        "a conflict resolved by mixing both": 4,
        "what makes the repository large": 4,
    }


def new_machine(person: Tab, laptop: Machine, hub: Path) -> int:
    """Set up an empty machine; the address is typed."""
    person.begin()
    person.click("Set up this machine")
    person.page.get_by_label("Its address").fill(str(hub))
    person.page.get_by_label("The directory here").fill("~/Notes")
    person.click("Bring it here", role="button")
    assert "is in ~/Notes, and watched" in person.text()
    wait_for("the files", lambda: (laptop.home / "Notes/todo.txt").exists())
    return person.clicks


def word(person: Tab, world: World) -> int:
    """Bring back the letter with a promise that was taken out of it since; the word is typed."""
    person.begin()
    person.click("Find", within="nav")
    person.page.get_by_label("Word", exact=True).fill("Zanzibar")
    person.page.keyboard.press("Enter")
    person.page.wait_for_selector("text=the ferry runs")
    person.click("Bring back letters/aunt.txt")
    person.click("Bring it back", role="button")
    assert PROMISE in (world.root / "letters/aunt.txt").read_text()
    return person.clicks


def dotfile(person: Tab, desk: Machine) -> int:
    """Bring back a file of home that an upgrade has replaced."""
    bashrc = desk.home / ".bashrc"
    bashrc.write_text(BASHRC)
    assert desk.ctl("init").returncode == 0
    assert desk.ctl("add", str(bashrc)).returncode == 0
    bashrc.write_text("# the defaults of version 2\n")
    wait_for(
        "the bad version", lambda: desk.ctl("restore", str(bashrc), "--list", "--json").stdout.count('"what"') == 2
    )
    person.begin()
    person.click("Files of home")
    person.click(".bashrc")
    person.click("Bring back the one before")
    person.click("Bring it back", role="button")
    assert bashrc.read_text() == BASHRC
    return person.clicks


def meanwhile(desk: Machine, world: World, there: Path, name: str, theirs: str, mine: Path, text: str) -> None:
    """Have the laptop change a file, and the desk, which hears nothing of it, `mine`; then let the desk go on."""
    # Not by a git of the test's: it would meet gitsync, which has written the files and not moved the branch yet.
    wait_for(
        "the laptop to be level",
        lambda: run_git(there, "rev-parse", "HEAD") == run_git(world.root, "ls-remote", "origin", "main").split()[0],
    )
    assert desk.ctl("pause", "Notes").returncode == 0
    (there / name).write_text(theirs)
    wait_for(
        "the push", lambda: run_git(world.root, "ls-remote", "origin", "main").split()[0] == head(there, name, theirs)
    )
    mine.write_text(text)
    assert desk.ctl("resume", "Notes").returncode == 0


def head(root: Path, name: str, text: str) -> str:
    """Return the commit that a branch is at, "" while it has not this text."""
    commit = run_git(root, "rev-parse", "HEAD")
    return commit if run_git(root, "show", f"{commit}:{name}") == text.strip() else ""


def merge(person: Tab, desk: Machine, world: World, there: Path) -> int:
    """Take back what a merge brought, on one machine; the other one follows, and edits of the first one stay."""
    before, code = (world.root / "todo.txt").read_text(), world.root / "code/words.py"
    meanwhile(desk, world, there, "todo.txt", f"{before}from the laptop\n", code, "# from the desk\n")
    wait_for("the merge", lambda: "from the laptop" in (world.root / "todo.txt").read_text())
    person.begin()
    person.click("Timeline of Notes")
    person.click("Undo this", within=".group.merge")
    person.click("Undo it", role="button")
    assert "Undone" in person.text()
    wait_for("the undo on both", lambda: {(at / "todo.txt").read_text() for at in (world.root, there)} == {before})
    assert (there / "code/words.py").read_text() == code.read_text() == "# from the desk\n"
    return person.clicks


def conflict(person: Tab, desk: Machine, world: World, there: Path) -> int:
    """Settle a conflict with the lines of both machines."""
    mine = world.root / "todo.txt"
    before = mine.read_text()
    first, _, rest = before.partition("\n")
    meanwhile(desk, world, there, "todo.txt", f"{first} and tea\n{rest}", mine, f"{first} and honey\n{rest}")
    wait_for("the conflict", lambda: desk.repo_status("Notes")["conflicts"])
    person.begin()
    person.click("See and resolve")
    person.click("Resolve todo.txt")
    person.click("Both, one after the other", role="radio")
    person.click("Resolve it so", role="button")
    assert "todo.txt is resolved" in person.text()
    assert sorted(mine.read_text().splitlines()[:2]) == [f"{first} and honey", f"{first} and tea"]
    wait_for("the other machine", lambda: (there / "todo.txt").read_text() == mine.read_text())
    assert not list(there.glob("*conflict*"))
    return person.clicks


def large(person: Tab, world: World) -> int:
    """Find the film that takes the room, and stop syncing it; it stays on the disk."""
    person.begin()
    person.click("Machines", within="nav")
    person.click("Room")
    person.page.wait_for_selector("text=film.mp4")
    assert "holiday/ film.mp4" in person.text() or "holiday/film.mp4" in person.text()
    person.click("Stop syncing holiday/film.mp4")
    person.click("Stop syncing it", role="button")
    assert "is not synced any more" in person.text()
    assert "film.mp4" not in run_git(world.root, "ls-files")
    assert (world.root / "holiday/film.mp4").stat().st_size == 300_000
    return person.clicks
