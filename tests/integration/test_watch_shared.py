"""Work trees that share one inotify instance, one within the other: each hears its own, and dies alone."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from gitsync.git.rules.ignores import IgnoreRules
from tests.conftest import Git
from tests.fakes.watching import Watched, until, watching

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

from gitsync.watch.shared import SharedInotify  # noqa: E402


def test_a_repository_within_another_one(repo: Path, git: Git) -> None:
    inner = repo / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    git(inner, "commit", "-q", "--allow-empty", "-m", "first")
    inotify = SharedInotify()
    with (
        watching(repo, lambda: IgnoreRules(repo), inotify=inotify) as outside,
        watching(inner, lambda: IgnoreRules(inner), inotify=inotify) as inside,
    ):
        (inner / "f").write_text("1")
        (repo / "g").write_text("1")
        inside.expect(b"f")
        outside.expect(b"g")
        assert (inside.paths, outside.paths) == ({b"f"}, {b"g"})
        git(inner, "add", "f")
        git(inner, "commit", "-q", "-m", "second")
        outside.expect(b"inner")
        shutil.rmtree(inner)
        inside.expect_reason("root vanished")
        assert not inside.watcher.is_alive
        outside.forget()
        assert outside.watcher.is_alive
        assert not outside.reasons
        inner.mkdir()
        (inner / "h").write_text("1")
        outside.expect_tree(b"inner")
        (inner / "h").write_text("2")
        outside.expect(b"inner/h")


def test_the_inner_watcher_stops_and_the_outer_one_goes_on(repo: Path, git: Git) -> None:
    inner = repo / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    git(inner, "commit", "-q", "--allow-empty", "-m", "first")
    inotify = SharedInotify()
    with watching(repo, lambda: IgnoreRules(repo), inotify=inotify) as outside:
        with watching(inner, lambda: IgnoreRules(inner), inotify=inotify):
            pass
        (repo / "f").touch()
        outside.expect(b"f")
        shutil.rmtree(inner / ".git")
        outside.expect_tree(b"inner")
        (inner / "g").write_text("1")
        outside.expect(b"inner/g")


def test_a_work_tree_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    slow, well = tmp_path / "slow", tmp_path / "well"
    slow.mkdir()
    well.mkdir()
    inotify = SharedInotify()
    hanging, waiting = [True], []

    def prune(path: bytes) -> bool:
        if path == b"hang":
            waiting.append(path)
            until(lambda: not hanging)
        return False

    with watching(well, inotify=inotify) as fine, watching(slow, lambda: prune, inotify=inotify) as held:
        (slow / "hang").mkdir()
        until(lambda: waiting)
        for number in range(3):
            (well / str(number)).touch()
            fine.expect(b"%d" % number)
        (slow / "f").touch()
        hanging.clear()
        held.expect(b"f")


def test_watchers_of_one_work_tree_stop_one_by_one(tmp_path: Path) -> None:
    inotify = SharedInotify()
    made = [Watched(tmp_path, inotify=inotify) for _ in range(3)]
    for watched in made:
        watched.watcher.start()
    for number, watched in enumerate(made):
        (tmp_path / str(number)).touch()
        for other in made[number:]:
            other.expect(b"%d" % number)
        assert watched.watcher.stop(30)
