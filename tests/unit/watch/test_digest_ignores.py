"""What is not watched: git's own directory, ignored directories, other repositories, and how that changes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.fakes.synchronous_watch import Watch


def test_dot_git_is_never_noted(watch: Watch, root: Path) -> None:
    (root / "f").write_text("1")
    assert watch.hints()[0] == {b"f"}
    (root / ".git/objects").mkdir(parents=True)
    paths, trees, reasons = watch.hints()
    assert (paths, trees) == (set(), set())
    assert reasons == {"the .git of the work tree was replaced"}
    assert watch.watched() == {b""}
    (root / ".git/HEAD").write_text("ref: x")
    os.utime(root / ".git")
    assert watch.hints() == (set(), set(), set())


def test_ignored_directories_have_no_watch_and_cost_nothing(root: Path) -> None:
    (root / ".gitignore").write_text("ign")
    (root / "ign/a").mkdir(parents=True)
    watch = Watch(os.fsencode(root))
    (root / "ign/b").mkdir()
    (root / "ign/f").write_text("1")
    (root / "ign").rename(root / "b")
    (root / "b").rename(root / "ign")
    watch.hints()
    assert watch.watched() == {b""}
    (root / "ign/f").write_text("2")
    (root / "ign/a").rmdir()
    assert watch.hints() == (set(), set(), set())
    watch.inotify.close()


def test_what_is_watched_follows_the_ignore_rules(watch: Watch, root: Path) -> None:
    (root / "a/b").mkdir(parents=True)
    (root / "ign/c").mkdir(parents=True)
    watch.hints()
    assert watch.watched() == {b"", b"a", b"a/b", b"ign", b"ign/c"}
    (root / ".gitignore").write_text("ign")
    paths, _, reasons = watch.hints()
    assert b".gitignore" in paths
    assert reasons == {"ignore rules changed"}
    assert watch.watched() == {b"", b"a", b"a/b"}
    (root / ".gitignore").unlink()
    assert watch.hints()[2] == {"ignore rules changed"}
    assert watch.watched() == {b"", b"a", b"a/b", b"ign", b"ign/c"}


def test_a_directory_renamed_to_an_ignored_name_loses_its_watches_and_gets_them_back(watch: Watch, root: Path) -> None:
    (root / ".gitignore").write_text("ign")
    (root / "a/b").mkdir(parents=True)
    watch.hints()
    (root / "a").rename(root / "ign")
    assert watch.hints()[1] == {b"a"}
    assert watch.watched() == {b""}
    (root / "ign").rename(root / "a")
    assert watch.hints()[1] == {b"a"}
    assert watch.watched() == {b"", b"a", b"a/b"}


def test_a_repository_made_in_the_tree_is_left_alone_from_then_on(watch: Watch, root: Path) -> None:
    (root / "sub/deep").mkdir(parents=True)
    watch.hints()
    (root / "sub/.git").mkdir()
    watch.hints()
    (root / "sub/.git/HEAD").write_text("ref: refs/heads/main")
    paths, _, _ = watch.hints()
    assert paths == {b"sub"}
    assert watch.watched() == {b"", b"sub", b"sub/.git"}
    (root / "sub/f").write_text("1")
    (root / "sub/deep/f").write_text("1")
    assert watch.hints() == (set(), set(), set())


def test_a_commit_in_a_repository_in_the_tree_is_noted_as_that_directory(watch: Watch, root: Path) -> None:
    (root / "sub/.git").mkdir(parents=True)
    (root / "sub/.git/HEAD").write_text("ref: refs/heads/main")
    watch.hints()
    (root / "sub/.git/HEAD.lock").touch()
    (root / "sub/.git/HEAD.lock").unlink()
    assert watch.hints() == ({b"sub"}, set(), set())


def test_a_repository_in_the_tree_that_stops_being_one_is_watched_again(watch: Watch, root: Path) -> None:
    (root / "sub/deep").mkdir(parents=True)
    (root / "sub/.git").mkdir()
    (root / "sub/.git/HEAD").write_text("ref: refs/heads/main")
    watch.hints()
    shutil.rmtree(root / "sub/.git")
    assert b"sub" in watch.hints()[1]
    (root / "sub/deep/f").write_text("1")
    assert watch.hints()[0] == {b"sub/deep/f"}


def test_a_git_directory_that_lies_in_the_open_keeps_its_full_watch(watch: Watch, root: Path) -> None:
    (root / "store").mkdir()
    (root / "store/HEAD").write_text("ref: refs/heads/main")
    (root / "sub").mkdir()
    watch.hints()
    (root / "sub/.git").write_text("gitdir: ../store")
    watch.hints()
    (root / "store/HEAD").write_text("ref: refs/heads/other")
    assert b"store/HEAD" in watch.hints()[0]


def test_a_git_directory_that_comes_to_lie_in_the_open_is_watched_as_any_other(watch: Watch, root: Path) -> None:
    (root / ".gitignore").write_text("ign")
    watch.hints()
    (root / "ign").mkdir()
    (root / "sub").mkdir()
    (root / "sub/.git").write_text("gitdir: ../ign")
    watch.hints()
    assert watch.watched() == {b"", b"sub", b"sub/.git"}
    (root / ".gitignore").unlink()
    watch.hints()
    (root / "ign/f").write_text("1")
    assert watch.hints()[0] == {b"ign/f"}
