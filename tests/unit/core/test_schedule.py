from __future__ import annotations

import pytest

from gitsync.core.schedule import back_off, jittered, next_run


def test_back_off_doubles_up_to_its_cap() -> None:
    assert [back_off(n, 1.0, base=5, cap=60) for n in range(1, 7)] == [5, 10, 20, 40, 60, 60]


def test_jitter_takes_away_at_most_half() -> None:
    assert back_off(3, 0.0) == 10.0
    assert back_off(3, 1.0) == 20.0


def test_no_failure_is_no_wait() -> None:
    assert back_off(0, 1.0) == 0.0


def test_a_very_long_row_of_failures_stays_at_the_cap() -> None:
    assert back_off(100_000, 1.0) == 900.0


def test_an_interval_is_jittered_both_ways() -> None:
    assert jittered(100, 0.0) == 75.0
    assert jittered(100, 0.5) == 100.0
    assert jittered(100, 1.0) == 125.0
    assert jittered(100, 1.0, share=0.0) == 100.0


def test_the_next_run_counts_from_the_end_of_the_last() -> None:
    assert next_run(1000.0, 60.0, 0.5) == pytest.approx(1060.0)
