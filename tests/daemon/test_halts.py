"""A remote that is not what it was, with real daemons: halted with the ways out, never a guess, never a force-push."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        yield it


def head_of(place: Path) -> str:
    return run_git(place, "rev-parse", "--verify", "-q", "main", check=False)


def alone(box: Machine, hub: Path, extra: str = "") -> Path:
    run_git(hub, "config", "receive.denyNonFastForwards", "true")
    root = box.repo(remote=hub)
    box.configure(root, extra=extra)
    box.start()
    wait_for("the first push", lambda: head_of(hub) == head_of(root))
    return root


def halted(box: Machine, code: str) -> dict[str, Any]:
    status = box.wait_state("halted")
    assert status["error"]["code"] == code
    assert status["reason"] == status["error"]["message"]
    answer = "--answer accept" if code == "remote-rewritten" else "--accept"
    assert f"gitsyncctl resume notes {answer}" in status["error"]["hint"]
    assert box.ctl("status").returncode == 1
    return status


def accept(box: Machine) -> None:
    done = box.ctl("resume", "notes", "--accept")
    assert done.returncode == 0, done.stderr


def empty(hub: Path) -> None:
    """Make the remote anew, as an administrator does."""
    run_git(hub.parent, "init", "-q", "--bare", "new.git")
    hub.rename(hub.with_name("old.git"))
    hub.with_name("new.git").rename(hub)


def test_an_emptied_remote_is_filled_again_when_accepted_and_the_other_machine_goes_on(
    box: Machine, other: Machine, hub: Path
) -> None:
    ours = alone(box, hub)
    theirs = other.home / "notes"
    run_git(other.home, "clone", "-q", str(hub), "notes")
    other.configure(theirs)
    other.start()
    other.wait_state("ok")
    empty(hub)
    halted(box, "remote-emptied")
    halted(other, "remote-emptied")
    (ours / "a.txt").write_text("local commits go on\n")
    (theirs / "b.txt").write_text("there, too\n")
    box.wait_committed(ours)
    other.wait_committed(theirs)
    assert run_git(hub, "for-each-ref") == ""
    assert box.stop() == 0
    box.start()
    halted(box, "remote-emptied")
    assert run_git(hub, "for-each-ref") == ""
    accept(box)
    wait_for("both to be equal", lambda: head_of(hub) == head_of(ours) == head_of(theirs) != "", 60)
    assert {path.name for path in ours.iterdir()} == {".git", "first.txt", "a.txt", "b.txt"}
    box.wait_state("ok")
    other.wait_state("ok")


def test_a_deleted_branch_is_sent_again_only_when_accepted(box: Machine, hub: Path) -> None:
    root = alone(box, hub)
    run_git(hub, "branch", "side", "main")
    run_git(hub, "update-ref", "-d", "refs/heads/main")
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)
    halted(box, "remote-branch-gone")
    assert head_of(hub) == ""
    accept(box)
    wait_for("the branch", lambda: head_of(hub) == head_of(root))
    box.wait_state("ok")


def test_a_rewritten_remote_is_merged_as_it_is_when_accepted(box: Machine, hub: Path) -> None:
    root = alone(box, hub)
    first = head_of(root)
    (root / "b.txt").write_text("b\n")
    box.wait_committed(root)
    wait_for("the push", lambda: head_of(hub) == head_of(root))
    work = box.home / "rewriting"
    run_git(box.home, "clone", "-q", str(hub), "rewriting")
    run_git(work, "reset", "-q", "--hard", first)
    (work / "c.txt").write_text("c\n")
    run_git(work, "add", ".")
    run_git(work, "commit", "-qm", "instead of b")
    run_git(hub, "fetch", "-q", str(work), "+main:main")
    there = head_of(hub)
    status = halted(box, "remote-rewritten")
    assert "git log origin/main" in status["error"]["hint"]
    (root / "d.txt").write_text("d\n")
    box.wait_committed(root)
    assert head_of(hub) == there
    assert not (root / "c.txt").exists()
    refused = box.ctl("resume", "notes", "--accept")
    assert refused.returncode == 2
    for word in ("accept", "take"):
        assert f"gitsyncctl resume notes --answer {word}" in refused.stderr
    assert box.ctl("resume", "notes", "--answer", "accept").returncode == 0
    wait_for("the merge", lambda: head_of(hub) == head_of(root))
    assert run_git(root, "merge-base", "--is-ancestor", there, "HEAD") == ""
    assert {path.name for path in root.iterdir()} == {".git", "first.txt", "b.txt", "c.txt", "d.txt"}
    box.wait_state("ok")


@pytest.mark.parametrize("is_running", [True, False])
def test_a_rewritten_history_takes_the_place_of_the_one_here(box: Machine, hub: Path, is_running: bool) -> None:
    root = alone(box, hub)
    first = head_of(root)
    (root / "b.txt").write_text("b\n")
    box.wait_committed(root)
    # A daemon that is stopped before its git has ended does not know that the commit arrived.
    wait_for("the push", lambda: head_of(hub) == head_of(root) and box.repo_status()["ahead"] == 0)
    old = head_of(root)
    box.stop()
    there = run_git(hub, "commit-tree", "-p", first, "-m", "without b", f"{first}^{{tree}}")
    run_git(hub, "update-ref", "refs/heads/main", there)
    (root / "first.txt").write_text("edited meanwhile\n")
    if is_running:
        box.start()
        halted(box, "remote-rewritten")
        assert box.repo_status()["questions"][0]["answers"] == ["accept", "take"]
    else:
        assert box.gitsync("--once").returncode == 1
        refused = box.ctl("resume", "notes", "--accept")
        assert (refused.returncode, head_of(hub)) == (2, there)
        assert "gitsyncctl resume notes --answer take" in refused.stderr
    done = box.ctl("resume", "notes", "--answer", "take")
    assert done.returncode == 0, done.stderr
    wait_for("the edit to be sent", lambda: head_of(hub) == head_of(root) != there)
    assert run_git(root, "rev-parse", "HEAD^@") == there  # nothing of the old history is sent
    assert run_git(root, "show", "HEAD:first.txt") == "edited meanwhile"
    assert {path.name for path in root.iterdir()} == {".git", "first.txt"}
    assert old in run_git(root, "rev-list", "--glob=refs/gitsync/backup")
    assert box.gitsync("--once").returncode == (3 if is_running else 0)


@pytest.mark.parametrize("mode", ["both", pytest.param("push", marks=pytest.mark.soak)])
def test_what_was_taken_out_of_the_remote_does_not_come_back_by_itself(box: Machine, hub: Path, mode: str) -> None:
    run_git(hub, "config", "receive.denyNonFastForwards", "true")
    root = box.repo(remote=hub)
    box.configure(root, extra=f'mode = "{mode}"\n')
    assert box.gitsync("--once").returncode == 0
    first = head_of(root)
    (root / "secret.txt").write_text("in by mistake\n")
    assert box.gitsync("--once").returncode == 0
    run_git(hub, "update-ref", "refs/heads/main", first)
    (root / "b.txt").write_text("b\n")
    assert box.gitsync("--once").returncode == 1
    assert head_of(hub) == first
    # Who looks without a daemon sees it, too, and which way out there is.
    assert box.ctl("status").returncode == 1
    status = box.repo_status()
    assert (status["state"], status["error"]["code"]) == ("halted", "remote-rewritten")
    assert status["ahead"] > 0
    assert box.ctl("resume", "notes", "--answer", "accept").returncode == 0
    assert head_of(hub) == head_of(root)
    assert box.repo_status()["state"] == "ok"


@pytest.mark.soak
def test_a_mirror_that_lags_behind_is_not_taken_for_a_remote_that_was_set_back(
    box: Machine, hub: Path, tmp_path: Path
) -> None:
    root = box.repo(remote=hub)
    mirror = tmp_path / "mirror.git"
    run_git(tmp_path, "clone", "-q", "--mirror", str(hub), str(mirror))
    run_git(root, "remote", "set-url", "origin", str(mirror))
    run_git(root, "remote", "set-url", "--push", "origin", str(hub))
    box.configure(root)
    for text in ("one\n", "two\n", "three\n"):
        (root / "a.txt").write_text(text)
        done = box.gitsync("--once")
        assert done.returncode == 0, done.stderr
        assert head_of(hub) == head_of(root) != head_of(mirror)
    run_git(mirror, "fetch", "-q")
    assert box.gitsync("--once").returncode == 0
    run_git(mirror, "update-ref", "refs/heads/main", f"{head_of(hub)}~1")
    assert box.gitsync("--once").returncode == 1, "what was seen there is gone from there"


@pytest.mark.parametrize("is_named", [True, False], ids=["a remote's name", "an address"])
def test_unrelated_histories_are_joined_when_accepted(box: Machine, hub: Path, is_named: bool) -> None:
    work = box.home / "strangers"
    work.mkdir()
    run_git(work, "init", "-q")
    (work / "theirs.txt").write_text("theirs\n")
    run_git(work, "add", ".")
    run_git(work, "commit", "-qm", "another beginning")
    run_git(work, "push", "-q", str(hub), "main")
    there = head_of(hub)
    root = box.repo(remote=hub if is_named else None)
    box.configure(root, extra="" if is_named else f'remote = "{hub}"\n')
    box.start()
    halted(box, "unrelated-histories")
    (root / "a.txt").write_text("a\n")
    box.wait_committed(root)
    assert head_of(hub) == there
    assert box.stop() == 0
    box.start()
    halted(box, "unrelated-histories")
    accept(box)
    wait_for("the joined history", lambda: head_of(hub) == head_of(root))
    assert {path.name for path in root.iterdir()} == {".git", "first.txt", "a.txt", "theirs.txt"}
    assert run_git(root, "fsck", "--strict") == ""
    box.wait_state("ok")


def test_the_hint_for_an_address_names_a_ref_that_git_takes(box: Machine, hub: Path) -> None:
    root = box.repo()
    box.configure(root, extra=f'remote = "{hub}"\n')
    box.start()
    wait_for("the push", lambda: head_of(hub) == head_of(root))
    tree = run_git(hub, "rev-parse", "main^{tree}")
    other = run_git(hub, "commit-tree", tree, "-m", "rewritten")
    box.ctl("pause")
    run_git(hub, "update-ref", "refs/heads/main", other)
    (root / "a.txt").write_text("a\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "-qm", "a")
    box.ctl("resume")
    hint = halted(box, "remote-rewritten")["error"]["hint"]
    ref = hint.split("git log ")[1].split(";")[0]
    assert run_git(root, "rev-parse", ref) == other
