"""A deletion here takes nothing but what was listed, whatever happens between two looks, and survives a death."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gitsync.backends.base import Direction, Item, Order
from gitsync.backends.rsync.deletion import delete_here, find_interrupted, forget_interrupted
from gitsync.config.options import JobConfig
from gitsync.core.pairs import DIRECTORY, FILE, LINK, ListedEntry
from tests.fakes.deaths import Death


@pytest.fixture
def order(tmp_path: Path) -> Order:
    (tmp_path / "tree/dir").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "tree/dir/f.txt").write_text("listed")
    job = JobConfig(name="job", path=tmp_path / "tree", backend="rsync", url="/nowhere")
    return Order(job, Direction.BOTH, tmp_path / "notes", 20.0)


def listed(order: Order, *paths: str) -> dict[str, ListedEntry]:
    entries = {}
    for path in paths:
        place = order.job.path / path
        facts = place.lstat()
        kind = LINK if place.is_symlink() else DIRECTORY if place.is_dir() else FILE
        entries[path] = ListedEntry(kind, facts.st_size, int(facts.st_mtime), facts.st_mtime_ns)
    return entries


def delete(order: Order, at: Mapping[str, Callable[[], object]], *paths: str) -> list[Item]:
    """Delete what is listed now, and let something happen at the points of `at`."""

    def probe(point: str, _: bytes) -> None:
        at.get(point, lambda: None)()

    return delete_here(order, list(paths), listed(order, *paths), probe)


def contents(order: Order) -> dict[str, str]:
    root = order.job.path
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def save(order: Order, text: str) -> None:
    """Save as editors do: a new file in place of the old one."""
    beside = order.state_dir / "beside"
    beside.write_text(text)
    beside.replace(order.job.path / "dir/f.txt")


def test_what_is_as_listed_goes_with_its_directory(order: Order) -> None:
    (order.job.path / "dir/link").symlink_to("nowhere")
    (item,) = delete(order, {}, "dir", "dir/f.txt", "dir/link")
    assert item.code == "deleted"
    assert list(order.job.path.iterdir()) == []


def test_a_save_after_the_listing_stays(order: Order) -> None:
    (item,) = delete(order, {"look": lambda: save(order, "saved since")}, "dir/f.txt")
    assert item.code == "kept"
    assert contents(order) == {"dir/f.txt": "saved since"}


def test_a_save_while_it_is_hidden_stays(order: Order) -> None:
    delete(order, {"hidden": lambda: save(order, "made anew")}, "dir/f.txt")
    assert contents(order) == {"dir/f.txt": "made anew"}


def test_two_saves_around_the_hiding_are_both_kept(order: Order) -> None:
    at = {"look": lambda: save(order, "first"), "hidden": lambda: save(order, "second")}
    (item,) = delete(order, at, "dir/f.txt")
    assert (item.subject, item.code) == ("dir/f.txt", "conflict")
    found = contents(order)
    assert found.pop("dir/f.txt") == "second"
    ((copy, text),) = found.items()
    assert text == "first"
    assert copy.startswith("dir/f.conflict-")


@pytest.mark.skipif(sys.platform != "linux", reason="there are no leases")
def test_a_file_that_somebody_is_writing_stays(order: Order) -> None:
    entries = listed(order, "dir/f.txt")
    with (order.job.path / "dir/f.txt").open("a") as writer:
        (item,) = delete_here(order, ["dir/f.txt"], entries)
        writer.write(", and more")
    assert item.code == "kept"
    assert contents(order) == {"dir/f.txt": "listed, and more"}


def test_a_directory_in_the_place_of_the_file_stays(order: Order) -> None:
    entries = listed(order, "dir/f.txt")
    (order.job.path / "dir/f.txt").unlink()
    (order.job.path / "dir/f.txt").mkdir()
    (order.job.path / "dir/f.txt/inner").write_text("inner")
    assert [item.code for item in delete_here(order, ["dir/f.txt"], entries)] == ["kept"]
    assert contents(order) == {"dir/f.txt/inner": "inner"}


@pytest.mark.parametrize("is_taken", [False, True])
def test_what_a_death_left_hidden_is_put_back(order: Order, is_taken: bool) -> None:
    def die() -> None:
        if is_taken:
            save(order, "made anew")
        raise Death

    with pytest.raises(Death):
        delete(order, {"hidden": die}, "dir/f.txt")
    assert ("dir/f.txt" in contents(order)) is is_taken
    (item,) = find_interrupted(order)
    assert item.code == ("conflict" if is_taken else "kept")
    found = contents(order)
    assert found.pop("dir/f.txt") == ("made anew" if is_taken else "listed")
    assert list(found.values()) == (["listed"] if is_taken else [])
    assert find_interrupted(order) == []
    forget_interrupted(order)
    assert os.listdir(order.state_dir) == []
