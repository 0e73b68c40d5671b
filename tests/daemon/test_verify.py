"""Machines that sign what they commit, and take in nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.fakes.signers import Signers, sign_with
from tests.needs import needs


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        yield it


def test_two_machines_that_sign_and_one_that_does_not(box: Machine, other: Machine, hub: Path, tmp_path: Path) -> None:
    needs("ssh-keygen")
    signers = Signers(tmp_path / "keys")
    here = box.repo(remote=hub)
    run_git(here, "push", "-qu", "origin", "main")
    there = other.home / "notes"
    run_git(other.home, "clone", "-q", str(hub), "notes")
    run_git(tmp_path, "clone", "-q", str(hub), "eve")
    for place, root, name in ((box, here, "ada"), (other, there, "bob")):
        sign_with(root, signers.key(name))
        signers.trust_in(root)
        place.configure(root, extra='verify = "signed"\n')
    box.start()
    other.start()
    (here / "a").write_text("a")
    (there / "b").write_text("b")
    wait_for("both on both", lambda: _head(here) == _head(there) and {"a", "b"} <= set(_names(here)))
    run_git(hub, "config", "gpg.ssh.allowedSignersFile", str(signers.allowed))
    letters = run_git(hub, "log", "--format=%G?", "main").split()
    assert letters[:-1] == ["G"] * (len(letters) - 1), "all but the first, of before"

    eve = tmp_path / "eve"
    run_git(eve, "pull", "-q")
    (eve / "from-eve").write_text("x")
    run_git(eve, "add", ".")
    run_git(eve, "commit", "-qm", "unsigned")
    run_git(eve, "push", "-q", "origin", "main")
    (asked,) = box.wait_state("halted")["questions"]
    assert (asked["kind"], asked["count"], asked["paths"]) == ("incoming", 1, ["from-eve"])
    assert "not signed" in box.ctl("status").stdout
    assert not (here / "from-eve").exists()
    assert box.ctl("resume", "notes", "--accept", asked["id"]).returncode == 0
    wait_for("what was accepted", (here / "from-eve").exists)
    box.wait_state("ok")
    assert other.wait_state("halted")["questions"][0]["kind"] == "incoming"


def _names(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.name != ".git"]


def _head(root: Path) -> str:
    return run_git(root, "rev-parse", "HEAD")


def test_no_file_of_a_clone_is_written_before_its_commits_are_checked(box: Machine, hub: Path, tmp_path: Path) -> None:
    needs("ssh-keygen")
    signers = Signers(tmp_path / "keys")
    theirs = box.repo("theirs", remote=hub)
    run_git(theirs, "push", "-qu", "origin", "main")
    box.write_config('[defaults]\nverify = "signed"\n')
    with (box.home / ".gitconfig").open("a") as stream:
        stream.write(f'[gpg "ssh"]\n    allowedSignersFile = {signers.allowed}\n')
    here = box.home / "here"
    box.start()
    done = box.ctl("clone", str(hub), str(here))
    assert (done.returncode, _names(here)) == (1, [])
    assert "no file was written: not every commit is signed" in done.stdout
    (asked,) = box.wait_state("halted", "here")["questions"]
    assert asked["paths"] == ["first.txt"]
    assert box.ctl("resume", "here", "--accept", asked["id"]).returncode == 0
    wait_for("what was accepted", (here / "first.txt").exists)

    sign_with(theirs, signers.key("ada"))
    run_git(theirs, "commit", "-q", "--amend", "-m", "signed")
    run_git(theirs, "push", "-q", "origin", "HEAD:signed")
    run_git(hub, "symbolic-ref", "HEAD", "refs/heads/signed")
    done = box.ctl("clone", str(hub), str(box.home / "signed"))
    assert (done.returncode, _names(box.home / "signed")) == (0, ["first.txt"])

    (here / "allowed").write_bytes(signers.allowed.read_bytes())
    run_git(box.home, "config", "-f", ".gitconfig", "gpg.ssh.allowedSignersFile", str(here / "allowed"))
    done = box.ctl("clone", str(hub), str(box.home / "third"))
    assert (done.returncode, _names(box.home / "third")) == (1, [])
    assert "which is synced itself" in done.stdout
