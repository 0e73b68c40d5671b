"""Watching for real: the kernel, watchdog's threads, git."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pygit2
import pytest

from gitsync.git.rules.ignores import IgnoreRules, rule_files
from gitsync.watch.directories import Prune
from tests.conftest import Git
from tests.fakes.watched_tree import View, everything, make_prune
from tests.fakes.watching import until, watching

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


def rules(root: Path) -> Callable[[], Prune]:
    return lambda: IgnoreRules(root)


def test_a_commit_by_git_itself_is_noted_as_its_files_alone(repo: Path, git: Git) -> None:
    with watching(repo, rules(repo)) as watched:
        (repo / "b.txt").write_text("two\n")
        git(repo, "add", "b.txt")
        git(repo, "commit", "-q", "-m", "second")
        git(repo, "gc", "-q")
        watched.expect(b"b.txt")
        (repo / "last").touch()
        watched.expect(b"last")
        assert watched.paths == {b"b.txt", b"last"}
        assert not watched.trees | watched.reasons


def test_five_thousand_ignored_directories_cost_no_watch(repo: Path) -> None:
    (repo / ".gitignore").write_text("node_modules/\n")
    for number in range(5000):
        (repo / f"node_modules/{number % 50}/{number}").mkdir(parents=True)
    (repo / "src").mkdir()
    with watching(repo, rules(repo)) as watched:
        assert watched.watcher.watch_count == 2
        (repo / "node_modules/7/new").write_text("1")
        (repo / "src/f").write_text("1")
        watched.expect(b"src/f")
        assert watched.paths == {b"src/f"}


def test_what_is_watched_follows_gitignore(repo: Path) -> None:
    (repo / "build/deep").mkdir(parents=True)
    with watching(repo, rules(repo)) as watched:
        assert watched.watcher.watch_count == 3
        (repo / ".gitignore").write_text("build/\n")
        watched.expect_reason("ignore rules changed")
        until(lambda: watched.watcher.watch_count == 1)
        watched.forget()
        (repo / ".gitignore").unlink()
        watched.expect_reason("ignore rules changed")
        until(lambda: watched.watcher.watch_count == 3)
        (repo / "build/deep/f").write_text("1")
        watched.expect(b"build/deep/f")


@pytest.mark.parametrize("place", [".git/info/exclude", "rules/own", "rules/deep/own"])
def test_rules_outside_of_the_tree_are_followed(repo: Path, git: Git, tmp_path: Path, place: str) -> None:
    """git's two places for them; the second may not be there yet, nor the directory above it."""
    (repo / "build/deep").mkdir(parents=True)
    (tmp_path / "rules").mkdir()
    file = repo / place if place.startswith(".git") else tmp_path / place
    git(repo, "config", "core.excludesFile", str(tmp_path / place))
    with watching(repo, rules(repo), rule_files=partial(rule_files, repo)) as watched:
        for number in range(2):
            assert watched.watcher.watch_count == 3
            file.parent.mkdir(exist_ok=True)
            aside = file.with_name("aside")
            aside.write_text("build/\n")
            aside.rename(file)
            watched.expect_reason("ignore rules changed")
            until(lambda: watched.watcher.watch_count == 1)
            watched.forget()
            file.write_text("") if number else file.unlink()
            watched.expect_reason("ignore rules changed")
            until(lambda: watched.watcher.watch_count == 3)
            watched.forget()


def test_a_file_of_rules_in_the_tree_is_followed_and_noted(repo: Path, git: Git) -> None:
    (repo / "build").mkdir()
    git(repo, "config", "core.excludesFile", str(repo / "rules"))
    with watching(repo, rules(repo), rule_files=partial(rule_files, repo)) as watched:
        (repo / "rules").write_text("build/\n")
        watched.expect_reason("ignore rules changed")
        until(lambda: watched.watcher.watch_count == 1)
        watched.expect(b"rules")
        (repo / "b.txt").write_text("two\n")
        watched.expect(b"b.txt")


def test_rules_that_cannot_be_heard_of_are_followed_when_asked_to(repo: Path) -> None:
    (repo / "build/deep").mkdir(parents=True)
    with watching(repo, rules(repo)) as watched:
        (repo / ".git/info").mkdir(exist_ok=True)
        (repo / ".git/info/exclude").write_text("build/\n")
        assert watched.watcher.watch_count == 3
        watched.watcher.refresh_ignores()
        watched.expect_reason("ignore rules changed")
        until(lambda: watched.watcher.watch_count == 1)


def test_three_hundred_directories_that_are_renamed_at_once_are_all_watched(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        for number in range(300):
            os.mkdir(tmp_path / "q")
            os.rename(tmp_path / "q", tmp_path / f"z{number}")
            (tmp_path / f"z{number}/f").write_text("1")
        watched.forget()
        for number in range(300):
            (tmp_path / f"z{number}/later").write_text("1")
        watched.expect(*(b"z%d/later" % number for number in range(300)))


def test_what_is_written_into_a_directory_that_has_just_been_made_is_noted(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        for number in range(300):
            os.makedirs(tmp_path / f"a{number}/b/c")
            (tmp_path / f"a{number}/b/c/f").write_text("1")

        def is_complete() -> bool:
            watched.gather()
            return all(
                b"a%d/b/c/f" % n in watched.paths or {b"a%d" % n, b"a%d/b" % n, b"a%d/b/c" % n} & watched.trees
                for n in range(300)
            )

        until(is_complete)


def test_a_clone_moved_into_the_tree_is_one_repository_and_its_commits_are_noted(
    repo: Path, git: Git, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", str(repo), "clone")
    with watching(repo, rules(repo)) as watched:
        (tmp_path / "clone").rename(repo / "sub")
        watched.expect(b"sub")
        until(lambda: watched.watcher.watch_count == 3)
        watched.forget()
        (repo / "sub/a.txt").write_text("changed")
        watched.forget()
        assert not watched.paths
        git(repo / "sub", "commit", "-q", "-a", "-m", "inside")
        watched.expect(b"sub")
        watched.forget()
        git(repo / "sub", "commit", "-q", "--allow-empty", "-m", "by libgit2 next")
        watched.expect(b"sub")
        watched.forget()
        inner = pygit2.Repository(repo / "sub")
        (repo / "sub/a.txt").write_text("changed again")
        inner.index.add("a.txt")
        inner.index.write()
        watched.expect(b"sub")


def test_a_commit_in_a_submodule_is_noted(repo: Path, git: Git, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repo), "other")
    git(repo, "submodule", "add", "-q", str(tmp_path / "other"), "sub")
    git(repo, "commit", "-q", "-m", "submodule")
    with watching(repo, rules(repo)) as watched:
        assert watched.watcher.watch_count == 3
        git(repo / "sub", "commit", "-q", "--allow-empty", "-m", "inside")
        watched.expect(b"sub")


def test_a_clone_made_inside_the_tree_ends_as_one_repository(repo: Path, git: Git, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    for number in range(50):
        (origin / f"d{number}").mkdir(parents=True)
        (origin / f"d{number}/f").write_text("1")
    git(origin, "init", "-q")
    git(origin, "add", ".")
    git(origin, "commit", "-q", "-m", "many directories")
    with watching(repo, rules(repo)) as watched:
        git(repo, "clone", "-q", str(origin), "sub")
        watched.expect(b"sub")
        until(lambda: watched.watcher.watch_count == 3)


def test_a_whole_tree_moved_in_loses_no_later_edit(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    for number in range(200):
        (outside / f"{number % 10}/{number}").mkdir(parents=True)
    with watching(root) as watched:
        outside.rename(root / "in")
        for number in range(200):
            (root / f"in/{number % 10}/{number}/f").write_text("1")
        watched.expect_tree(b"in")
        watched.forget()
        for number in range(200):
            (root / f"in/{number % 10}/{number}/f").write_text("2")
        watched.expect(*(b"in/%d/%d/f" % (number % 10, number) for number in range(200)))


def test_fifty_thousand_files_written_as_fast_as_can_be_are_all_noted(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number}").mkdir()
    code = (
        "import os, sys\n"
        "os.chdir(sys.argv[1])\n"
        "for n in range(50_000):\n"
        "    fd = os.open(f'{n % 50}/{n}', os.O_CREAT | os.O_WRONLY); os.write(fd, b'x'); os.close(fd)\n"
    )
    with watching(tmp_path) as watched:
        subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
        watched.expect(*(b"%d/%d" % (number % 50, number) for number in range(50_000)))
        assert not watched.reasons


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_while_events_are_taken_in_is_noted(tmp_path: Path, seed: int) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    code = [sys.executable, "-m", "tests.fakes.watched_tree", str(seed), str(root), str(outside), "1500"]
    with watching(root, lambda: make_prune(os.fsencode(root))) as watched:
        view = View(os.fsencode(root))
        with subprocess.Popen(code, cwd=Path(__file__).parents[2]) as vandal:
            while vandal.poll() is None:
                # What changes while it is looked at is looked at again.
                noted = watched.buffer.steal()
                try:
                    view.look_at(noted.paths, noted.trees, bool(noted.reasons))
                except OSError:
                    watched.buffer.give_back(noted)
        assert vandal.returncode == 0

        def wrong() -> set[bytes]:
            noted = watched.buffer.steal()
            view.look_at(noted.paths, noted.trees, bool(noted.reasons))
            there = everything(os.fsencode(root), make_prune(os.fsencode(root)))
            return {path for path in there.keys() | view.known.keys() if there.get(path) != view.known.get(path)}

        until(lambda: not wrong(), "everything to be known")
