"""--dry-run says what a command would do, and changes nothing; with a daemon and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.daemon.homes import ctl, mirror_of

TRACKED = ".vimrc"


def everything(box: Machine) -> dict[str, tuple[int, bytes]]:
    """Return what may not change: every file of the person's, the configuration, every commit."""
    roots = [box.home / "notes", box.config, box.home / TRACKED, box.home / ".profile", mirror_of(box)]
    files = [path for root in roots for path in ([root] if root.is_file() else root.rglob("*")) if path.is_file()]
    # What says that a work tree takes in what others hand over is a ref to the empty blob, made when gitsync begins.
    seen = [path for path in files if not path.name.startswith("9de29bb2d1d6434b")]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in seen}


@pytest.mark.parametrize("is_running", [pytest.param(True, marks=pytest.mark.soak), False])
def test_a_trial_tells_and_changes_nothing(box: Machine, hub: Path, is_running: bool) -> None:
    root = box.repo(remote=hub)
    box.configure(root, quiet="60s", max_wait="300s")
    (box.home / TRACKED).write_text("set nu\n")
    (box.home / ".profile").write_text("umask 22\n")
    ctl(box, "init")
    ctl(box, "add", f"~/{TRACKED}")
    box.ctl("sync", "--wait")
    if is_running:
        box.start()
        box.ctl("sync", "--wait")  # what the first scan finds is committed at once
    (root / "new.txt").write_text("new\n")
    (root / "first.txt").unlink()
    old = box.home / "old.ini"
    old.write_text(f"[gitsync]\nwork_dir = {root}, {box.home / 'more'}\n")
    before = everything(box)
    [repo] = ctl(box, "sync", "notes", "--dry-run")["repos"]
    assert {item["path"]: item["what"] for item in repo["files"]} == {"new.txt": "added", "first.txt": "removed"}
    assert (repo["remote"], repo["mode"]) == ("origin", "both")
    assert [item["path"] for item in ctl(box, "add", "--dry-run", "~/.profile")["added"]] == [".profile"]
    for command in ("remove", "forget"):
        assert [item["path"] for item in ctl(box, command, "--dry-run", f"~/{TRACKED}")["removed"]] == [TRACKED]
    assert ctl(box, "watch", "--init", "--dry-run", "~/Two")["name"] == "Two"
    assert "--init" in box.ctl("watch", "--dry-run", "~/Two").stderr
    told = box.ctl("import", "--dry-run", "--gitsync", str(old))
    assert '+path = "~/more"' in told.stdout.splitlines()
    assert "would commit 2 files" in box.ctl("sync", "--dry-run").stdout
    now = everything(box)
    assert {path for path in before | now if before.get(path) != now.get(path)} == set()
    assert not (box.home / "Two").exists()
    assert json.loads(box.ctl("status", "--json").stdout)["repos"][0]["name"] == "notes"
    assert run_git(hub, "rev-parse", "main").strip() == run_git(root, "rev-parse", "HEAD").strip()


def test_a_commit_of_ones_own_is_ahead_at_once_also_while_paused(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    box.configure(root, quiet="60s", max_wait="300s", extra='push = "60s"\npull = "1h"\n')
    box.start()
    box.ctl("sync", "--wait")

    def own(number: int) -> tuple[str, int]:
        (root / "own.txt").write_text(f"{number}\n")
        run_git(root, "add", "own.txt")
        run_git(root, "commit", "-qm", f"own {number}")
        status: dict[str, Any] = {}

        def is_shown() -> bool:  # the look waits for the committer for 50 ms only
            status.update(box.repo_status())
            return bool(status["last_commit"]["message"] == f"own {number}")

        wait_for("the commit to be shown", is_shown, 5)
        return status["state"], status["ahead"]

    assert own(1)[1] == 1
    box.ctl("pause", "notes")
    assert own(2) == ("paused", 2)


def test_a_version_is_shown_and_compared_under_its_name_of_then(box: Machine) -> None:
    root = box.repo()
    (root / "projects").mkdir()
    (root / "projects/trip.md").write_text("to Rome\n" * 9)
    run_git(root, "add", "-A")
    run_git(root, "commit", "-qm", "then")
    (root / "projects").rename(root / "work")
    run_git(root, "add", "-A")
    run_git(root, "commit", "-qm", "renamed")
    (root / "work/trip.md").write_text("to Rome\n" * 9 + "to Oslo\n")
    box.configure(root)
    shown = box.ctl("show", "HEAD~1:work/trip.md", "--in", "notes")
    assert shown.stdout == "to Rome\n" * 9
    assert shown.stderr == "note: then it was projects/trip.md\n"
    patch = box.ctl("diff", str(root / "work"), "--rev", "HEAD~1").stdout
    assert "rename from projects/trip.md" in patch
    assert [line for line in patch.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")] == ["+to Oslo"]
    listed = ctl(box, "restore", str(root / "work"), "--list")["versions"]
    assert [item["from"] for item in listed] == ["work", "projects"]
