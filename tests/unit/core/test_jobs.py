from __future__ import annotations

import pytest

from gitsync.core.jobs import BACK_OFF_BASE_S, BACK_OFF_CAP_S, START_DELAY_S, allowed, first_run, run_after

HOUR_S = 3600.0


def test_a_job_that_is_only_asked_for_never_runs_by_itself() -> None:
    assert first_run(None, None, 0.0, 0.5) is None
    assert run_after(0.0, None, 3, 0.5) is None


@pytest.mark.parametrize("last", [None, 1000.0 - 2 * HOUR_S, 99_999.0])
def test_one_that_never_ran_or_is_overdue_or_ran_in_the_future_runs_soon(last: float | None) -> None:
    assert first_run(last, HOUR_S, 1000.0, 1.0) == 1000.0 + START_DELAY_S
    assert first_run(last, HOUR_S, 1000.0, 0.0) == 1000.0


def test_a_restart_does_not_bring_the_next_run_forward() -> None:
    assert first_run(900.0, HOUR_S, 1000.0, 0.5) == 900.0 + HOUR_S


def test_failures_are_tried_again_sooner_but_never_later_than_the_period() -> None:
    assert run_after(1000.0, HOUR_S, 0, 0.5) == 1000.0 + HOUR_S
    waits = [run_after(0.0, 86400.0, failures, 1.0) for failures in range(1, 9)]
    assert waits == [30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1800.0, 1800.0]
    assert (waits[0], waits[-1]) == (BACK_OFF_BASE_S, BACK_OFF_CAP_S)
    assert run_after(0.0, 10.0, 5, 0.5) == 10.0


@pytest.mark.parametrize(
    ("mode", "both", "push", "pull"),
    [("both", "both", "push", "pull"), ("push", "push", "push", ""), ("pull", "pull", "", "pull")],
)
def test_a_mode_limits_what_may_be_asked(mode: str, both: str, push: str, pull: str) -> None:
    assert [allowed(mode, wanted) for wanted in ("both", "push", "pull")] == [both, push, pull]
