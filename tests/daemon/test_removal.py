"""Removing gitsync as docs/packages.rst says leaves ordinary repositories and home files, and nothing else."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.conftest import run_git
from tests.daemon.harness import Machine

PAGE = Path(__file__).resolve().parents[2] / "docs/packages.rst"


def commands() -> list[str]:
    """Return the commands of the section, in their order."""
    section = PAGE.read_text().partition("Remove it\n====")[2]
    return re.findall(r"(?m)^    (.+)$", section)


def test_nothing_is_left_but_what_is_yours(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    assert box.ctl("init").returncode == 0
    (box.home / ".vimrc").write_text("set nu\n")
    box.start()
    assert box.ctl("add", str(box.home / ".vimrc")).returncode == 0
    (root / "first.txt").write_text("second\n")
    box.wait_committed(root)
    assert box.ctl("restore", str(root / "first.txt"), "--rev", "HEAD~1").returncode == 0
    assert run_git(root, "for-each-ref", "refs/gitsync")
    assert box.ctl("sync", "--wait").returncode == 0
    head, process = run_git(root, "rev-parse", "HEAD"), box.process
    found = commands()
    assert found[:2] == ["gitsyncctl service uninstall", "gitsyncctl stop"]
    for command in found[1:]:
        cwd = root if command.startswith("git ") else box.home
        done = subprocess.run(
            ["bash", "-c", command], env=box.env, cwd=cwd, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert process is not None
    assert process.wait(30) == 0
    left = {path.relative_to(box.home) for path in box.home.rglob("*gitsync*") if path.is_file()}
    assert left == set()
    assert (box.home / ".vimrc").read_text() == "set nu\n"
    assert run_git(root, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert run_git(root, "rev-parse", "HEAD") == head
    assert run_git(root, "status", "--porcelain") == ""
