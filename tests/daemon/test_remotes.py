"""Several remotes of one repository, and one on a disk that comes and goes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for


def bare(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    run_git(path.parent, "init", "-q", "--bare", "-b", "main", str(path))
    return path


def files(hub: Path) -> list[str]:
    return run_git(hub, "ls-tree", "--name-only", "main", check=False).split()


def remotes(box: Machine) -> dict[str, Any]:
    return {each["name"]: each for each in box.repo_status()["remotes"]}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Machine]:
    """Another machine, which meets the first one on a disk alone."""
    with machine(tmp_path / "desk") as it:
        yield it


def test_each_remote_gets_and_brings_everything_and_one_that_is_away_delays_nothing(
    box: Machine, desk: Machine, hub: Path, tmp_path: Path
) -> None:
    stick = tmp_path / "media/usb"
    usb = bare(stick / "notes.git")
    root = box.repo(remote=hub)
    run_git(root, "remote", "add", "usb", f"file://{usb}")
    box.configure(root, extra='remotes = ["origin", "usb"]\n')
    box.start()
    wait_for("the first push to both", lambda: files(hub) == files(usb) == ["first.txt"])
    # What another machine pushes to one of them is on the other one, too.
    there = desk.home / "notes"
    run_git(desk.home, "clone", "-q", str(usb), str(there))
    desk.configure(there)
    desk.start()
    (there / "desk.txt").write_text("desk\n")
    wait_for("the file of the desk", (root / "desk.txt").exists)
    wait_for("the file of the desk on the server", lambda: "desk.txt" in files(hub))
    # The disk is taken away: the rest goes on, and it is no error.
    wait_for("all at rest", lambda: {each["state"] for each in remotes(box).values()} == {"ok"})
    stick.rename(tmp_path / "away")
    (root / "alone.txt").write_text("alone\n")
    wait_for("the push to the server", lambda: "alone.txt" in files(hub))
    wait_for("the disk to be missed", lambda: remotes(box)["usb"]["state"] == "offline")
    wait_for("the commit to be counted", lambda: (box.repo_status()["ahead"], remotes(box)["usb"]["ahead"]) == (0, 1))
    assert (box.wait_state("ok")["ahead"], remotes(box)["origin"]["state"]) == (0, "ok")
    shown = box.ctl("status")
    assert shown.returncode == 0, shown.stdout
    assert "remote usb: offline" in shown.stdout
    assert "remote origin: ok" in shown.stdout
    assert "usb is on a disk that is not mounted" in box.ctl("doctor", "notes", "--json").stdout
    # It comes back, and is synchronized by itself.
    (tmp_path / "away").rename(stick)
    wait_for("the push to the disk", lambda: "alone.txt" in files(usb), 6.0)
    wait_for("the disk in order", lambda: remotes(box)["usb"]["state"] == "ok", 6.0)
    assert remotes(box)["usb"]["url"] == f"file://{usb}"


def test_a_single_pass_brings_what_one_remote_has_to_the_other(box: Machine, hub: Path, tmp_path: Path) -> None:
    usb = bare(tmp_path / "usb.git")
    root = box.repo(remote=hub)
    run_git(root, "remote", "add", "usb", str(usb))
    box.configure(root, extra='remotes = ["origin", "usb"]\n')
    assert box.gitsync("--once").returncode == 0
    other = tmp_path / "other"
    run_git(tmp_path, "clone", "-q", str(usb), str(other))
    (other / "b.txt").write_text("b\n")
    run_git(other, "add", ".")
    run_git(other, "commit", "-qm", "b")
    run_git(other, "push", "-q")
    assert box.gitsync("--once").returncode == 0
    assert files(hub) == ["b.txt", "first.txt"]
    assert [each["name"] for each in box.repo_status()["remotes"]] == ["origin", "usb"]


def test_a_removable_disk_that_was_never_there_is_awaited(box: Machine) -> None:
    place = Path("/media/gitsync-test-disk")
    if place.exists():
        pytest.skip(f"{place} exists")
    root = box.repo()
    run_git(root, "remote", "add", "origin", str(place / "notes.git"))
    box.configure(root)
    box.start()
    status = box.wait_state("offline")
    assert status["error"]["code"] == "not-mounted"
    assert box.ctl("status").returncode == 0
    try:
        bare(place / "notes.git")
    except PermissionError:
        return  # only root may make a directory there
    try:
        wait_for("the first push", lambda: files(place / "notes.git") == ["first.txt"], 6.0)
        box.wait_state("ok")
    finally:
        shutil.rmtree(place)
