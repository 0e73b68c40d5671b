"""Each option of a repository, really effective from end to end, and the trouble that a machine may be in."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for


def test_who_commits_what_and_how(box: Machine) -> None:
    root = box.repo()
    (root / ".gitignore").write_text("*.out\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "-qm", "ignore")
    box.configure(
        root,
        extra='include = ["keep.out"]\nexclude = ["*.tmp"]\nmax_file_size = "10kB"\ngranularity = "file"\n'
        'author = "Ada <ada@example.org>"\nsecrets = "warn"\nwatch = "polling"\n',
    )
    box.start()
    box.wait_state("ok")
    assert box.repo_status()["watch"] == "polling"
    for name in ("keep.out", "drop.out", "x.tmp", "a.txt", "b.txt"):
        (root / name).write_text(name)
    (root / "big.bin").write_bytes(b"x" * 20_000)
    (root / "id_rsa").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n" + "A" * 70 + "\n")
    wanted = {"first.txt", ".gitignore", "keep.out", "a.txt", "b.txt", "id_rsa"}
    wait_for("the files", lambda: set(run_git(root, "ls-tree", "--name-only", "HEAD").splitlines()) == wanted)
    assert "Add file a.txt" in run_git(root, "log", "--format=%s").splitlines()
    assert run_git(root, "log", "-1", "--format=%an <%ae>") == "Ada <ada@example.org>"
    assert [item["path"] for item in box.repo_status()["quarantined"]] == ["big.bin"]


def test_no_identity_a_template_and_no_network(box: Machine, hub: Path) -> None:
    """remote = "" and mode = "commit" never reach out."""
    one, two = box.repo("one", remote=hub), box.repo("two", remote=hub)
    (box.home / ".gitconfig").write_text("[init]\n\tdefaultBranch = main\n")
    box.configure()
    box.write_config(
        box.config.read_text()
        + f'[[repo]]\npath = "{one}"\nremote = ""\nmessage = "{{summary}} on {{host}}"\n'
        + f'[[repo]]\npath = "{two}"\nmode = "commit"\n'
    )
    box.start()
    for root in (one, two):
        (root / "a.txt").write_text("a\n")
        box.wait_committed(root)
        assert box.ctl("sync", root.name, "--wait").returncode == 0
    assert run_git(one, "log", "-1", "--format=%s") == f"Add a.txt on {os.uname().nodename}"
    assert "@" in run_git(one, "log", "-1", "--format=%ae")
    assert run_git(hub, "rev-list", "--all") == ""


@pytest.mark.parametrize("transport", ["git", "libgit2"])
def test_a_remote_that_is_a_url(box: Machine, hub: Path, transport: str) -> None:
    root = box.repo()
    box.configure(root, extra=f'remote = "file://{hub}"\ntransport = "{transport}"\n')
    box.start()
    (root / "a.txt").write_text("a\n")
    head = box.wait_committed(root)
    wait_for("the push", lambda: run_git(hub, "rev-parse", "-q", "--verify", "main", check=False) == head)
    assert run_git(root, "remote") == ""


def test_a_pause_outlives_a_restart_and_says_so(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    box.wait_state("ok")
    assert box.ctl("pause", "notes").returncode == 0
    assert box.stop(signal.SIGKILL) == -signal.SIGKILL
    (root / "a.txt").write_text("a\n")
    box.start()
    status = box.wait_state("paused")
    assert (status["branch"], status["last_commit"]["message"]) == ("main", "first")
    assert box.ctl("sync", "--wait").returncode in (0, 1)
    assert run_git(root, "log", "--format=%s") == "first"
    assert box.ctl("resume", "notes").returncode == 0
    box.wait_committed(root)


def test_one_bad_directory_holds_up_no_other_and_recovers(box: Machine) -> None:
    good, bad = box.repo("good"), box.home / "bad"
    bad.mkdir()
    box.configure(bad, good)
    box.start()
    status = box.wait_state("error", "bad")
    assert "git init" in status["error"]["hint"]
    (good / "a.txt").write_text("a\n")
    box.wait_committed(good)
    run_git(bad, "init", "-q")
    (bad / "b.txt").write_text("b\n")
    box.wait_committed(bad)
    box.wait_state("ok", "bad")


def test_signing_that_fails_is_an_error_that_ends_with_its_cause(box: Machine) -> None:
    root = box.repo()
    run_git(root, "config", "commit.gpgsign", "true")
    run_git(root, "config", "gpg.program", "/bin/false")
    box.configure(root)
    box.start()
    (root / "a.txt").write_text("a\n")
    assert box.wait_state("error")["error"]["message"]
    run_git(root, "config", "commit.gpgsign", "false")
    assert box.ctl("sync", "--wait").returncode == 0
    box.wait_committed(root)


def test_a_hanging_network_holds_up_neither_answers_nor_the_stop(box: Machine) -> None:
    root = box.repo()
    run_git(root, "remote", "add", "origin", "ssh://nowhere.invalid/notes.git")
    marker, ssh = box.home / "asked", box.home / "fake-ssh"
    ssh.write_text(f"#!/bin/sh\ntrap '' TERM\ntouch {marker}\nsleep 60\nsleep 60\n")
    ssh.chmod(0o755)
    box.env["GIT_SSH_COMMAND"] = str(ssh)
    box.configure(root)
    box.start()
    wait_for("the fetch", marker.exists)
    assert box.status()["repos"][0]["name"] == "notes"
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)
    (root / "last.txt").write_text("at the last moment\n")
    began = time.monotonic()
    assert box.stop() == 0
    assert time.monotonic() - began < 20  # the promise to service managers
    assert "last.txt" in run_git(root, "ls-tree", "--name-only", "HEAD")


def test_names_and_paths_that_nobody_can_mean_do_no_harm(box: Machine) -> None:
    box.configure(box.repo())
    box.start()
    loop = box.home / "loop"
    loop.symlink_to(loop)
    for argv in (
        ("watch", str(box.home / "notes/first.txt/below"), "--init"),
        ("watch", "/proc/nowhere/below", "--init"),
        ("status", f"{loop}/x"),
        ("sync", f"{loop}/x"),
    ):
        done = box.ctl(*argv)
        assert done.returncode in (2, 4), argv
        assert done.stderr.startswith("error: "), argv
    assert box.status()["daemon"] is not None


@pytest.mark.parametrize("option", ["--pid-file", "--log-file"])
@pytest.mark.parametrize("how", [(), ("--daemon",)])
def test_a_file_that_cannot_be_written_is_refused(box: Machine, option: str, how: tuple[str, ...]) -> None:
    box.configure(box.repo())
    for path in ("/proc/nowhere/file", str(box.home)):
        done = box.gitsync(*how, option, path)
        assert done.returncode == 2
        assert done.stderr.startswith("error: cannot write")
        assert "Traceback" not in done.stderr


def test_once_tells_by_its_status_what_needs_somebody(box: Machine) -> None:
    root, bad = box.repo(), box.home / "bad"
    bad.mkdir()
    (root / "a.txt").write_text("a\n")
    box.configure(root)
    done = box.gitsync("--once", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert box.wait_committed(root)
    box.configure(root, bad)
    done = box.gitsync("--once")
    assert done.returncode == 1
    assert "hint: " in done.stderr


@pytest.mark.soak
def test_a_repository_of_another_daemon_is_taken_when_it_is_free(box: Machine) -> None:
    mine, theirs = box.repo("mine"), box.repo("theirs")
    box.configure(mine)
    box.start()
    handle = os.open(theirs / ".git", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        box.configure(mine, theirs)
        assert box.ctl("reload").returncode == 0
        assert "in use by another gitsync" in box.wait_state("error", "theirs")["error"]["message"]
    finally:
        os.close(handle)
    (theirs / "a.txt").write_text("a\n")
    box.wait_committed(theirs)


def test_a_hook_told_of_a_vanished_root_runs(box: Machine) -> None:
    root = box.repo()
    told = box.home / "told"
    box.configure(root)
    box.write_config(box.config.read_text() + f'\n[hooks]\non_error = ["echo $GITSYNC_CODE >> {told}"]\n')
    box.start()
    box.wait_state("ok")
    root.rename(box.home / "aside")
    wait_for("the hook", lambda: told.exists() and "root-vanished" in told.read_text())
    (box.home / "aside").rename(root)
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)
    assert json.loads(box.ctl("status", "--json").stdout)["repos"][0]["name"] == "notes"
