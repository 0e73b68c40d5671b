"""Ignore rules that are not in the work tree, changed while the daemon runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for


@pytest.mark.parametrize("watch", ["native", "polling"])
@pytest.mark.parametrize("place", [pytest.param("exclude", marks=pytest.mark.soak), "own"])
def test_what_is_ignored_no_more_is_committed_at_once_and_watched(box: Machine, place: str, watch: str) -> None:
    """Long before the hourly comparison."""
    root = box.repo()
    rules = root / ".git/info/exclude" if place == "exclude" else box.home / ".config/git/ignore"
    rules.parent.mkdir(parents=True, exist_ok=True)
    rules.write_text("build/\n")
    (root / "build").mkdir()
    box.configure(root, extra=f'watch = "{watch}"\n')
    box.start()
    box.wait_state("ok")
    (root / "build/a.txt").write_text("a\n")
    (root / "other.txt").write_text("other\n")
    wait_for("the other file", lambda: "other.txt" in committed(root))
    assert committed(root) == {"first.txt", "other.txt"}
    rules.unlink()
    wait_for("what was ignored", lambda: "build/a.txt" in committed(root))
    (root / "build/b.txt").write_text("b\n")
    wait_for("the next one there", lambda: "build/b.txt" in committed(root))
    rules.write_text("build/\n")
    assert box.ctl("sync", "--wait").returncode == 0
    (root / "build/c.txt").write_text("c\n")
    (root / "last.txt").write_text("last\n")
    wait_for("the last one", lambda: "last.txt" in committed(root))
    assert "build/c.txt" not in committed(root)


def committed(root: Path) -> set[str]:
    return set(run_git(root, "ls-tree", "-r", "--name-only", "HEAD").splitlines())
