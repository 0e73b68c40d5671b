from __future__ import annotations

import pytest

from gitsync.core.safety import OPEN_OPERATIONS, mass_deletion, open_operation_reason, root_problem
from gitsync.model import Problem

HERE = (2049, 77)


def look(
    *,
    expected: tuple[int, int] | None = HERE,
    found: tuple[int, int] | None = HERE,
    is_empty: bool = False,
    tracked: int = 5,
) -> Problem | None:
    return root_problem("notes", "/home/u/Notes", expected=expected, found=found, is_empty=is_empty, tracked=tracked)


def test_more_than_the_share_and_over_twenty_stops() -> None:
    problem = mass_deletion("notes", tracked=40, removed=21, share=0.5)
    assert problem is not None
    assert problem.code == "mass-deletion"
    assert "21 of 40" in problem.message
    assert "gitsyncctl resume notes --accept" in problem.hint


@pytest.mark.parametrize(
    ("tracked", "removed"),
    [(20, 20), (10, 10), (42, 21), (1000, 500), (0, 0)],
    ids=["all of twenty", "all of ten", "half of a few", "half of many", "nothing"],
)
def test_a_small_deletion_or_a_small_share_passes(tracked: int, removed: int) -> None:
    assert mass_deletion("notes", tracked, removed, 0.5) is None


def test_a_share_of_one_switches_the_brake_off_and_a_share_of_zero_leaves_the_twenty() -> None:
    assert mass_deletion("notes", 100, 100, 1.0) is None
    assert mass_deletion("notes", 100, 20, 0.0) is None
    assert mass_deletion("notes", 100, 21, 0.0) is not None


def test_a_root_as_it_was_is_fine() -> None:
    assert look() is None
    assert look(expected=None) is None
    assert look(is_empty=True, tracked=0) is None


def test_a_root_that_is_not_there_has_vanished_whatever_else_is_known() -> None:
    for expected in (HERE, None):
        problem = look(expected=expected, found=None, is_empty=True)
        assert problem is not None
        assert problem.code == "root-vanished"
        assert "/home/u/Notes" in problem.message


def test_another_inode_or_another_device_is_another_directory() -> None:
    for found in ((2049, 78), (2050, 77)):
        problem = look(found=found)
        assert problem is not None
        assert problem.code == "root-replaced"
        assert "--accept" in problem.hint


def test_an_empty_directory_in_place_of_the_mount_is_replaced_first() -> None:
    problem = look(found=(1, 1), is_empty=True)
    assert problem is not None
    assert problem.code == "root-replaced"


def test_an_emptied_root_stops_but_the_only_file_may_be_deleted() -> None:
    problem = look(is_empty=True, tracked=2)
    assert problem is not None
    assert problem.code == "root-emptied"
    assert "2 files" in problem.message
    assert look(is_empty=True, tracked=1) is None


def test_every_open_operation_says_how_it_ends() -> None:
    for operation in OPEN_OPERATIONS:
        assert "`git " in open_operation_reason(operation)
    assert "git rebase --abort" in open_operation_reason("rebase")
    assert "sequencer" in open_operation_reason("sequencer")
