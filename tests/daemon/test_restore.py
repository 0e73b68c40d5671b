"""Versions brought back, listed, compared and shown, by the programs as a user types them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, wait_for
from tests.daemon.homes import begin, ctl, home_status, wait_home


def ask(box: Machine, *argv: str, status: int = 0) -> dict[str, Any]:
    done = box.ctl(*argv, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.parametrize("is_running", [True, False])
def test_a_bad_edit_is_taken_back_and_the_restore_too(box: Machine, is_running: bool) -> None:
    root = box.repo()
    box.configure(root)
    (root / "first.txt").write_text("good\n")
    run_git(root, "commit", "-qam", "good")
    if is_running:
        box.start()
        box.wait_state("ok")
    (root / "first.txt").write_text("bad edit\n")
    if is_running:
        box.wait_committed(root)
    done = box.ctl("restore", str(root / "first.txt"))
    assert done.returncode == 0, done.stderr
    assert (root / "first.txt").read_text() == "good\n"
    assert run_git(root, "status", "--porcelain") == ""
    assert run_git(root, "show", "HEAD~1:first.txt") == "bad edit"
    assert "gitsyncctl undo notes" in done.stdout
    assert run_git(root, "rev-parse", "--short=7", "HEAD~2") in done.stdout
    # Once more: the version before is the bad edit.
    answer = ask(box, "restore", str(root / "first.txt"))
    assert answer["commit"] == run_git(root, "rev-parse", "HEAD")
    assert answer["restored"][0]["what"] == "changed"
    assert (root / "first.txt").read_text() == "bad edit\n"


def test_a_deleted_directory_comes_back_and_is_pushed(box: Machine, tmp_path: Path) -> None:
    hub = tmp_path / "hub.git"
    run_git(tmp_path, "init", "-q", "--bare", str(hub))
    root = box.repo(remote=hub)
    (root / "d").mkdir()
    for name in ("x", "y"):
        (root / "d" / name).write_text(f"{name}\n")
    (root / "d/x").chmod(0o755)
    run_git(root, "add", "-A")
    run_git(root, "commit", "-qm", "directory")
    box.configure(root)
    box.start()
    box.wait_state("ok")
    for name in ("x", "y"):
        (root / "d" / name).unlink()
    (root / "d").rmdir()
    box.wait_committed(root)
    answer = ask(box, "restore", str(root / "d"))
    assert {item["path"]: item["what"] for item in answer["restored"][0]["files"]} == {"d/x": "added", "d/y": "added"}
    assert (root / "d/y").read_text() == "y\n"
    assert (root / "d/x").stat().st_mode & 0o100
    wait_for("the push", lambda: run_git(hub, "rev-parse", "main") == answer["commit"])


def test_looking_changes_nothing(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    run_git(root, "mv", "first.txt", "renamed.txt")
    run_git(root, "commit", "-qm", "renamed")
    before = run_git(root, "rev-parse", "HEAD")
    (root / "renamed.txt").write_text("not committed\n")
    found = ask(box, "restore", str(root / "renamed.txt"), "--list")["versions"]
    assert [(item["what"], item["from"]) for item in found] == [("renamed", "renamed.txt"), ("added", "first.txt")]
    assert found[0]["size"] == len("first\n")
    answer = ask(box, "restore", str(root / "renamed.txt"), "--dry-run")
    assert answer["dry_run"]
    assert answer["commit"] is None
    assert answer["restored"][0]["commit"] == before
    copied = ask(box, "restore", "notes:renamed.txt", "--rev", "HEAD~1", "--to", str(box.home / "copy"))
    assert copied["to"] == str(box.home / "copy")
    assert (box.home / "copy").read_text() == "first\n"
    again = ask(box, "restore", "notes:renamed.txt", "--to", str(box.home / "copy"), status=2)
    assert again["error"]["code"] == "exists"
    assert run_git(root, "rev-parse", "HEAD") == before
    assert (root / "renamed.txt").read_text() == "not committed\n"


def test_what_cannot_be_brought_back_says_why(box: Machine) -> None:
    box.configure(box.repo())
    box.start()
    for argv, status, code in (
        (("notes/fist.txt",), 4, "unknown-path"),
        (("notes/first.txt",), 4, "only-version"),
        (("notes/first.txt", "--at", "10 years ago"), 4, "no-version"),
        (("notes/first.txt", "--at", "yesteryear"), 2, "when"),
        (("notes/first.txt", "--rev", "nope"), 4, "unknown-revision"),
        (("notes/first.txt", "--rev", "HEAD", "--at", "now"), 2, "usage"),
        (("outside.txt",), 2, "outside"),
        (("notes/.git/config",), 2, "outside"),
    ):
        assert ask(box, "restore", *argv, status=status)["error"]["code"] == code


def test_several_repositories_at_once_and_one_that_is_held(box: Machine) -> None:
    roots = [box.repo("notes"), box.repo("papers")]
    box.configure(*roots)
    box.start()
    for root in roots:
        (root / "first.txt").unlink()
        box.wait_committed(root)
    box.ctl("pause", "papers")
    answer = ask(box, "restore", "notes/first.txt", "papers/first.txt", status=4)
    assert [item["repo"] for item in answer["failed"]] == ["papers"]
    assert answer["failed"][0]["error"]["code"] == "held"
    assert (roots[0] / "first.txt").exists()
    assert not (roots[1] / "first.txt").exists()
    # A mistake in one path is met before anything is done to another.
    box.ctl("resume", "papers")
    (roots[0] / "first.txt").unlink()
    ask(box, "restore", "notes/first.txt", "papers/nope", status=4)
    assert not (roots[0] / "first.txt").exists()


def test_log_diff_and_show(box: Machine) -> None:
    roots = [box.repo("notes"), box.repo("papers")]
    box.configure(*roots, quiet="60s", max_wait="300s")
    box.start()
    root = roots[0]
    (root / "blob").write_bytes(b"\0\xff binary")
    run_git(root, "add", "blob")
    run_git(root, "mv", "first.txt", "one.txt")
    run_git(root, "commit", "-qm", "renamed, and a blob")
    commits = ask(box, "log")["commits"]
    assert sorted(item["repo"] for item in commits) == ["notes", "notes", "papers"]
    assert [item["message"] for item in ask(box, "log", "notes/one.txt")["commits"]] == ["renamed, and a blob", "first"]
    assert len(ask(box, "log", "-n", "1")["commits"]) == 1
    assert "renamed, and a blob" in box.ctl("log", "notes:one.txt").stdout

    assert ask(box, "diff", "notes")["diffs"][0]["files"] == []
    (root / "one.txt").write_text("changed\n")
    (root / "new.txt").write_text("new\n")
    found = ask(box, "diff", "notes")["diffs"][0]
    assert {item["path"]: item["what"] for item in found["files"]} == {"one.txt": "changed", "new.txt": "added"}
    patch = box.ctl("diff", "notes").stdout
    assert "-first\n+changed\n" in patch
    run_git(root, "stash", "-u", "-q")
    run_git(root, "apply", "-", input=patch.encode())
    assert (root / "new.txt").read_text() == "new\n"
    since = ask(box, "diff", "notes/one.txt", "--rev", "HEAD~1")["diffs"][0]
    assert since["from"]["message"] == "first"
    assert {item["path"] for item in since["files"]} == {"first.txt", "one.txt"}

    shown = ask(box, "show", "HEAD", "--in", "notes")
    assert shown["message"] == "renamed, and a blob"
    assert {item["what"] for item in shown["files"]} == {"added", "renamed"}
    raw = subprocess.run(
        [BIN / "gitsyncctl", "show", "HEAD:blob"], cwd=root, env=box.env, check=True, capture_output=True, timeout=60
    )
    assert raw.stdout == b"\0\xff binary"
    assert ask(box, "show", "HEAD:first.txt", "--in", "papers")["content"] == "first\n"
    assert ask(box, "show", "HEAD", status=4)["error"]["code"] == "ambiguous-revision"
    assert ask(box, "show", commits[0]["id"][:12])["id"] == commits[0]["id"]
    assert ask(box, "show", "HEAD:nope", "--in", "notes", status=4)["error"]["code"] == "no-version"

    # A directory is followed when it is no longer there, too.
    (root / "old").mkdir()
    (root / "old/a.txt").write_text("a\n" * 9)
    for step in (("add", "-A"), ("mv", "old", "late"), ("rm", "-rq", "late")):
        run_git(root, *step)
        run_git(root, "commit", "-qm", step[0])
    assert [item["message"] for item in ask(box, "log", "notes/late")["commits"]] == ["rm", "mv", "add"]


def test_a_large_file_is_shown_byte_by_byte(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    data = bytes(range(256)) * 4096
    (root / "large").write_bytes(data)
    run_git(root, "add", "-A")
    run_git(root, "commit", "-qm", "large")
    raw = subprocess.run(
        [BIN / "gitsyncctl", "show", "HEAD:large"], cwd=root, env=box.env, check=True, capture_output=True, timeout=60
    )
    assert raw.stdout == data


def test_files_that_a_brake_asks_about_are_restored(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    (root / ".gitattributes").write_text("*.txt text eol=crlf\n")
    (root / "d").mkdir()
    names = [f"d/{number}.txt" for number in range(30)]
    for name in names:
        (root / name).write_text(f"{name}\n")
    run_git(root, "add", "-A")
    run_git(root, "commit", "-qm", "many")
    box.configure(root)
    box.start()
    box.wait_state("ok")
    before = run_git(root, "rev-parse", "HEAD")
    shutil.rmtree(root / "d")
    box.wait_state("halted")
    assert ask(box, "restore", str(root / names[7]))["commit"] is None
    assert (root / names[7]).read_bytes() == b"d/7.txt\r\n"
    (asked,) = box.wait_state("halted")["questions"]
    assert asked["count"] == 29
    done = box.ctl("restore", str(root))
    assert done.returncode == 0, done.stderr
    assert all((root / name).exists() for name in names)
    assert box.wait_state("ok")["questions"] == []
    assert run_git(root, "rev-parse", "HEAD") == before
    assert run_git(root, "status", "--porcelain") == ""
    # The same without a daemon.
    shutil.rmtree(root / "d")
    assert box.stop() == 0
    done = box.ctl("restore", str(root / "d"))
    assert done.returncode == 0, done.stderr
    assert all((root / name).exists() for name in names)
    assert run_git(root, "rev-parse", "HEAD") == before


def test_home_files_that_a_brake_asks_about_are_restored(box: Machine) -> None:
    mirror = begin(box)
    files = [box.home / ".a", box.home / ".b"]
    for file in files:
        file.write_text(f"{file.name}\n")
    ctl(box, "add", *map(str, files))
    wait_home(box)
    before = run_git(mirror, "rev-parse", "HEAD")
    for file in files:
        file.unlink()
    wait_for("the question", lambda: home_status(box)["state"] == "halted")
    done = box.ctl("restore", *map(str, files))
    assert done.returncode == 0, done.stderr
    assert [file.read_text() for file in files] == [".a\n", ".b\n"]
    assert wait_home(box)["questions"] == []
    assert run_git(mirror, "rev-parse", "HEAD") == before


def test_commands_in_a_row_are_not_taken_for_the_users_git(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    (root / "first.txt").write_text("edited\n")
    assert box.gitsync("--once").returncode == 0  # it has written the index a moment ago
    for _ in range(2):
        done = box.ctl("restore", str(root / "first.txt"))
        assert done.returncode == 0, done.stderr


def test_a_restore_waits_for_the_users_git(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    box.start()
    (root / "first.txt").write_text("edited\n")
    box.wait_committed(root)
    lock = root / ".git/index.lock"
    lock.write_text("")
    with subprocess.Popen(["sh", "-c", 'sleep 1; rm "$0"', str(lock)]):
        assert box.ctl("restore", str(root / "first.txt")).returncode == 0
    assert (root / "first.txt").read_text() == "first\n"
