"""Files that are not synced any more: out of the repository, and on the disk of every machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine


def test_a_forgotten_file_stays_on_every_machine(tmp_path: Path, box: Machine, hub: Path) -> None:
    ours = box.repo(remote=hub)
    (ours / "build").mkdir()
    for name in ("film [1].mp4", "build/a.o", "build/b.o", "notes.txt"):
        (ours / name).write_text(f"{name}\n")
    box.configure(ours)
    box.gitsync("--once")
    with machine(tmp_path / "other") as other:
        run_git(other.home, "clone", "-q", str(hub), "notes")
        theirs = other.home / "notes"
        other.configure(theirs)
        trial = box.ctl("forget", str(ours / "build"), "--dry-run")
        assert "would forget 2 files" in trial.stdout
        assert run_git(ours, "ls-files", "build") != ""

        done = box.ctl("forget", str(ours / "build"), str(ours / "film [1].mp4"))
        assert done.returncode == 0, done.stderr
        assert "gitsyncctl undo notes" in done.stdout
        assert run_git(ours, "log", "-1", "--format=%s") == "Forget build, film [1].mp4"
        assert (ours / ".gitignore").read_text() == "/build/\n/film \\[1].mp4\n"
        other.gitsync("--once")
        for root in (ours, theirs):
            assert run_git(root, "ls-files").split() == [".gitignore", "first.txt", "notes.txt"]
            assert run_git(root, "status", "--porcelain") == ""
            assert sorted(path.name for path in (root / "build").iterdir()) == ["a.o", "b.o"]
            assert (root / "film [1].mp4").exists()
        assert run_git(hub, "rev-parse", "main") == run_git(theirs, "rev-parse", "HEAD")
    assert box.ctl("forget", str(ours / "film [1].mp4")).returncode == 2
    assert box.ctl("undo", "notes").returncode == 0
    assert "build/a.o" in run_git(ours, "ls-files")
    assert not (ours / ".gitignore").exists()
    assert box.ctl("redo", "notes").returncode == 0
    assert "build" not in run_git(ours, "ls-files")
    assert (ours / "build/a.o").exists()  # a redone forget leaves the files, too, and says so to other machines
    assert "Gitsync-Forgets: 3" in run_git(ours, "log", "-1", "--format=%b")


def test_events_can_be_narrowed(box: Machine) -> None:
    roots = [box.repo("first"), box.repo("second")]
    box.configure(*roots)
    box.start()
    for root in roots:
        (root / "new.txt").write_text("new\n")
        box.wait_committed(root)

    def told(*argv: str) -> list[tuple[str, str]]:
        lines = box.ctl("events", "--json", *argv).stdout.splitlines()
        return [(event["event"], event["repo"]) for event in map(json.loads, lines)]

    assert told() == [("committed", "first"), ("committed", "second")]
    assert told("second") == told("-n", "1") == [("committed", "second")]
    assert ("state", "first") in told("-v", "first")
    assert told("--since", "1 hour ago") == told()
    assert box.ctl("events", "third").returncode == 2


@pytest.mark.parametrize("name", ["a\nnotes", "a\r", "a\r\nb\t"])
def test_a_name_with_a_line_break_is_forgotten_and_hides_nothing_else(box: Machine, name: str) -> None:
    ours = box.repo()
    for each in (name, "notes", "b", "axnotes"):
        (ours / each).write_text("1\n")
    box.configure(ours)
    box.gitsync("--once")
    done = box.ctl("forget", str(ours / name))
    assert done.returncode == 0, done.stderr
    (ours / "sub").mkdir()
    for each in (name, "notes", "sub/notes", "sub/b"):
        (ours / each).write_text("2\n")
    box.gitsync("--once")
    kept = run_git(ours, "-c", "core.quotePath=false", "ls-files", "-z").split("\0")
    assert name not in kept
    assert {"notes", "sub/notes", "sub/b", "b", "axnotes"} <= set(kept)
    assert run_git(ours, "status", "--porcelain") == ""
