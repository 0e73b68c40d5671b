"""A git command of the user's that may move the branch is waited for; one that only reads is not."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from gitsync.git.open_commit import is_git_at_work
from tests.conftest import run_git
from tests.daemon.harness import wait_for

WRITING = ["-c", "core.editor=sleep 30 #", "commit", "--allow-empty"]


def is_at_work(root: Path) -> bool:
    return is_git_at_work(str(root / ".git"), str(root), 2.0)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="processes are found by /proc")
@pytest.mark.parametrize(
    ("argv", "is_at_work_then"),
    [
        (WRITING, True),
        (["--git-dir=.git", "diff", "--no-index", "--", "a.txt", "-"], False),
        (["hash-object", "--stdin"], False),
    ],
    ids=["commit", "diff", "hash-object"],
)
def test_only_what_may_move_the_branch_is_at_work(repo: Path, argv: list[str], is_at_work_then: bool) -> None:
    run_git(repo, "update-index", "--refresh")
    with subprocess.Popen(["git", *argv], cwd=repo, stdin=subprocess.PIPE, start_new_session=True) as child:
        try:
            if is_at_work_then:
                wait_for("git to be at work", lambda: is_at_work(repo), 10)
            else:
                time.sleep(0.2)
                assert child.poll() is None
                assert not is_at_work(repo)
        finally:
            subprocess.run(["pkill", "-KILL", "-s", str(child.pid)], check=False)
