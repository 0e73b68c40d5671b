from __future__ import annotations

from typing import Any

import pytest

from gitsync.core.safety import OPEN_OPERATIONS, mass_deletion, open_operation_reason, root_problem
from gitsync.model import Problem


def look(**facts: Any) -> Problem | None:
    return root_problem("notes", "/home/u/Notes", **{"tracked": 5, **facts})


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
    assert look(is_empty=True, tracked=0) is None


def test_a_root_that_is_missing_or_another_one_stops() -> None:
    for facts, code in (
        ({"is_missing": True, "is_empty": True}, "root-vanished"),
        ({"is_other": True}, "root-replaced"),
        # An empty directory in place of a mount is replaced first.
        ({"is_other": True, "is_empty": True}, "root-replaced"),
    ):
        problem = look(**facts)
        assert problem is not None
        assert problem.code == code
        assert "/home/u/Notes" in problem.message


def test_a_root_that_is_away_with_its_file_system_is_waited_for() -> None:
    problem = look(is_away=True, is_missing=True, is_empty=True)
    assert problem is not None
    assert problem.code == "not-mounted"
    assert "is not mounted" in problem.message
    assert "--accept" not in problem.hint


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
