"""What a brake asks is answered for itself, over the control socket and by a real daemon."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for

COUNT = 30


def head_of(place: Path) -> str:
    return run_git(place, "rev-parse", "--verify", "-q", "main", check=False)


def test_each_question_is_answered_by_its_id(box: Machine, hub: Path) -> None:
    root = box.repo(remote=hub)
    for number in range(COUNT):
        (root / f"f{number}").write_text(f"{number}\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "-qm", "files")
    box.configure(root)
    box.start()
    wait_for("the first push", lambda: head_of(hub) == head_of(root))
    before = head_of(hub)
    backup = root.with_name("backup")
    shutil.copytree(root, backup, symlinks=True)
    root.rename(root.with_name("old"))
    for number in range(COUNT - 5):
        (backup / f"f{number}").unlink()
    backup.rename(root)
    (first,) = box.wait_state("halted")["questions"]
    assert first["kind"] == "other-root"
    assert box.ctl("resume", "notes", "--accept", "q-00000000").returncode == 2
    assert box.ctl("resume", "notes", "--accept", first["id"]).returncode == 0

    def second() -> list[dict[str, object]]:
        return [each for each in box.repo_status()["questions"] if each["kind"] == "deletions"]

    wait_for("the second question", lambda: bool(second()))
    (asked,) = second()
    assert asked["count"] == COUNT - 5
    assert head_of(hub) == before
    assert box.ctl("resume", "--accept", str(asked["id"])).returncode == 0
    wait_for("the deletions", lambda: head_of(hub) != before)
    assert box.repo_status()["questions"] == []
