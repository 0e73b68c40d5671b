"""A conflict seen on two machines and settled on one of them; what gitsync did, taken back on both."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        (it.home / ".gitconfig").write_text(
            (it.home / ".gitconfig").read_text().replace("Test Person", "Ada").replace("test@", "ada@")
        )
        yield it


def document(of: Machine, *argv: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(of.ctl(*argv, "--json").stdout)
    return found


def conflicts(of: Machine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document(of, "conflicts")["conflicts"]
    return found


def pair(box: Machine, other: Machine, hub: Path, *, extra: str = "") -> tuple[Path, Path]:
    ours = box.repo(remote=hub)
    box.configure(ours, extra=extra)
    box.start()
    wait_for("the first push", lambda: run_git(hub, "rev-parse", "--verify", "-q", "main", check=False))
    run_git(other.home, "clone", "-q", str(hub), "notes")
    theirs = other.home / "notes"
    other.configure(theirs, extra=extra)
    other.start()
    return ours, theirs


def wait_equal(ours: Path, theirs: Path, hub: Path) -> None:
    def is_equal() -> bool:
        heads = {run_git(root, "rev-parse", "main") for root in (ours, theirs, hub)}
        # The branch moves before the last temporary is swept away.
        return len(heads) == 1 and not any(
            run_git(root, "--no-optional-locks", "status", "--porcelain") for root in (ours, theirs)
        )

    wait_for("equal heads and work trees", is_equal)


def collide(box: Machine, other: Machine, ours: Path, theirs: Path, hub: Path) -> None:
    """Write first.txt differently on both machines; the other one finds out by merging."""
    assert other.ctl("pause").returncode == 0
    (ours / "first.txt").write_text("ours\n")
    box.wait_committed(ours)
    wait_for("the push", lambda: run_git(hub, "rev-parse", "main") == run_git(ours, "rev-parse", "HEAD"))
    (theirs / "first.txt").write_text("theirs\n")
    assert other.ctl("resume").returncode == 0


def test_a_conflict_is_seen_on_both_machines_and_settled_on_one(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub)
    collide(box, other, ours, theirs, hub)
    (there,) = wait_for("the conflict where it was met", lambda: conflicts(other))
    (here,) = wait_for("the conflict where it was pulled", lambda: conflicts(box))
    wait_equal(ours, theirs, hub)
    for found in (here, there):
        assert (found["repo"], found["path"], found["policy"]) == ("notes", "first.txt", "keep-both")
        # What stands under the name was there first, on the machine that did not merge.
        assert [(item["role"], item["text"]) for item in found["versions"]] == [
            ("name", "ours\n"),
            ("copy", "theirs\n"),
        ]
        assert found["copies"] == [found["versions"][1]["path"]]
        assert run_git(ours, "show", f"{found['base']}:first.txt") == "first"
    assert there["with"] == "Test Person <test@example.org>"
    assert here["with"] == "Ada <ada@example.org>"
    assert [item["this"] for item in here["versions"]] == [True, False]
    assert [item["this"] for item in there["versions"]] == [False, True]
    assert box.ctl("conflicts").returncode == 1
    assert other.repo_status()["conflicts"] == ["first.txt"]
    assert other.repo_status()["state"] == "ok", "both versions are kept: it holds nothing up"

    done = box.ctl("resolve", str(ours / "first.txt"), "--theirs")
    assert done.returncode == 0, done.stderr
    assert "resolved first.txt in notes" in done.stdout
    wait_for("the settling to arrive", lambda: not conflicts(other))
    assert conflicts(box) == []
    wait_equal(ours, theirs, hub)
    assert (theirs / "first.txt").read_text() == "theirs\n"
    assert sorted(path.name for path in theirs.iterdir()) == [".git", "first.txt"]
    wait_for("the state of the other one", lambda: other.repo_status()["conflicts"] == [])
    assert box.ctl("conflicts").stdout == "nothing is in conflict\n"

    # Taken back, the conflict is back everywhere.
    assert document(box, "undo")["undone"]["reason"] == "resolve"
    wait_for("the conflict to be back", lambda: conflicts(other))
    assert [item["path"] for item in conflicts(box)] == ["first.txt"]


def test_an_undone_pull_goes_out_and_does_not_come_again(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub)
    (ours / "wrong.txt").write_text("wrong\n")
    wait_for("the pull", lambda: (theirs / "wrong.txt").exists())
    wait_equal(ours, theirs, hub)
    (theirs / "later.txt").write_text("later\n")
    assert document(other, "undo", "--dry-run")["paths"] == ["wrong.txt"]
    assert (theirs / "wrong.txt").exists()
    done = other.ctl("undo", "notes")
    assert done.returncode == 0, done.stderr
    assert "undid the pull" in done.stdout
    assert not (theirs / "wrong.txt").exists()
    # What was being edited was committed first and stays.
    assert (theirs / "later.txt").read_text() == "later\n"
    wait_for("the undo to arrive", lambda: not (ours / "wrong.txt").exists())
    wait_for("the later file", lambda: (ours / "later.txt").exists())
    wait_equal(ours, theirs, hub)
    assert not (theirs / "wrong.txt").exists()
    listed = document(other, "undo", "--list")["changes"]
    assert [(item["reason"], item["is_undone"]) for item in listed][:2] == [("undo", False), ("pull", True)]
    assert run_git(theirs, "for-each-ref", "refs/gitsync/backup")
    there = run_git(hub, "for-each-ref", "--format=%(refname)", "refs/gitsync").splitlines()
    assert [ref for ref in there if not ref.startswith("refs/gitsync/machines/")] == [], "backup refs stay at home"


@pytest.mark.soak
def test_settling_and_undoing_without_a_daemon(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub)
    collide(box, other, ours, theirs, hub)
    wait_for("the conflict", lambda: conflicts(other))
    other.stop()
    (found,) = conflicts(other)
    assert other.ctl("status").returncode == 1
    refused = other.ctl("resolve", "first.txt")
    assert refused.returncode == 2
    assert "to see the versions, and the commands that keep them: gitsyncctl conflicts" in refused.stderr
    refused = other.ctl("resolve", "first.txd", "--done", "--json")
    assert refused.returncode == 2
    error = json.loads(refused.stdout)["error"]
    assert (error["code"], error["hint"]) == ("not-in-conflict", "did you mean: first.txt?")
    # A relative path is one of the repository where the working directory has none of that name.
    done = other.ctl("resolve", "first.txt", "--both", "--json")
    assert json.loads(done.stdout)["renamed"] == [{"from": found["copies"][0], "to": "first-kept.txt"}]
    assert conflicts(other) == []
    assert document(other, "undo")["undone"]["reason"] == "resolve"
    assert [item["copies"] for item in conflicts(other)] == [found["copies"]]
    # Without a daemon nothing was sent; the next pass does it.
    assert other.gitsync("--once").returncode == 1, "a conflict needs its user"
    wait_for("what was done to arrive", lambda: (ours / found["copies"][0]).exists())
    wait_equal(ours, theirs, hub)


def test_an_undo_without_a_name_takes_the_newest_of_all_outside_of_watched_directories(box: Machine) -> None:
    roots = [box.repo("first"), box.repo("second")]
    box.configure(*roots)
    box.start()
    nothing = box.ctl("undo")
    assert nothing.returncode == 4
    assert "there is nothing to undo in any of the 2 repositories" in nothing.stderr
    nothing = box.ctl("undo", "first")
    assert nothing.returncode == 4
    assert "there is nothing to undo" in nothing.stderr
    assert json.loads(box.ctl("undo", "--list", "--json").stdout)["changes"] == []
    for root in roots:
        (root / "first.txt").write_text("edited\n")
        box.wait_committed(root)
    document(box, "restore", str(roots[1] / "first.txt"))
    assert document(box, "undo")["repo"] == "second", "the only one in which there is something"
    for root in roots:
        document(box, "restore", str(root / "first.txt"), "--rev", "HEAD~1" if root == roots[0] else "HEAD~3")
        time.sleep(1.1)  # changes are in order by the second
    assert "-first\n+edited" in box.ctl("undo", "--dry-run").stdout
    assert [(root / "first.txt").read_text() for root in roots] == ["first\n", "first\n"]
    assert document(box, "undo")["repo"] == "second", "the newest"
    assert json.loads(box.ctl("undo", "--json", cwd=roots[0]).stdout)["repo"] == "first", "the one here"
    assert [(root / "first.txt").read_text() for root in roots] == ["edited\n", "edited\n"]
    assert json.loads(box.ctl("redo", "--json", cwd=roots[1]).stdout)["repo"] == "second"
    assert [(root / "first.txt").read_text() for root in roots] == ["edited\n", "first\n"]
    assert "redid the undo" in box.ctl("redo").stdout
    assert [(root / "first.txt").read_text() for root in roots] == ["first\n", "first\n"]
    assert box.ctl("redo", "first").returncode == 4
    document(box, "undo", "second")
    assert [(root / "first.txt").read_text() for root in roots] == ["first\n", "edited\n"]


@pytest.mark.soak
def test_home_alone_is_undone_and_settled_by_the_names_at_home(box: Machine, other: Machine, hub: Path) -> None:
    for one in (box, other):
        one.write_config("")
        (one.home / ".vimrc").write_text(f"of {one.home}\n")
    document(box, "init", "--remote", str(hub))
    document(box, "add", str(box.home / ".vimrc"))
    document(box, "sync", "--wait")
    assert other.ctl("clone", "--yes", str(hub)).returncode == 1, "what differs is in conflict"
    assert other.ctl("resolve", ".vimrc", "--ours").returncode == 0
    assert (other.home / ".vimrc").read_text() == f"of {other.home}\n"
    assert conflicts(other) == []
    assert document(other, "undo")["undone"]["reason"] == "resolve"
    assert (other.home / ".vimrc").read_text() == f"of {box.home}\n"


def test_manual_conflicts_wait_and_are_settled_one_by_one(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub, extra='conflict = "manual"\n')
    names = [f"{letter}.txt" for letter in "abcd"]
    for name in names:
        (ours / name).write_text("base\n")
    wait_for("the files to arrive", lambda: all((theirs / name).exists() for name in names))
    wait_equal(ours, theirs, hub)
    assert other.ctl("pause").returncode == 0
    for name in names:
        (ours / name).write_text(f"ours {name}\n")
    box.wait_committed(ours)
    wait_for("the push", lambda: run_git(hub, "rev-parse", "main") == run_git(ours, "rev-parse", "HEAD"))
    for name in names:
        (theirs / name).write_text(f"theirs {name}\n")
    assert other.ctl("resume").returncode == 0
    wait_for("the conflicts", lambda: len(conflicts(other)) == 4)
    assert other.repo_status()["state"] == "conflict"
    assert conflicts(box) == [], "the other machine has nothing to settle"
    first = conflicts(other)[0]
    assert (first["path"], first["is_waiting"], first["copies"]) == ("a.txt", True, [])
    assert [item["text"] for item in first["versions"]] == ["theirs a.txt\n", "ours a.txt\n"]
    assert [(item["role"], item["this"]) for item in first["versions"]] == [("name", True), ("copy", False)]
    assert first["with"] == "Test Person <test@example.org>"

    # Here "theirs" is what the remote has; what was chosen survives a restart.
    done = document(other, "resolve", str(theirs / "a.txt"), "--theirs")
    assert (done["commit"], done["left"]) == (None, 3)
    assert "the merge is made when the last file is resolved" in other.ctl("resolve", "b.txt", "--ours").stdout
    other.stop()
    other.start()
    assert [item["path"] for item in conflicts(other)] == ["c.txt", "d.txt"]
    # A new commit there that touches what is settled asks again.
    (ours / "b.txt").write_text("ours b.txt, once more\n")
    wait_for(
        "the question to come again", lambda: [item["path"] for item in conflicts(other)] == ["b.txt", "c.txt", "d.txt"]
    )
    assert document(other, "resolve", str(theirs / "b.txt"), "--theirs")["left"] == 2
    assert document(other, "resolve", "b.txt", "--ours")["left"] == 2, "it can still be chosen otherwise"
    assert document(other, "resolve", str(theirs / "c.txt"), "--both")["renamed"] == [
        {"from": "c.txt", "to": "c-kept.txt"}
    ]
    # An edit that is not committed yet is what --done takes.
    (theirs / "d.txt").write_text("put right\n")
    last = document(other, "resolve", str(theirs / "d.txt"), "--done")
    assert last["left"] == 0
    assert last["commit"] is not None
    other.wait_state("ok")
    wait_equal(ours, theirs, hub)
    assert conflicts(other) == []
    found = {path.name: path.read_text() for path in ours.glob("*.txt")}
    assert found == {
        "first.txt": "first\n",
        "a.txt": "ours a.txt\n",
        "b.txt": "theirs b.txt\n",
        "c.txt": "ours c.txt\n",
        "c-kept.txt": "theirs c.txt\n",
        "d.txt": "put right\n",
    }
    assert run_git(theirs, "for-each-ref", "refs/gitsync/conflict") == ""
    # The merge that was made so can be taken back as any other.
    assert document(other, "undo")["undone"]["commit"]["id"] == last["commit"]["id"]
    wait_for("the undo to arrive", lambda: (ours / "b.txt").read_text() == "theirs b.txt\n")


def test_a_repository_that_has_lost_its_last_commit_holds_up_no_other(box: Machine) -> None:
    """As a power cut leaves it; with the missing object the whole daemon had ended as by a bug in gitsync."""
    hurt, well = box.repo("hurt"), box.repo("well")
    box.configure(hurt, well)
    head = run_git(hurt, "rev-parse", "HEAD")
    (hurt / ".git/objects" / head[:2] / head[2:]).unlink()
    (well / "new.txt").write_text("new\n")
    done = box.gitsync("--once")
    assert done.returncode == 1, done.stderr
    assert run_git(well, "status", "--porcelain") == ""
    assert head in done.stderr
    assert "fsck" in done.stderr
    listed = box.ctl("undo", "--list")
    assert listed.returncode == 1, listed.stderr
    assert f"object {head} is missing" in listed.stderr


def test_one_pass_says_what_it_left_out(box: Machine) -> None:
    """A filter that is not set up: nothing was committed, and nobody told of it."""
    root = box.repo()
    box.configure(root)
    (root / ".gitattributes").write_text("*.big filter=elsewhere\n")
    (root / "a.big").write_text("big\n")
    (root / "id_rsa").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    done = box.gitsync("--once", "-q")
    assert done.returncode == 1
    assert run_git(root, "status", "--porcelain") == "?? a.big\n?? id_rsa"
    held = (line.partition(": not committed: ")[2] for line in done.stderr.splitlines())
    told = sorted(line for line in held if line)
    assert [line.partition(":")[0] for line in told] == ["a.big (filter", "id_rsa (secret"]
    assert "'elsewhere'" in told[0]


@pytest.mark.parametrize("rev", ["HEAD", "HEAD^{tree}", "HEAD:first.txt"])
def test_an_object_that_a_power_cut_left_empty_is_fetched_again(box: Machine, hub: Path, rev: str) -> None:
    root = box.repo(remote=hub)
    run_git(root, "push", "-qu", "origin", "main")
    name = run_git(root, "rev-parse", rev)
    path = root / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(b"")
    (root / "a.txt").write_text("a\n")
    box.configure(root)
    box.start()
    wait_for("the repair", lambda: run_git(root, "cat-file", "-t", name, check=False))
    box.wait_committed(root)
    box.wait_state("ok")
    assert run_git(root, "fsck", "--no-dangling") == ""


def test_core_bare_that_is_set_meanwhile_is_said_at_once_and_its_end_is_seen(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    box.wait_state("ok")
    run_git(root, "config", "core.bare", "true")
    status = box.repo_status()
    assert (status["state"], status["error"]["code"]) == ("error", "bare")
    assert status["error"]["hint"] == f"git -C {root} config --unset core.bare"
    run_git(root, "config", "--unset", "core.bare")
    (root / "a.txt").write_text("a\n")
    assert box.wait_state("ok")["error"] is None
    box.wait_committed(root)
