"""Whether the user's own git is at work, as far as the times of its files tell."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gitsync.git.open_commit import RecentGit, is_git_at_work
from gitsync.git.program import OWN, GitProgram
from tests.daemon.harness import wait_for


@pytest.mark.parametrize(("age_s", "is_at_work"), [(0.1, True), (5.0, False), (-86_400.0, False), (None, False)])
def test_a_staged_file_is_waited_for_a_moment_and_not_when_the_clock_was_set_back(
    repo: Path, age_s: float | None, is_at_work: bool
) -> None:
    (repo / ".git/index").touch()
    assert is_git_at_work(str(repo / ".git"), str(repo), age_s, staged_s=1.0) is is_at_work


def _is_running(word: bytes, root: Path) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_git = (process / "comm").read_text() == "git\n"
            if is_git and (process / "cwd").readlink() == root and word in (process / "cmdline").read_bytes():
                return True
    return False


def test_a_git_of_gitsyncs_own_is_never_taken_for_the_users(repo: Path) -> None:
    def is_at_work() -> bool:
        return is_git_at_work(str(repo / ".git"), str(repo), 2.0, staged_s=0.0)

    own = GitProgram(str(repo / ".git"), str(repo)).converse("mktree", "-z", "--batch")
    try:
        wait_for("the start", lambda: _is_running(b"mktree", repo))  # its name is setpriv for a moment
        assert not is_at_work()
        with subprocess.Popen(["git", "mktree", "-z", "--batch"], cwd=repo, stdin=subprocess.PIPE) as users:
            wait_for("the user's", is_at_work)
            users.terminate()
        assert not is_at_work()
    finally:
        own.end()


@contextmanager
def committing(repo: Path, ready: Path, **env: str) -> Iterator[None]:
    """Have a git command of the user's at work, in its editor."""
    editor = f"sh -c 'touch {ready}; exec sleep 30'"
    argv = ["git", "commit", "-q", "--allow-empty"]
    child = subprocess.Popen(argv, cwd=repo, env={**os.environ, "GIT_EDITOR": editor, **env}, start_new_session=True)
    try:
        while not ready.exists():
            time.sleep(0.01)
        yield
    finally:
        os.killpg(child.pid, 15)
        child.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells of the processes of others")
def test_a_git_that_was_started_a_moment_ago_is_seen_and_neither_an_old_one_nor_one_of_gitsync(
    repo: Path, tmp_path: Path
) -> None:
    root = str(repo)
    assert not RecentGit(root).is_running()
    with committing(repo, tmp_path / "one"):
        recent = RecentGit(root, young_s=60.0)
        assert recent.is_running()
        assert recent.is_running()
        assert not RecentGit(str(tmp_path / "elsewhere")).is_running()
        assert not RecentGit(root, young_s=0.0).is_running()
        impatient = RecentGit(root, young_s=60.0, patience_s=0.05)
        assert impatient.is_running()
        time.sleep(0.1)
        assert not impatient.is_running(), "a loop of a script holds up no commit for ever"
    assert not recent.is_running()
    with committing(repo, tmp_path / "other", **dict([OWN])):
        assert not RecentGit(root, young_s=60.0).is_running()
