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
