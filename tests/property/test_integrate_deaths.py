"""Death and edits at every point of an integration: whatever happens when, no version of the user's is lost.

A probe is called at every moment in which something could come in between. Here each of them, one after the other, is
the moment at which the process dies, or at which the user saves a file, or both.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gitsync.errors import TransientError
from gitsync.git.applying.apply import OutcomeKind, apply, recover
from gitsync.git.objects.refs import backups
from tests.conftest import run_git
from tests.fakes.deaths import Case, Death, at, die, fresh, is_kept, points, settle, template
from tests.fakes.pair import check_no_leftovers

pytestmark = pytest.mark.slow

__all__ = ["fresh", "points", "template"]  # fixtures are found by name


def test_there_are_points_of_every_kind(points: list[tuple[str, bytes]]) -> None:
    kinds = {point for point, _ in points}
    assert {"stage", "staged", "before", "renamed", "looked", "advanced", "arrived", "sweep"} <= kinds
    assert len(points) > 25


def test_death_at_every_point(points: list[tuple[str, bytes]], fresh: Callable[[], Case]) -> None:
    for number, point in enumerate(points):
        pair = fresh()
        made = pair.made
        with pytest.raises(Death):
            apply(pair.worktree, made, message="Merge", probe=at(number, die))
        pair.reopen()
        recover(pair.worktree)
        assert run_git(pair.ours, "status", "--porcelain") == "", point
        head_tree = run_git(pair.ours, "rev-parse", "HEAD^{tree}")
        assert head_tree in (made.tree, made.base_tree), point
        settle(pair, made.upstream)
        assert run_git(pair.ours, "rev-parse", "HEAD^{tree}") == made.tree, point
        pair.check_clean()


def test_death_during_recovery(points: list[tuple[str, bytes]], fresh: Callable[[], Case]) -> None:
    middle = points.index(("advanced", b"")) - 4
    for number in range(0, 40, 3):
        pair = fresh()
        made = pair.made
        with pytest.raises(Death):
            apply(pair.worktree, made, message="Merge", probe=at(middle, die))
        pair.reopen()
        try:
            recover(pair.worktree, probe=at(number, die))
        except Death:
            pair.reopen()
            recover(pair.worktree)
        assert run_git(pair.ours, "status", "--porcelain") == ""
        settle(pair, made.upstream)
        assert run_git(pair.ours, "rev-parse", "HEAD^{tree}") == made.tree


def test_a_directory_that_is_moved_after_a_death_takes_nothing_along(
    points: list[tuple[str, bytes]], fresh: Callable[[], Case]
) -> None:
    for number, point in enumerate(points):
        if not point[1].startswith(b"dir/"):
            continue
        pair = fresh()
        edited = pair.ours / "dir/deep/c.txt"
        data = b"precious %d\n" % number

        def act(pair: Case = pair, edited: Path = edited, data: bytes = data) -> None:
            if edited.exists():
                edited.write_bytes(data)
            raise Death

        with pytest.raises(Death):
            apply(pair.worktree, pair.made, message="Merge", probe=at(number, act))
        was_edited = edited.exists() and edited.read_bytes() == data
        (pair.ours / "dir").rename(pair.ours / "moved")
        pair.reopen()
        recover(pair.worktree)
        check_no_leftovers(pair.ours)
        assert not was_edited or is_kept(pair.ours, data), point


def in_place(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def by_rename(path: Path, data: bytes) -> None:
    aside = path.with_name("editor's own temporary")
    aside.write_bytes(data)
    os.replace(aside, path)


@pytest.mark.parametrize("save", [in_place, by_rename])
@pytest.mark.parametrize("name", ["a.txt", "dir/deep/c.txt", "new/dir/x.txt", "run.sh"])
@pytest.mark.parametrize("dies", [False, True])
def test_an_edit_at_every_point_survives(
    points: list[tuple[str, bytes]],
    fresh: Callable[[], Case],
    save: Callable[[Path, bytes], None],
    name: str,
    dies: bool,
) -> None:
    edited = 0
    for number, point in enumerate(points):
        if name.encode() != point[1] and number % 9 != 2:
            continue  # every point of that path, and a sample of the others
        pair = fresh()
        made = pair.made
        data = b"precious %d\n" % number
        saved: list[bytes] = []

        def act(pair: Case = pair, data: bytes = data, saved: list[bytes] = saved) -> None:
            try:
                save(pair.ours / name, data)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return  # nothing that could be saved at this moment
            saved.append(data)
            if dies:
                raise Death

        try:
            apply(pair.worktree, made, message="Merge", probe=at(number, act))
        except Death:
            pair.reopen()
            recover(pair.worktree)
        except TransientError:
            recover(pair.worktree)
        for version in saved:
            edited += 1
            assert (pair.ours / name).read_bytes() == version, (point, "right afterwards")
            # The other paths are all at the old version or all at the new one: no mixture looks like an edit.
            others = run_git(pair.ours, "status", "--porcelain", "--untracked-files=all").splitlines()
            assert {line[3:] for line in others} <= {name, "run.sh", "run.sh/inside"}, point
        settle(pair, made.upstream)
        for version in saved:
            assert is_kept(pair.ours, version), (point, "in the end")
    assert edited > 2


@pytest.mark.parametrize("second", ["put back", "put back, not looked", "roll back", "taken back, not looked"])
@pytest.mark.parametrize("first", ["before", "advanced"])
@pytest.mark.parametrize("save", [in_place, by_rename])
def test_an_edit_while_an_edit_is_put_back(
    fresh: Callable[[], Case], first: str, second: str, save: Callable[[Path, bytes], None]
) -> None:
    """He saves, we meet it and put it back, and in that moment he saves again: both are his, the last is on disk."""
    pair = fresh()
    path = pair.ours / "a.txt"
    saved: list[bytes] = []

    def probe(point: str, at_path: bytes) -> None:
        if point == first and at_path in (b"a.txt", b"") and not saved:
            saved.append(b"the first\n")
            save(path, saved[-1])
            if first == "advanced":
                run_git(pair.ours, "commit", "-q", "--allow-empty", "-m", "his own: everything is to be taken back")
        elif point == second and at_path == b"a.txt" and len(saved) == 1:
            saved.append(b"the second one\n")
            save(path, saved[-1])

    try:
        outcome = apply(pair.worktree, pair.made, message="Merge", probe=probe)
        assert outcome.kind is OutcomeKind.EDITED
    except TransientError:
        assert first == "advanced"
    assert path.read_bytes() == saved[-1]
    check_no_leftovers(pair.ours)
    assert run_git(pair.ours, "status", "--porcelain") == " M a.txt"
    settle(pair, pair.made.upstream)
    assert is_kept(pair.ours, saved[-1])


def test_two_versions_without_a_place_are_both_kept(fresh: Callable[[], Case]) -> None:
    """The first save comes out of the exchange; the second is made on the version that took its place."""
    pair = fresh()
    path = pair.ours / "a.txt"

    def probe(point: str, at_path: bytes) -> None:
        if at_path == b"a.txt" and point == "before":
            in_place(path, b"the first\n")
        elif at_path == b"a.txt" and point == "renamed":
            in_place(path, b"the second one\n")

    assert apply(pair.worktree, pair.made, message="Merge", probe=probe).kind is OutcomeKind.EDITED
    assert path.read_bytes() == b"the second one\n"
    assert is_kept(pair.ours, b"the first\n")
    assert [item.reason for item in backups(pair.worktree.repo)] == ["rescued"]
