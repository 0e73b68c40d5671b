"""The caches of a long history are made while its repository is idle, where git's configuration allows them."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from gitsync.engine import idle_work
from gitsync.engine.idle_work import IDLE_S, IdleWork, Watched, has_changed_paths, has_long_history
from gitsync.git.history.line_index import FILE, LineIndex
from gitsync.git.history.log import History
from tests.conftest import run_git
from tests.property.test_line_index import a_history


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with more than 500 commits and so many objects that it counts as a long history."""
    root = tmp_path / "notes"
    a_history(root, Random(3), 1200)
    run_git(root, "repack", "-adq")
    return root


def never() -> bool:
    return False


def test_a_long_history_gets_its_caches_once_it_is_idle(root: Path, tmp_path: Path) -> None:
    assert has_long_history(root / ".git")
    work = IdleWork()
    work.watch(Watched("notes", root, tmp_path), 100.0)
    work.note_change("notes", 110.0)
    work.note_change("another", 110.0)
    assert work.wake_at() == 110.0 + IDLE_S
    work.do(120.0, never)
    assert not (tmp_path / FILE).exists()
    work.do(110.0 + IDLE_S, never)
    assert work.wake_at() is None
    history = History(root)
    head = history.head()
    assert head is not None
    assert LineIndex(history, tmp_path / FILE).candidates("tea", head)
    assert has_changed_paths(root / ".git/objects/info")
    work.note_change("notes", 200.0)
    work.do(300.0, lambda: True)
    assert work.wake_at() == 300.0 + IDLE_S  # it had to make way, and is done when the repository is idle again
    work.unwatch("notes")
    work.note_change("notes", 400.0)
    assert work.wake_at() is None


@pytest.mark.parametrize("key", ["core.commitGraph", "gc.writeCommitGraph"])
def test_no_commit_graph_is_written_where_the_configuration_forbids_it(root: Path, tmp_path: Path, key: str) -> None:
    run_git(root, "config", key, "false")
    assert idle_work.write_commit_graph(Watched("notes", root, tmp_path), never)
    assert not list((root / ".git/objects/info").glob("commit-graph*"))
    run_git(root, "config", key, "true")
    run_git(root, "commit-graph", "write", "--reachable")
    assert not has_changed_paths(root / ".git/objects/info")
    assert idle_work.write_commit_graph(Watched("notes", root, tmp_path), never)
    assert has_changed_paths(root / ".git/objects/info")


def test_a_short_history_and_what_is_not_a_repository_get_none(tmp_path: Path) -> None:
    assert not has_long_history(tmp_path)
    (tmp_path / ".git/objects/17").mkdir(parents=True)
    assert not has_long_history(tmp_path / ".git")
    work = IdleWork()
    work.watch(Watched("notes", tmp_path, tmp_path), 0.0)
    work.do(IDLE_S, never)
    assert os.listdir(tmp_path) == [".git"]
