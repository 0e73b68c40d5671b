"""The workflow of the first GitSync's README, as a new user tries it: gitolite behind a real sshd, two machines.

Gitolite is Debian's, with a home of its own below the test's directory; whoever logs in is the user who runs the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.fakes.sshd import Sshd
from tests.needs import needs

CONF = """\
repo gitolite-admin
    RW+ = ada
repo notes
    RW+ = ada bob
repo readings
    RW+ = ada
    R   = bob
"""
ANSWER = [("second.txt", "ada answers\n")]


class Gitolite:
    """The server, with an administrator called ada and a user called bob."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "git"
        self.home.mkdir(parents=True)
        self.sshd = Sshd(directory / "sshd", home=self.home)
        self.keys = {name: self.sshd.make_key(name) for name in ("ada", "bob")}
        subprocess.run(
            ["gitolite", "setup", "-pk", f"{self.keys['ada']}.pub"],
            check=True,
            capture_output=True,
            timeout=60,
            cwd=self.home,
            env={**os.environ, "HOME": str(self.home)},
        )

    def ssh(self, user: str) -> str:
        """Return the ssh command line of a user who has his key and knows the server."""
        return self.sshd.ssh_command(alias=f"git-{user}", key=self.keys[user])

    def clone(self, user: str, name: str, place: Path) -> Path:
        """Clone a repository as a user, who keeps his ssh command in it."""
        run_git(place, "-c", f"core.sshCommand={self.ssh(user)}", "clone", "-q", f"git-{user}:{name}")
        run_git(place / name, "config", "core.sshCommand", self.ssh(user))
        return place / name

    def administer(self, directory: Path) -> None:
        """Make the repositories and let bob in, by a push to gitolite-admin."""
        admin = self.clone("ada", "gitolite-admin", directory)
        (admin / "conf/gitolite.conf").write_text(CONF)
        shutil.copy(f"{self.keys['bob']}.pub", admin / "keydir/bob.pub")
        run_git(admin, "add", "-A")
        run_git(admin, "commit", "-qm", "two repositories, and bob")
        run_git(admin, "push", "-q", "origin", "HEAD")

    def bare(self, name: str) -> Path:
        return self.home / "repositories" / f"{name}.git"


@pytest.fixture
def gitolite(tmp_path: Path) -> Iterator[Gitolite]:
    needs("gitolite")
    it = Gitolite(tmp_path / "server")
    with it.sshd:
        it.administer(tmp_path)
        yield it


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        yield it


@pytest.mark.soak
def test_the_old_workflow_of_two_machines(gitolite: Gitolite, box: Machine, other: Machine) -> None:
    """One reads the old INI file with the old defaults, the other is told by a command."""
    ours = gitolite.clone("ada", "notes", box.home)
    box.config.parent.parent.mkdir(parents=True)
    box.config.parent.write_text(f"[gitsync]\nwork_dir = {ours},\n")
    box.start()
    (ours / "first.txt").write_text("from ada\n")
    assert box.ctl("sync", "--wait").returncode == 0
    theirs = gitolite.clone("bob", "notes", other.home)
    assert (theirs / "first.txt").read_text() == "from ada\n"
    other.configure()
    other.start()
    assert other.ctl("watch", str(theirs)).returncode == 0
    other.wait_state("ok")

    (theirs / "second.txt").write_text("from bob\n")
    wait_for("bob's push", lambda: "second.txt" in run_git(gitolite.bare("notes"), "ls-tree", "--name-only", "main"))
    assert box.ctl("sync", "--wait").returncode == 0
    assert (ours / "second.txt").read_text() == "from bob\n"
    (ours / "first.txt").unlink()
    wait_for("the deletion to arrive", lambda: not (theirs / "first.txt").exists())

    box.ctl("pause")
    (theirs / "second.txt").write_text("bob had another thought\n")
    wait_for("bob's thought", lambda: "another" in run_git(gitolite.bare("notes"), "show", "main:second.txt"))
    (ours / "second.txt").write_text("ada answers\n")
    box.ctl("resume")
    wait_for("both to be equal", lambda: equal(gitolite.bare("notes"), ours, theirs))
    for root in (ours, theirs):
        versions = {path.name: path.read_text() for path in files(root)}
        assert versions.pop("second.txt") == "bob had another thought\n"
        assert list(versions.values()) == ["ada answers\n"]
        assert next(iter(versions)).startswith("second.conflict-")
        assert run_git(root, "status", "--porcelain") == ""
        run_git(root, "fsck", "--strict")
    assert "second.txt" in box.ctl("conflicts").stdout
    assert box.ctl("resolve", str(ours / "second.txt"), "--ours").returncode == 0
    wait_for("the answer alone", lambda: [(path.name, path.read_text()) for path in files(theirs)] == ANSWER)
    assert box.ctl("conflicts").returncode == 0


def test_who_may_only_read_is_told_so_and_goes_on_reading(gitolite: Gitolite, box: Machine, other: Machine) -> None:
    ours = gitolite.clone("ada", "readings", box.home)
    box.configure(ours)
    box.start()
    (ours / "list.txt").write_text("a book\n")
    assert box.ctl("sync", "--wait").returncode == 0
    theirs = gitolite.clone("bob", "readings", other.home)
    other.configure(theirs)
    other.start()
    (theirs / "mine.txt").write_text("a wish\n")
    status = wait_for("the refusal", lambda: found if (found := other.repo_status("readings"))["error"] else None)
    assert status["error"]["code"] == "auth", status
    assert "W any readings bob DENIED" in status["error"]["message"]
    (ours / "list.txt").write_text("another book\n")
    wait_for("the pull", lambda: (theirs / "list.txt").read_text() == "another book\n", 90)
    assert "mine.txt" not in run_git(gitolite.bare("readings"), "ls-tree", "--name-only", "main")


def files(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_file()]


def equal(*repositories: Path) -> bool:
    return len({run_git(place, "rev-parse", "-q", "--verify", "main", check=False) for place in repositories}) == 1
