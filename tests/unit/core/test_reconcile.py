from __future__ import annotations

import pytest

from gitsync.core.reconcile import PLAN, Action, Mode, may_fetch, may_push, plan, stuck
from gitsync.model import Relation

TABLE = """
            both                 push     pull       commit
equal       nothing              nothing  nothing    nothing
ahead       push                 push     nothing    nothing
behind      integrate            nothing  integrate  nothing
diverged    integrate-then-push  nothing  integrate  nothing
no-upstream push                 push     nothing    nothing
"""
MODES, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(row[0], mode, want) for row in ROWS for mode, want in zip(MODES, row[1:], strict=True)]


@pytest.mark.parametrize(("relation", "mode", "want"), CELLS)
def test_the_whole_table(relation: str, mode: str, want: str) -> None:
    assert plan(Relation(relation), mode) is Action(want)


def test_every_pair_has_an_answer() -> None:
    assert {(m, r) for m, answers in PLAN.items() for r in answers} == {(m, r) for m in Mode for r in Relation}
    assert len(CELLS) == len(Mode) * len(Relation)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="sideways"):
        plan(Relation.EQUAL, "sideways")


def test_no_action_sends_where_sending_is_off_nor_takes_where_taking_is_off() -> None:
    for mode, answers in PLAN.items():
        for action in answers.values():
            assert may_push(mode) or action not in (Action.PUSH, Action.INTEGRATE_THEN_PUSH)
            assert may_fetch(mode) or action not in (Action.INTEGRATE, Action.INTEGRATE_THEN_PUSH)


def test_pushing_only_onto_a_remote_that_moved_is_a_problem_with_a_way_out() -> None:
    problem = stuck("notes", Relation.DIVERGED, "push")
    assert problem is not None
    assert problem.code == "diverged"
    assert "notes" in problem.message
    assert "gitsyncctl pull notes" in problem.hint


@pytest.mark.parametrize(("relation", "mode"), [("diverged", "both"), ("behind", "push"), ("ahead", "push")])
def test_what_can_still_move_is_no_problem(relation: str, mode: str) -> None:
    assert stuck("notes", Relation(relation), mode) is None
