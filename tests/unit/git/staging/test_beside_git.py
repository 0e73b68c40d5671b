"""A commit of gitsync's beside the user's own git: no command of theirs fails on a lock, or because HEAD moved."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitsync.errors import TransientError
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.unit.git.conftest import assert_clean, commit, stage


def test_nothing_that_takes_time_is_done_under_the_lock(
    repo: Path, worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = repo / ".git/index.lock"
    seen: list[tuple[str, bool]] = []
    sync, chmod = os.fsync, os.chmod

    def see_sync(handle: int) -> None:
        seen.append(("sync", lock.exists()))
        sync(handle)

    def see_chmod(path: str, mode: int) -> None:
        """The last thing that is done to a new index."""
        seen.append(("index", lock.exists()) if path == worktree.index.lock.prepared else ("other", False))
        chmod(path, mode)

    monkeypatch.setattr(os, "fsync", see_sync)
    monkeypatch.setattr(os, "chmod", see_chmod)
    (repo / "a.txt").write_text("two")
    assert commit(worktree, "a.txt")
    assert {"sync", "index"} <= {what for what, _ in seen}
    assert not any(is_held for _, is_held in seen)
    assert_clean(repo)
    assert run_git(repo, "reflog", "--format=%gs").splitlines()[0] == "gitsync: by gitsync"
    assert run_git(repo, "reflog", "main", "--format=%gs").splitlines()[0] == "gitsync: by gitsync"


def test_a_change_of_the_index_in_between_is_kept(
    repo: Path, worktree: Worktree, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "a.txt").write_text("two")
    (repo / "mine").write_text("m")
    staged = stage(worktree, "a.txt")
    chmod = os.chmod

    def late(path: str, mode: int) -> None:
        chmod(path, mode)
        if path == worktree.index.lock.prepared:
            run_git(repo, "add", "mine")

    monkeypatch.setattr(os, "chmod", late)
    assert worktree.commit(staged, "x")
    assert run_git(repo, "status", "--porcelain") == "A  mine"


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="processes are found by /proc")
def test_a_commit_whose_message_is_being_written_is_waited_for(repo: Path, worktree: Worktree, tmp_path: Path) -> None:
    editor, opened = tmp_path / "editor", tmp_path / "opened"
    editor.write_text(f'#!/bin/sh\necho mine >"$1"\ntouch {opened}\nread line\n')
    editor.chmod(0o755)
    (repo / "mine").write_text("m")
    run_git(repo, "add", "mine")
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "a.txt")
    with subprocess.Popen(
        ["git", "-C", repo, "commit", "-q"], stdin=subprocess.PIPE, env={**os.environ, "GIT_EDITOR": str(editor)}
    ) as git:
        while not opened.exists():
            assert git.poll() is None
        with pytest.raises(TransientError) as caught:
            worktree.commit(staged, "x")
        assert caught.value.code == "index-locked"
        git.communicate(b"\n")
    assert git.returncode == 0
    assert run_git(repo, "log", "-1", "--format=%s") == "mine"
    assert commit(worktree, "a.txt")
    assert_clean(repo)
