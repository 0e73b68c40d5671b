"""Commands that change a repository while no daemon runs: they do all of it, or say what is left to do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine


def synced(box: Machine, hub: Path, *, extra: str = "", count: int = 1) -> Path:
    root = box.repo(remote=hub)
    for number in range(count):
        (root / f"{number}.txt").write_text(f"{number}\n")
    (root / "a.txt").write_text("one\n")
    box.configure(root, extra=extra)
    assert box.gitsync("--once").returncode == 0
    (root / "a.txt").write_text("two\n")
    assert box.gitsync("--once").returncode == 0
    return root


def tip(place: Path, revision: str = "main") -> str:
    return run_git(place, "rev-parse", revision)


def test_a_restore_and_its_undo_are_sent(box: Machine, hub: Path) -> None:
    root = synced(box, hub)
    for command in (("restore", str(root / "a.txt")), ("undo",)):
        before = tip(hub)
        done = box.ctl(*command)
        assert (done.returncode, done.stderr) == (0, "")
        assert tip(hub) == tip(root) != before


@pytest.mark.parametrize("extra", ['push = "off"\n', 'mode = "pull"\n'])
def test_what_is_not_to_be_sent_is_not(box: Machine, hub: Path, extra: str) -> None:
    root = synced(box, hub)
    box.configure(root, extra=extra)
    before = tip(hub)
    done = box.ctl("restore", str(root / "a.txt"))
    assert (done.returncode, done.stderr) == (0, "")
    assert (root / "a.txt").read_text() == "one\n"
    assert tip(hub) == before


@pytest.mark.soak
def test_what_cannot_be_sent_is_said_with_what_sends_it(box: Machine, hub: Path) -> None:
    root = synced(box, hub, extra='name = "my notes"\n')
    hub.rename(hub.with_name("aside.git"))
    done = box.ctl("restore", str(root / "a.txt"))
    assert done.returncode == 0
    assert (root / "a.txt").read_text() == "one\n"
    assert "my notes is committed here, but not sent yet: " in done.stderr
    assert "gitsyncctl sync 'my notes'" in done.stderr
    told = json.loads(box.ctl("undo", "--json").stdout)["unsent"]
    assert [(item["repo"], item["ahead"], item["error"]["code"]) for item in told] == [("my notes", 2, "not-found")]
    hub.with_name("aside.git").rename(hub)
    assert box.ctl("sync", "my notes").returncode == 0
    assert tip(hub) == tip(root)


@pytest.mark.soak
def test_a_merge_that_waits_is_shown_settled_and_sent(box: Machine, hub: Path) -> None:
    root = synced(box, hub, extra='conflict = "manual"\n')
    other = hub.with_name("other")
    run_git(hub.parent, "clone", "-q", str(hub), "other")
    (other / "a.txt").write_text("theirs\n")
    run_git(other, "mv", "0.txt", "elsewhere.txt")
    run_git(other, "commit", "-qam", "theirs")
    run_git(other, "push", "-q")
    (root / "a.txt").write_text("ours\n")
    assert box.gitsync("--once").returncode == 1
    status = box.repo_status()
    assert (status["state"], status["conflicts"]) == ("conflict", ["a.txt"])
    assert box.ctl("status").returncode == 1
    wrong = box.ctl("resolve", str(root / "0.txt"), "--name")
    assert wrong.returncode == 2
    assert "nothing is in conflict" not in wrong.stderr
    done = box.ctl("resolve", str(root / "a.txt"), "--theirs")
    assert (done.returncode, done.stderr) == (0, "")
    assert (root / "a.txt").read_text() == "theirs\n"
    assert tip(hub) == tip(root)
    assert box.repo_status()["state"] == "ok"


def test_a_brake_is_accepted_without_a_daemon(box: Machine, hub: Path) -> None:
    root = synced(box, hub, count=30)
    for number in range(30):
        (root / f"{number}.txt").unlink()
    assert box.gitsync("--once").returncode == 1
    assert box.gitsync("--once").returncode == 1
    plain = box.ctl("resume", "notes")
    assert plain.returncode == 3, "to go on by itself is the daemon's"
    assert box.ctl("resume", "--accept").returncode == 2, "nobody was asked: one has to be named"
    assert "29.txt" in run_git(root, "ls-files")
    done = box.ctl("resume", "notes", "--accept")
    assert (done.returncode, done.stdout, done.stderr) == (0, "resumed notes\n", "")
    assert run_git(root, "ls-files").split() == ["a.txt", "first.txt"]
    assert tip(hub) == tip(root)
    assert box.gitsync("--once").returncode == 0


def test_a_history_that_shares_nothing_is_joined_when_that_is_accepted_without_a_daemon(
    box: Machine, hub: Path
) -> None:
    root = synced(box, hub)
    hub.rename(hub.with_name("old.git"))
    run_git(hub.parent, "init", "-q", "--bare", hub.name)
    stranger = hub.with_name("stranger")
    run_git(hub.parent, "clone", "-q", str(hub), "stranger")
    (stranger / "theirs.txt").write_text("theirs\n")
    run_git(stranger, "add", ".")
    run_git(stranger, "commit", "-qm", "theirs")
    run_git(stranger, "push", "-q", "origin", "HEAD:main")
    assert box.gitsync("--once").returncode == 1
    done = box.ctl("resume", "notes", "--answer", "accept")
    assert (done.returncode, done.stdout) == (0, "resumed notes\n"), done.stderr
    assert (root / "theirs.txt").read_text() == "theirs\n"
    assert tip(hub) == tip(root)


def test_the_command_in_a_hint_can_be_pasted(box: Machine, hub: Path) -> None:
    root = synced(box, hub, count=30, extra='name = "my notes; echo ha"\n')
    for number in range(30):
        (root / f"{number}.txt").unlink()
    hint = next(line for line in box.gitsync("--once").stderr.splitlines() if "--accept" in line)
    pasted = hint[hint.index("gitsyncctl resume") : hint.index("--accept")] + "--accept"
    done = subprocess.run(["sh", "-c", pasted], env=box.env, cwd=box.home, capture_output=True, text=True, check=True)
    assert done.stdout == "resumed my notes; echo ha\n"


def test_a_quiet_pass_reports_each_problem_once_and_none_while_offline(box: Machine) -> None:
    root = box.repo()
    run_git(root, "remote", "add", "origin", "https://127.0.0.1:9/hub.git")
    box.configure(root)
    good = box.config.read_text()

    def passed() -> tuple[int, str]:
        done = box.gitsync("--once", "-q")
        return done.returncode, done.stdout + done.stderr

    assert passed() == (0, "")  # nobody listens there: offline
    run_git(root, "remote", "remove", "origin")
    (root / "id_rsa").write_text("-----BEGIN RSA PRIVATE KEY-----\nabc\n")
    status, said = passed()
    assert (status, said.count("id_rsa")) == (1, 1)
    assert passed() == (1, "")
    # A fault that keeps the pass from beginning is reported in the same way.
    box.write_config(good + "quiett = 3\n")
    status, said = passed()
    assert (status, "quiett" in said) == (2, True)
    assert passed() == (2, "")
