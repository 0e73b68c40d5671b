"""`gitsyncctl explain` of real paths, with and without a daemon."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for


def explain(box: Machine, path: Path | str) -> dict[str, Any]:
    done = box.ctl("explain", str(path), "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document.keys() >= {"path", "repo", "verdict", "code", "reason", "hint"}
    return document


def fill(root: Path) -> dict[str, str]:
    """Make one path of every kind that is not committed, and return which code each has."""
    (root / ".gitignore").write_text("# logs\n*.log\n")
    run_git(root, "add", ".gitignore")
    run_git(root, "commit", "-qm", "ignore")
    (root / "a.log").write_text("x\n")
    (root / "a.bak").write_text("x\n")
    (root / "big").write_bytes(bytes(5000))
    (root / "key").write_text(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n"
        + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE\n" * 4
        + "-----END OPENSSH PRIVATE KEY-----\n"
    )
    os.mkfifo(root / "pipe")
    run_git(root, "init", "-q", "inner")
    run_git(root / "inner", "commit", "-q", "--allow-empty", "-m", "inner")
    (root / "empty").mkdir()
    return {
        "a.log": "ignored",
        "a.bak": "excluded",
        "pipe": "not-regular",
        "inner/x": "nested",
        "empty": "empty",
        "first.txt": "committed",
        "gone.txt": "unknown",
    }


def test_reasons_with_and_without_a_daemon(box: Machine) -> None:
    root = box.repo()
    box.configure(root, quiet="200ms", extra='exclude = ["*.bak"]\nmax_file_size = "1kB"\n')
    codes = fill(root)
    codes |= {"big": "too-large", "key": "secret"}
    for name in ("a.log", "big", "first.txt"):  # each is a whole engine of its own
        assert explain(box, root / name)["code"] == codes[name]
    box.start()
    box.wait_state("ok")
    assert {name: explain(box, root / name)["code"] for name in codes} == codes
    assert ".gitignore:2: *.log" in explain(box, "notes:a.log")["reason"]
    assert explain(box, box.home / "elsewhere")["code"] == "outside"
    first = explain(box, root / "first.txt")
    assert first["commit"]["message"] == "first"
    assert first["pushed"] is None
    told = box.ctl("explain", str(root / "a.log")).stdout
    assert told.startswith("~/notes/a.log: not committed: it is ignored by .gitignore:2: *.log\n")


@pytest.mark.soak
def test_what_only_the_committer_knows(box: Machine) -> None:
    root = box.repo()
    box.configure(root, quiet="30s", max_wait="60s")
    assert explain(box, root / "first.txt")["code"] == "committed"
    box.start()
    box.wait_state("ok")
    (root / "first.txt").write_text("edited\n")
    wait_for("the note", lambda: "pending for" in explain(box, root / "first.txt")["reason"])
    found = explain(box, root / "first.txt")
    assert (found["code"], found["verdict"]) == ("pending", "will be committed")
    (root / "mine").write_text("mine\n")
    run_git(root, "add", "mine")
    box.ctl("sync", "notes", "--wait")
    wait_for("the staging", lambda: explain(box, root / "mine")["code"] == "staged")
    assert "leaves it alone" in explain(box, root / "mine")["reason"]
    (root / "first.txt").write_text("edited again\n")
    box.ctl("pause", "notes")
    assert explain(box, root / "first.txt")["code"] == "paused"
    box.ctl("resume", "notes")
    run_git(root, "switch", "-q", "--detach")
    wait_for("busy", lambda: explain(box, root / "first.txt")["code"] == "busy")


def test_what_it_says_can_be_pasted_anywhere(box: Machine) -> None:
    root = box.repo("my notes")
    box.configure(root)
    (root / ".gitignore").write_text("*.log\n")
    (root / "a b.log").write_text("x\n")
    hint = explain(box, root / "a b.log")["hint"]
    command = hint.removeprefix("to commit it anyway: ").partition(", or ")[0]
    subprocess.run(["bash", "-c", command], cwd="/", env=box.env, check=True)
    assert run_git(root, "ls-files").splitlines()[0] == "a b.log"


def test_home_is_not_proposed_to_be_watched(box: Machine) -> None:
    box.configure(box.repo())
    done = box.ctl("log", "nothere")
    assert (done.returncode, done.stderr.splitlines()[1]) == (2, "hint: to list them: gitsyncctl list")


def test_trouble_with_the_remote_holds_up_no_commit(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    box.configure(root, quiet="30s", max_wait="60s")
    assert box.gitsync("--once").returncode == 0
    run_git(hub, "update-ref", "-d", "refs/heads/main")
    box.start()
    box.wait_state("halted")
    (root / "first.txt").write_text("edited\n")
    wait_for("the note", lambda: "pending for" in explain(box, root / "first.txt")["reason"])
    found = explain(box, root / "first.txt")
    assert (found["code"], found["verdict"]) == ("pending", "will be committed")
    assert "halted" in found["facts"][0]
    box.stop()
    assert explain(box, root / "first.txt")["code"] == "committed", "it was, with the end of the daemon"
    (root / "first.txt").write_text("edited again\n")
    assert explain(box, root / "first.txt")["code"] == "no-daemon"
