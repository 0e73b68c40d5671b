"""A remote that is the work tree of another machine, which takes no push to the branch that is checked out there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.fakes.signers import Signers, sign_with
from tests.fakes.sshd import Sshd
from tests.needs import needs


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Machine]:
    """Another machine."""
    with machine(tmp_path / "desk") as it:
        yield it


def cloned(box: Machine, url: str, *settings: str) -> Path:
    """Clone a work tree to another machine, as its user does."""
    root = box.home / "notes"
    argv = ["git", *(word for each in settings for word in ("-c", each)), "clone", "-q", url, str(root)]
    subprocess.run(argv, check=True, env=box.env, cwd=box.home, timeout=60)
    for each in settings:
        key, _, value = each.partition("=")
        run_git(root, "config", key, value)
    return root


def events(box: Machine, name: str) -> list[str]:
    shown = box.ctl("events", "-v").stdout.splitlines()
    return [line for line in shown if name in line]


def test_two_directories_meet_without_a_server_and_it_is_said(box: Machine, desk: Machine) -> None:
    far = desk.repo()
    near = cloned(box, str(far))
    desk.configure(far)
    desk.start()
    wait_for("the inbox", lambda: run_git(far, "for-each-ref", "refs/gitsync/inbox"))
    box.configure(near)
    box.start()
    (near / "box.txt").write_text("box\n")
    wait_for("the file over there", (far / "box.txt").exists)
    wait_for("nothing ahead", lambda: box.repo_status()["ahead"] == 0)
    assert "handed over" in desk.ctl("events").stdout
    assert "has taken in" in box.ctl("events").stdout
    # Both at once: the one that is handed over is merged there, and comes back.
    (near / "box.txt").write_text("box again\n")
    (far / "desk.txt").write_text("desk\n")
    wait_for("both files everywhere", lambda: (near / "desk.txt").exists() and (far / "box.txt").read_text() != "box\n")
    wait_for("one head", lambda: run_git(near, "rev-parse", "HEAD") == run_git(far, "rev-parse", "HEAD"))
    wait_for("the inbox to be empty", lambda: run_git(far, "for-each-ref", "refs/gitsync/inbox").endswith("open"))
    assert {box.wait_state("ok")["ahead"], desk.wait_state("ok")["ahead"]} == {0}
    # What was handed over can be taken back there.
    assert desk.ctl("undo", "notes").returncode == 0
    assert not (far / "box.txt").exists() or (far / "box.txt").read_text() == "box\n"


@pytest.mark.soak
def test_over_ssh_it_waits_while_the_other_gitsync_does_not_run(box: Machine, desk: Machine, tmp_path: Path) -> None:
    far = desk.repo()
    desk.configure(far)
    desk.start()
    wait_for("the inbox", lambda: run_git(far, "for-each-ref", "refs/gitsync/inbox"))
    desk.stop()
    with Sshd(tmp_path / "ssh", home=None) as server:
        os.symlink(far, tmp_path / "ssh/home/Notes")
        near = cloned(box, "ssh://away/~/Notes", f"core.sshCommand={server.ssh_command()}")
        box.configure(near)
        box.start()
        (near / "box.txt").write_text("box\n")
        wait_for("it to be handed over", lambda: box.repo_status()["reason"] == "handed over to away")
        status = box.repo_status()
        assert (status["ahead"], status["state"], status["remotes"][0]["state"]) == (1, "ok", "ok")
        assert not (far / "box.txt").exists()
        assert run_git(far, "status", "--porcelain") == ""
        # A single pass of the other one is enough.
        assert desk.gitsync("--once").returncode == 0
        assert (far / "box.txt").read_text() == "box\n"
        wait_for("nothing ahead", lambda: box.repo_status()["ahead"] == 0)
        assert box.wait_state("ok")["reason"] == ""


def test_where_no_gitsync_watches_both_ways_out_are_said(box: Machine, desk: Machine) -> None:
    far = desk.repo()
    near = cloned(box, str(far))
    box.configure(near)
    box.start()
    (near / "box.txt").write_text("box\n")
    status = box.wait_state("error")
    assert (status["error"]["code"], status["ahead"]) == ("checked-out", 1), status["error"]
    assert "gitsyncctl watch" in status["error"]["hint"]
    assert "gitsyncctl server init" in status["error"]["hint"]
    assert run_git(far, "for-each-ref", "refs/gitsync/inbox") == ""
    # One of the two: it is watched there from now on.
    desk.configure(far)
    desk.start()
    wait_for("the file over there", (far / "box.txt").exists)
    assert desk.ctl("unwatch", "notes").returncode == 0
    # At once: the directory may be moved or deleted now, and nothing is at work in it.
    assert run_git(far, "for-each-ref", "refs/gitsync/inbox") == ""


def test_odd_refs_in_the_inbox_change_nothing(box: Machine) -> None:
    root = box.repo()
    head = run_git(root, "rev-parse", "HEAD")
    inbox = "refs/gitsync/inbox"
    blob = run_git(root, "hash-object", "-w", "first.txt")
    tree = run_git(root, "write-tree")
    strange = run_git(root, "commit-tree", "-m", "strange", tree)
    later = run_git(root, "commit-tree", "-m", "later", "-p", head, tree)
    hostile = run_git(root, "mktree", input=f"100644 blob {blob}\t.git\n".encode())
    bad = run_git(root, "commit-tree", "-m", "bad", "-p", head, hostile)
    for ref, target in (
        (f"{inbox}/{blob}/main", blob),
        (f"{inbox}/{head}/main/more", later),
        (f"{inbox}/name", later),
        (f"{inbox}/{later}/other", later),
        (f"{inbox}/{strange}/main", strange),
        (f"{inbox}/{bad}/main", bad),
    ):
        run_git(root, "update-ref", ref, target)
    run_git(root, "symbolic-ref", f"{inbox}/link", "refs/heads/main")
    box.configure(root)
    box.start()
    status = box.wait_state("halted")
    assert status["error"]["code"] in ("fsck", "unrelated-histories")
    assert [question["kind"] for question in status["questions"]] == ["unrelated"]
    assert "update-ref -d refs/gitsync/inbox/" in status["error"]["hint"]
    (root / "goes-on.txt").write_text("goes on\n")
    commit = box.wait_committed(root)
    assert run_git(root, "rev-list", commit).split()[1:] == [head]
    # Each is as it was, and the user can drop what stays.
    assert len(run_git(root, "for-each-ref", inbox).splitlines()) == 8
    for each in (strange, bad):
        run_git(root, "update-ref", "-d", f"{inbox}/{each}/main")
    box.wait_state("ok")


def test_what_needs_a_person_is_a_question_that_is_answered_by_its_id(box: Machine, tmp_path: Path) -> None:
    needs("ssh-keygen")
    signed, joined = box.repo("signed"), box.repo("joined")
    sign_with(signed, (signers := Signers(tmp_path / "keys")).key("ada"))
    signers.trust_in(signed)
    box.write_config(
        f'[defaults]\nquiet = "100ms"\n[[repo]]\npath = "{signed}"\nverify = "signed"\n[[repo]]\npath = "{joined}"\n'
    )
    handed = {}
    for root, parents in ((signed, ("-p", "HEAD")), (joined, ())):
        (root / "from-eve.txt").write_text("eve\n")
        run_git(root, "add", ".")
        tree = run_git(root, "write-tree")
        run_git(root, "rm", "-qf", "from-eve.txt")
        handed[root] = run_git(root, "-c", "commit.gpgSign=false", "commit-tree", "-m", "eve", *parents, tree)
        run_git(root, "update-ref", f"refs/gitsync/inbox/{handed[root]}/main", handed[root])
    box.start()
    for root, kind in ((signed, "incoming"), (joined, "unrelated")):
        status = box.wait_state("halted", root.name)
        (asked,) = status["questions"]
        assert (asked["kind"], asked["answers"]) == (kind, ["accept"])
        assert f"gitsyncctl resume {root.name} --accept" in status["error"]["hint"]
        assert not (root / "from-eve.txt").exists()
        assert box.ctl("resume", root.name).returncode == 0, "to go on is not to accept"
        assert box.wait_state("halted", root.name)["questions"] == [asked]
        assert box.ctl("resume", "--accept", asked["id"]).returncode == 0
        wait_for("what was accepted", (root / "from-eve.txt").exists)
        assert box.wait_state("ok", root.name)["questions"] == []
        assert run_git(root, "for-each-ref", "refs/gitsync/inbox").endswith("open")
        assert run_git(root, "merge-base", "--is-ancestor", handed[root], "HEAD") == ""
