"""Which directions a mode allows, as a whole table."""

from __future__ import annotations

import pytest

from gitsync.core.reconcile import Mode, crossed, may_fetch, may_push


@pytest.mark.parametrize(
    ("mode", "fetches", "pushes"),
    [("both", True, True), ("push", False, True), ("pull", True, False), ("commit", False, False)],
)
def test_the_whole_table(mode: str, fetches: bool, pushes: bool) -> None:
    assert (may_fetch(mode), may_push(mode)) == (fetches, pushes)


def test_every_mode_is_in_the_table_and_others_are_refused() -> None:
    assert {str(mode) for mode in Mode} == {"both", "push", "pull", "commit"}
    with pytest.raises(ValueError, match="sideways"):
        may_fetch("sideways")


def test_a_crossed_push_is_trouble_only_where_nothing_may_be_taken_in() -> None:
    assert crossed("notes", "both", "both") is None
    problem = crossed("notes", "push", "push")
    assert problem is not None
    assert problem.code == "diverged"
    assert "repo.notes.mode both" in problem.hint
    asked = crossed("notes", "push", "both")
    assert asked is not None
    assert asked.hint.endswith("gitsyncctl pull notes")
