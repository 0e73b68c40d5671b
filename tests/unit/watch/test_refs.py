"""Hearing of pushes into a repository on this file system, with real git and real inotify."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git

if sys.platform != "linux":
    pytest.skip("inotify is Linux's", allow_module_level=True)

from gitsync.watch.refs import MOST, RefWatches
from gitsync.watch.shared import Listener, SharedInotify


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    path = tmp_path / "hub.git"
    run_git(tmp_path, "init", "-q", "--bare", str(path))
    return path


@pytest.fixture
def watches() -> Iterator[RefWatches]:
    watches = RefWatches(SharedInotify(), lambda: None)
    yield watches
    watches.close()


def push(repo: Path, hub: Path, branch: str) -> None:
    run_git(repo, "commit", "-q", "--allow-empty", "-m", branch)
    run_git(repo, "push", "-q", str(hub), f"HEAD:refs/heads/{branch}")


def test_each_push_is_heard(repo: Path, hub: Path, watches: RefWatches) -> None:
    assert watches.listen("notes", hub)
    assert watches.take() == set()
    push(repo, hub, "main")
    assert watches.take() == {"notes"}
    assert watches.take() == set()
    push(repo, hub, "main")
    assert watches.take() == {"notes"}


def test_branches_in_directories_that_are_new_are_heard(repo: Path, hub: Path, watches: RefWatches) -> None:
    watches.listen("notes", hub)
    push(repo, hub, "a/b/c")
    assert watches.take() == {"notes"}
    push(repo, hub, "a/b/c")
    assert watches.take() == {"notes"}
    push(repo, hub, "a/b/d")
    assert watches.take() == {"notes"}


def test_deleting_and_packing_are_heard(repo: Path, hub: Path, watches: RefWatches) -> None:
    push(repo, hub, "main")
    push(repo, hub, "side")
    watches.listen("notes", hub)
    run_git(hub, "branch", "-D", "side")
    assert watches.take() == {"notes"}
    run_git(hub, "pack-refs", "--all")
    assert watches.take() == {"notes"}


def test_objects_alone_are_not_heard(repo: Path, hub: Path, watches: RefWatches) -> None:
    watches.listen("notes", hub)
    run_git(hub, "hash-object", "-w", "--stdin", input=b"x")
    assert watches.take() == set()


def test_two_repositories_with_one_remote_both_hear(repo: Path, hub: Path, watches: RefWatches) -> None:
    watches.listen("notes", hub)
    assert watches.listen("copy", hub)
    push(repo, hub, "main")
    assert watches.take() == {"notes", "copy"}
    watches.listen("copy", None)
    push(repo, hub, "main")
    assert watches.take() == {"notes"}


def test_asking_again_changes_nothing(hub: Path, watches: RefWatches) -> None:
    assert watches.listen("notes", hub)
    assert not watches.listen("notes", hub)


def test_a_remote_that_goes_and_comes_back_is_watched_when_asked_again(
    repo: Path, hub: Path, watches: RefWatches
) -> None:
    watches.listen("notes", hub)
    hub.rename(hub.with_name("away"))
    assert watches.take() == {"notes"}
    assert not watches.listen("notes", hub), "it is not there"
    hub.with_name("away").rename(hub)
    assert watches.listen("notes", hub)
    push(repo, hub, "main")
    assert watches.take() == {"notes"}


def test_a_remote_with_too_many_directories_is_left_to_the_schedule(repo: Path, hub: Path, watches: RefWatches) -> None:
    for number in range(MOST):
        (hub / f"refs/heads/{number}").mkdir()
    assert not watches.listen("notes", hub)
    push(repo, hub, "main")
    assert watches.take() == set()


def test_two_paths_to_one_remote_both_hear(repo: Path, hub: Path, watches: RefWatches) -> None:
    link = hub.with_name("link")
    link.symlink_to(hub)
    watches.listen("notes", hub)
    watches.listen("copy", link)
    push(repo, hub, "main")
    assert watches.take() == {"notes", "copy"}
    watches.listen("notes", None)
    push(repo, hub, "main")
    assert watches.take() == {"copy"}


class Scarce(SharedInotify):
    """Has no instance left at first."""

    is_empty = True

    def listen(self, ring: Callable[[], None]) -> Listener:
        if self.is_empty:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().listen(ring)


def test_a_limit_that_allows_no_watch_is_told_until_it_does(hub: Path) -> None:
    inotify = Scarce()
    watches = RefWatches(inotify, lambda: None)
    assert not watches.listen("notes", hub)
    assert "no more inotify instances allowed" in watches.refused["notes"]
    assert not watches.names
    inotify.is_empty = False
    assert watches.listen("notes", hub)
    assert not watches.refused
    watches.close()
