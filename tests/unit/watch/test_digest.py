"""What the kernel's events mean, taken in when the test says so."""

from __future__ import annotations

import mmap
import os
import shutil
from pathlib import Path

import pytest

from gitsync.watch.syscalls import Inotify
from gitsync.watch.tree import OutOfWatchesError, RootVanishedError, WatchTree
from tests.fakes.synchronous_watch import Watch
from tests.fakes.watched_tree import exchange, make_prune


def test_a_renamed_directory_that_was_made_a_moment_ago_is_watched(watch: Watch, root: Path) -> None:
    (root / "q").mkdir()
    (root / "q").rename(root / "z")
    watch.take()
    (root / "z/f").write_text("1")
    paths, trees, _ = watch.hints()
    assert b"z" in trees
    assert b"z/f" in paths


def test_what_was_written_before_the_watch_is_in_the_tree_that_is_noted(watch: Watch, root: Path) -> None:
    (root / "a/b/c").mkdir(parents=True)
    (root / "a/b/c/f").write_text("1")
    _, trees, _ = watch.hints()
    assert b"a" in trees
    assert watch.watched() == {b"", b"a", b"a/b", b"a/b/c"}


def test_a_tree_is_known_under_its_new_name_all_the_way_down(watch: Watch, root: Path) -> None:
    (root / "a/b/c").mkdir(parents=True)
    watch.hints()
    descriptors = set(watch.tree.nodes)
    (root / "a").rename(root / "x")
    _, trees, _ = watch.hints()
    assert trees == {b"a", b"x"}
    assert watch.watched() == {b"", b"x", b"x/b", b"x/b/c"}
    assert set(watch.tree.nodes) == descriptors, "renaming gave watches up"
    (root / "x/b/c/f").write_text("1")
    assert watch.hints()[0] == {b"x/b/c/f"}


def test_a_write_after_a_rename_is_known_by_the_new_name_in_the_same_batch(watch: Watch, root: Path) -> None:
    (root / "a/b").mkdir(parents=True)
    watch.hints()
    (root / "a/b/f").write_text("1")
    (root / "a").rename(root / "x")
    (root / "x/b/g").write_text("1")
    assert watch.hints()[0] == {b"a/b/f", b"x/b/g"}


def test_a_directory_that_turns_up_below_itself_calls_for_a_look_at_everything(watch: Watch, root: Path) -> None:
    # Late events: when n is looked at in a/b, what is there is the old a, which is known as a directory above it.
    (root / "a/b").mkdir(parents=True)
    watch.hints()
    (root / "a/b/n").mkdir()
    (root / "a/b/n").rmdir()
    (root / "a").rename(root.parent / "outside/old")
    (root / "a/b").mkdir(parents=True)
    (root.parent / "outside/old").rename(root / "a/b/n")
    watch.take()
    watch.check()
    (root / "a/b/n/b/f").write_text("1")
    assert b"a/b/n/b/f" in watch.hints()[0]


def test_both_halves_of_a_rename_need_not_come_together(watch: Watch, root: Path) -> None:
    (root / "a/b").mkdir(parents=True)
    watch.hints()
    (root / "a").rename(root / "x")
    watch.take(size=1)
    assert watch.watched() == {b"", b"x", b"x/b"}


def test_directories_that_swap_places_swap_names(watch: Watch, root: Path) -> None:
    (root / "a/one").mkdir(parents=True)
    (root / "b/two").mkdir(parents=True)
    watch.hints()
    exchange(os.fsencode(root / "a"), os.fsencode(root / "b"))
    assert watch.hints()[1] >= {b"a", b"b"}
    assert watch.watched() == {b"", b"a", b"a/two", b"b", b"b/one"}
    (root / "a/two/f").write_text("1")
    assert watch.hints()[0] == {b"a/two/f"}


def test_a_directory_swapped_with_a_file_is_watched_where_it_is(watch: Watch, root: Path) -> None:
    (root / "a/one").mkdir(parents=True)
    (root / "b").write_text("file")
    watch.hints()
    exchange(os.fsencode(root / "a"), os.fsencode(root / "b"))
    paths, trees, _ = watch.hints()
    assert b"a" in paths | trees
    assert b"b" in trees
    assert watch.watched() == {b"", b"b", b"b/one"}


def test_a_directory_moved_out_is_not_watched_under_its_old_name(watch: Watch, root: Path) -> None:
    (root / "a/b").mkdir(parents=True)
    watch.hints()
    (root / "a").rename(root.parent / "outside/a")
    assert b"a" in watch.hints()[1]
    assert watch.watched() == {b""}
    (root.parent / "outside/a/b/f").write_text("1")
    assert watch.hints() == (set(), set(), set())


def test_a_tree_moved_in_is_noted_and_watched(watch: Watch, root: Path) -> None:
    (root.parent / "outside/a/b").mkdir(parents=True)
    (root.parent / "outside/a").rename(root / "a")
    assert watch.hints()[1] == {b"a"}
    (root / "a/b/f").write_text("1")
    assert watch.hints()[0] == {b"a/b/f"}


@pytest.mark.slow
def test_removing_many_directories_does_not_overflow_the_queue(watch: Watch, root: Path) -> None:
    # Each watch that is given up comes back as an event.
    with open("/proc/sys/fs/inotify/max_queued_events") as file:
        queue = int(file.read())
    for number in range(min(queue + 500, 20_000)):
        os.mkdir(root / f"{number}")
        if number % 5000 == 0:
            watch.hints()
    watch.hints()
    (root / ".gitignore").write_text("\n".join(str(number) for number in range(20_000)))
    assert watch.hints()[2] == {"ignore rules changed"}
    assert watch.watched() == {b""}
    assert "inotify overflow" not in watch.hints()[2]


def test_an_overflow_of_the_queue_calls_for_a_look_at_everything_and_all_watches(watch: Watch, root: Path) -> None:
    with open("/proc/sys/fs/inotify/max_queued_events") as file:
        queue = int(file.read())
    (root / "old/gone").mkdir(parents=True)
    (root / "other").mkdir()
    watch.hints()
    for number in range(queue // 2 + 10):
        (root / f"{number % 2}").touch()
        (root / f"{number % 2}").unlink()
    (root / "new/deep").mkdir(parents=True)
    (root / "old/gone").rmdir()
    (root / "other").rename(root.parent / "outside/other")
    (root / "other").mkdir()
    _, _, reasons = watch.hints()
    assert reasons == {"inotify overflow"}
    assert watch.watched() == {b"", b"new", b"new/deep", b"old", b"other"}
    watch.check()


def test_links_to_directories_are_not_followed(watch: Watch, root: Path) -> None:
    (root.parent / "outside/d").mkdir()
    (root / "link").symlink_to(root.parent / "outside")
    assert watch.hints()[0] == {b"link"}
    (root.parent / "outside/d/f").write_text("1")
    assert watch.hints() == (set(), set(), set())
    assert watch.watched() == {b""}


def test_reading_is_no_change(watch: Watch, root: Path) -> None:
    (root / "f").write_text("1")
    watch.hints()
    (root / "f").read_text()
    os.listdir(root)
    os.stat(root / "f")
    assert watch.hints() == (set(), set(), set())


def test_a_file_that_is_never_closed_is_noted_at_each_write(watch: Watch, root: Path) -> None:
    with open(root / "f", "wb", buffering=0) as file:
        watch.hints()
        file.write(b"1")
        assert watch.hints()[0] == {b"f"}
        file.write(b"2")
        assert watch.hints()[0] == {b"f"}


def test_a_write_through_a_mapping_is_noted_when_it_is_closed(watch: Watch, root: Path) -> None:
    (root / "f").write_bytes(b"x" * 4096)
    watch.hints()
    with open(root / "f", "r+b") as file:
        mapping = mmap.mmap(file.fileno(), 4096)
        mapping[0] = 1
        mapping.close()
    assert watch.hints()[0] == {b"f"}


def test_a_mode_is_a_change(watch: Watch, root: Path) -> None:
    (root / "f").write_text("1")
    watch.hints()
    (root / "f").chmod(0o755)
    assert watch.hints()[0] == {b"f"}


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe", b" ", "é".encode(), b"a" * 255])
def test_any_name_comes_back_as_it_is(watch: Watch, name: bytes) -> None:
    os.mkdir(watch.root + b"/" + name)
    assert watch.hints()[1] == {name}
    with open(watch.root + b"/" + name + b"/" + name, "wb"):
        pass
    assert watch.hints()[0] == {name + b"/" + name}


@pytest.mark.parametrize("how", ["delete", "move"])
def test_a_root_that_goes_is_told(watch: Watch, root: Path, how: str) -> None:
    shutil.rmtree(root) if how == "delete" else root.rename(root.parent / "elsewhere")
    with pytest.raises(RootVanishedError):
        watch.take()


def test_a_root_whose_parent_was_renamed_is_told_at_the_next_directory(tmp_path: Path) -> None:
    root = tmp_path / "above/root"
    root.mkdir(parents=True)
    watch = Watch(os.fsencode(root))
    (tmp_path / "above").rename(tmp_path / "other")
    (tmp_path / "other/root/new").mkdir()
    with pytest.raises(RootVanishedError):
        watch.take()
    watch.inotify.close()


def test_another_directory_at_the_same_place_is_not_the_root(watch: Watch, root: Path) -> None:
    root.rename(root.parent / "elsewhere")
    root.mkdir()
    with pytest.raises(RootVanishedError):
        watch.tree.rebuild()


def test_the_limit_of_watches_is_an_error_and_never_silence(root: Path) -> None:
    for number in range(10):
        (root / f"{number}").mkdir()
    inotify = Inotify()
    tree = WatchTree(os.fsencode(root), inotify, make_prune(os.fsencode(root)), lambda: None, max_watches=5)
    with pytest.raises(OutOfWatchesError):
        tree.rebuild()
    inotify.close()
