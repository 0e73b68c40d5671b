"""Looking where the kernel does not tell: two looks, and what differs between them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gitsync.watch.polling import Walk
from tests.fakes.watched_tree import Vandal, View, everything, make_prune


class LaterClock:
    """A clock that runs an hour ahead of the files, so that none of them is too fresh to be trusted."""

    def __init__(self, ahead_s: float = 3600.0) -> None:
        self.ahead_s = ahead_s

    def now(self) -> float:
        return 0.0

    def wall(self) -> float:
        return time.time() + self.ahead_s


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    return tmp_path / "root"


def walk_in(root: Path, ahead_s: float = 3600.0) -> Walk:
    walk = Walk(os.fsencode(root), make_prune(os.fsencode(root)), LaterClock(ahead_s))
    walk.look()
    return walk


def test_nothing_differs_where_nothing_changed(root: Path) -> None:
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/f").write_text("1")
    walk = walk_in(root)
    assert walk.look() == (set(), set())


def test_what_was_added_changed_and_removed_is_noted(root: Path) -> None:
    for name in ("kept", "changed", "removed", "moded"):
        (root / name).write_text("1")
    walk = walk_in(root)
    (root / "changed").write_text("22")
    (root / "removed").unlink()
    (root / "moded").chmod(0o755)
    (root / "added").write_text("1")
    assert walk.look() == ({b"changed", b"removed", b"moded", b"added"}, set())
    assert walk.look() == (set(), set())


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_noted(root: Path) -> None:
    (root / "f").write_text("1")
    facts = os.stat(root / "f")
    walk = walk_in(root)
    (root / "g").write_text("2")
    os.utime(root / "g", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (root / "g").rename(root / "f")
    assert walk.look() == ({b"f"}, set())


def test_a_new_directory_is_noted_by_what_is_in_it_and_a_removed_one_as_a_tree(root: Path) -> None:
    walk = walk_in(root)
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/f").write_text("1")
    assert walk.look() == ({b"a/b/f"}, set())
    (root / "a").rename(root.parent / "outside/a")
    assert walk.look() == (set(), {b"a", b"a/b"})


def test_a_file_that_has_just_changed_is_looked_at_once_more(root: Path) -> None:
    walk = walk_in(root, ahead_s=0.0)
    (root / "f").write_text("1")
    assert walk.look() == ({b"f"}, set())
    assert walk.look() == ({b"f"}, set())


def test_ignored_directories_are_not_walked(root: Path) -> None:
    (root / ".gitignore").write_text("ign")
    (root / "ign").mkdir()
    walk = walk_in(root)
    (root / "ign/f").write_text("1")
    assert walk.look() == (set(), set())


def test_another_repository_is_noted_as_one_path_when_its_head_changes(root: Path) -> None:
    (root / "sub/.git").mkdir(parents=True)
    (root / "sub/.git/HEAD").write_text("ref: refs/heads/main")
    walk = walk_in(root)
    (root / "sub/f").write_text("1")
    assert walk.look() == (set(), set())
    (root / "sub/.git/HEAD").write_text("ref: refs/heads/other")
    assert walk.look() == ({b"sub"}, set())


def test_dot_git_is_not_walked(root: Path) -> None:
    (root / ".git").mkdir()
    walk = walk_in(root)
    (root / ".git/index").write_text("1")
    assert walk.look() == (set(), set())


def test_a_root_that_is_gone_or_another_one_is_an_error(root: Path) -> None:
    walk = walk_in(root)
    root.rename(root.parent / "elsewhere")
    with pytest.raises(FileNotFoundError):
        walk.look()
    root.mkdir()
    with pytest.raises(FileNotFoundError):
        walk.look()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_to_a_tree_is_seen(root: Path, seed: int) -> None:
    top, outside = os.fsencode(root), os.fsencode(root.parent / "outside")
    vandal = Vandal(seed, top, outside)
    for _ in range(20):
        vandal.act()
    walk = walk_in(root, ahead_s=0.0)
    view = View(top)
    for _ in range(10):
        for _ in range(5):
            vandal.act()
        walk.prune = make_prune(top)
        paths, trees = walk.look()
        view.look_at(paths, trees, is_everything=b".gitignore" in paths)
        there = everything(top, make_prune(top))
        assert {path for path in there.keys() | view.known.keys() if there.get(path) != view.known.get(path)} == set()
