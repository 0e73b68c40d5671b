"""Jobs by unison with and without a daemon: conflicts, brakes, history; deaths and outages of every kind of job."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, wait_for
from tests.fakes.git_client import heads
from tests.fakes.job_client import tree
from tests.needs import needs

# Carries bytes to the server's program; slowly, or not at all, while there is such a file.
_SLOWLY = """\
import os, sys, time
sent = 0
while data := os.read(0, 1 << 14):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view):]
    sent += len(data)
    if sent > 200_000 and os.path.exists(sys.argv[1]):
        time.sleep(0.1)
"""
_SHELL = """\
#!/bin/bash
if [ -e '{place}/down' ]; then echo 'ssh: connect to host far port 22: Connection refused' >&2; exit 255; fi
while [ "$1" != far ]; do shift; done
shift
while :; do case $1 in -e|-o|-p) shift 2;; *) break;; esac; done
UNISON='{place}/unison' exec sh -c "$*" < <('{python}' '{place}/slowly.py' '{place}/slow')
"""


@pytest.fixture
def far(box: Machine) -> Path:
    """A place whose `shell` is a way to a server "far" that is as slow or as dead as its files say."""
    needs("unison", "rsync")
    place = box.home / "far"
    (place / "unison").mkdir(parents=True)
    (place / "slowly.py").write_text(_SLOWLY)
    shell = place / "shell"
    shell.write_text(_SHELL.format(python=sys.executable, place=place))
    shell.chmod(0o755)
    box.env |= {"GIT_SSH_COMMAND": str(shell), "GIT_SSH_VARIANT": "ssh", "RSYNC_RSH": str(shell)}
    return place


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0  # a temporary that has just got its name


def job(box: Machine, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(job for job in box.status()["jobs"] if job["name"] == name)
    return found


def answer(box: Machine, *argv: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(box.ctl(*argv, "--json").stdout)
    return document


def photos(box: Machine, *, every: str = "off", more: str = "") -> tuple[Path, Path]:
    here, there = box.home / "photos", box.home / "server"
    here.mkdir()
    there.mkdir()
    box.write_config(
        f'[[job]]\npath = "{here}"\nbackend = "unison"\nurl = "{there}"\nevery = "{every}"\nmax_deletes = 2\n{more}'
    )
    return here, there


def test_conflicts_of_a_job_are_listed_until_they_are_settled(box: Machine, far: Path) -> None:
    here, there = photos(box)
    (here / "a.txt").write_text("first")
    assert box.ctl("sync", "--wait", "photos").returncode == 0
    (here / "a.txt").write_text("here")
    (there / "a.txt").write_text("there, longer")
    assert box.ctl("sync", "photos").returncode == 1
    for is_running in (False, True):
        if is_running:
            box.start()
        shown = box.ctl("conflicts")
        assert shown.returncode == 1
        assert "photos: a.txt" in shown.stdout
        assert "to resolve it: copy one over the other" in shown.stdout
        found = answer(box, "conflicts", "photos")
        assert (found["conflicts"], found["errors"]) == ([], [])
        assert [(item["job"], item["path"], item["root"]) for item in found["jobs"]] == [("photos", "a.txt", str(here))]
        assert ", 13 bytes, " in found["jobs"][0]["message"]
        status = box.ctl("status")
        assert status.returncode == 1
        assert "resolve" not in status.stdout, "that is for repositories"
    (there / "a.txt").unlink()
    shutil.copy2(here / "a.txt", there / "a.txt")
    assert box.ctl("sync", "--wait", "photos").returncode == 0
    assert box.ctl("conflicts").stdout == "nothing is in conflict\n"
    past = answer(box, "log", "--job", "photos")["runs"]
    assert [run["state"] for run in past] == ["ok", "conflict", "ok"]
    box.stop()
    shown = box.ctl("log", "--job", "photos", "-n", "2")
    assert "was changed on both sides" in shown.stdout
    assert "there are more" in shown.stdout
    assert box.ctl("log", "--job", "nonsense").returncode == 2


def test_a_brake_of_unison_is_taken_off_by_its_user(box: Machine, far: Path) -> None:
    here, there = photos(box, every="1s")
    for number in range(4):
        (here / f"{number}").write_text("x")
    box.start()
    wait_for("the copy", lambda: len(tree(there)) == 4)
    for number in range(3):
        (there / f"{number}").unlink()
    wait_for("the brake", lambda: job(box, "photos")["state"] == "halted")
    assert job(box, "photos")["error"]["code"] == "mass-deletion"
    assert len(tree(here)) == 4
    assert box.ctl("resume", "photos", "--accept").returncode == 0
    wait_for("the deletion", lambda: set(tree(here)) == {"3"})

    more = box.home / "more"
    config = box.config.read_text().replace('"1s"', '"off"')
    box.write_config(f'{config}[[job]]\npath = "{more}"\nbackend = "unison"\nurl = "{there}"\nevery = "1s"\n')
    assert box.ctl("reload").returncode == 0
    wait_for("the added job", lambda: tree(more) == tree(there))
    assert job(box, "photos")["next_run"] is None
    box.write_config(config)
    assert box.ctl("reload").returncode == 0
    assert [found["name"] for found in box.status()["jobs"]] == ["photos"]
    box.stop()


@pytest.mark.soak
def test_a_brake_of_a_file_that_is_named_is_taken_off_by_the_command(box: Machine, far: Path) -> None:
    here, there = photos(box)
    box.write_config("")
    conf = box.home / "mine.conf"
    conf.write_text(f"[unison]\n{here} {there}\n")
    (here / "a.txt").write_text("a")
    assert box.ctl("push", "-f", str(conf)).returncode == 0
    (here / "a.txt").unlink()
    for _ in range(2):
        found = answer(box, "pull", "-f", str(conf))["jobs"][0]
        assert found["error"]["hint"] == f"to accept it: gitsyncctl pull -f {conf} photos --accept"
    assert box.ctl("pull", "-f", str(conf), "photos", "--accept").returncode == 0
    assert tree(here) == tree(there) == {"a.txt": "a"}


@pytest.mark.soak
@pytest.mark.parametrize("backend", ["git", "rsync", "unison"])
def test_a_push_that_was_killed_in_mid_transfer_is_done_by_the_next(box: Machine, far: Path, backend: str) -> None:
    here, there = box.home / "big", box.home / "server"
    content = random.Random(7).randbytes(3_000_000)
    options = ""
    if backend == "git":
        run_git(box.home, "init", "--quiet", "--bare", "--initial-branch=main", str(there))
        run_git(box.home, "init", "--quiet", "--initial-branch=main", str(here))
    else:
        here.mkdir()
        there.mkdir()
        options = f'options = ["sshcmd = {far}/shell"]\n' if backend == "unison" else 'options = ["--timeout=60"]\n'
    (here / "a.bin").write_bytes(content)
    if backend == "git":
        run_git(here, "add", ".")
        run_git(here, "commit", "--quiet", "-m", "big")
    box.write_config(f'[[job]]\npath = "{here}"\nbackend = "{backend}"\nurl = "far:{there}"\nevery = "off"\n{options}')
    (far / "slow").touch()
    known = set(there.rglob("*"))
    pushing = subprocess.Popen(
        [str(BIN / "gitsyncctl"), "push"], env=box.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def is_half_there() -> bool:
        assert pushing.poll() is None, "it was over before it could be killed"
        return any(size_of(path) > 10_000 for path in set(there.rglob("*")) - known)

    try:
        wait_for("half of it to be there", is_half_there)
    finally:
        pushing.kill()
        pushing.wait(30)
    (far / "slow").unlink()
    assert not (there / "a.bin").exists()
    done = wait_for("the next push", lambda: (run := box.ctl("push")).returncode == 0 and run)
    assert "held" not in done.stdout
    if backend == "git":
        assert heads(there) == heads(here)
        run_git(there, "fsck", "--strict")
    else:
        assert (there / "a.bin").read_bytes() == content
    assert job(box, "big")["state"] == "ok"


@pytest.mark.soak
def test_a_server_that_was_away_is_met_again_by_itself(box: Machine, far: Path) -> None:
    there = photos(box)[1]
    rows = "".join(
        f'[[job]]\nname = "{name}"\npath = "{box.home}/{name}"\nbackend = "{name}"\nurl = "far:{url}"\nevery = "1s"\n'
        + more
        for name, url, more in (
            ("git", box.home / "hub.git", ""),
            ("rsync", there, ""),
            ("unison", there, f'options = ["sshcmd = {far}/shell"]\n'),
        )
    )
    source = box.repo("source")
    run_git(box.home, "clone", "--quiet", "--bare", str(source), "hub.git")
    (there / "a.txt").write_text("a")
    (far / "down").touch()
    box.write_config(rows)
    box.start()
    wait_for("to be offline", lambda: {found["state"] for found in box.status()["jobs"]} == {"offline"})
    assert all(found["error"]["code"] == "offline" and found["next_run"] for found in box.status()["jobs"])
    assert box.ctl("status").returncode == 0, "it is tried again, nobody has to do anything"
    (far / "down").unlink()
    wait_for("to be in order", lambda: {found["state"] for found in box.status()["jobs"]} == {"ok"})
    assert tree(box.home / "rsync") == tree(box.home / "unison") == {"a.txt": "a"}
    assert (box.home / "git/first.txt").exists()
    box.stop()


def test_a_watched_repository_can_be_a_job_too(box: Machine) -> None:
    source = box.repo("source")
    hub = box.home / "hub.git"
    run_git(box.home, "clone", "--quiet", "--bare", str(source), str(hub))
    root, other = box.home / "notes", box.home / "other"
    for clone in (root, other):
        run_git(box.home, "clone", "--quiet", str(hub), str(clone))
    box.configure(root, extra='pull = "1s"\n')
    box.write_config(f'{box.config.read_text()}[[job]]\nname = "all"\npath = "{root}"\nurl = "{hub}"\nevery = "1s"\n')
    run_git(root, "branch", "draft")
    box.start()
    for number in range(6):
        (root / f"here-{number}").write_text("x\n")
        (other / f"there-{number}").write_text("x\n")
        run_git(other, "add", ".")
        run_git(other, "commit", "--quiet", "-m", "there")
        run_git(other, "pull", "--quiet", "--no-rebase", "--no-edit")
        # Somebody may have been quicker; the next round takes it along.
        subprocess.run(["git", "-C", str(other), "push", "--quiet"], check=False, capture_output=True, timeout=30)

    def is_all_there() -> bool:
        run_git(other, "pull", "--quiet", "--no-rebase", "--no-edit")
        subprocess.run(["git", "-C", str(other), "push", "--quiet"], check=False, capture_output=True, timeout=30)
        return len(list(root.glob("*ere-*"))) == len(list(other.glob("*ere-*"))) == 12

    wait_for("both to have everything", is_all_there)
    wait_for("one head", lambda: heads(root)["main"] == heads(hub)["main"] and "draft" in heads(hub))
    wait_for("both at rest", lambda: (box.repo_status()["state"], job(box, "all")["state"]) == ("ok", "ok"))
    assert not list(root.glob("*.conflict-*"))
    assert run_git(root, "status", "--porcelain") == ""
    box.stop()
