"""The window over which pushes are spread: wider with each that is lost, narrower with each that gets through."""

from __future__ import annotations

import pytest

from gitsync.engine.exchange.schedule import CALM_S, SHORTEST_S, WIDEST, PushBackoff


def lost(times: int, took_s: float = 1.0) -> PushBackoff:
    crowd = PushBackoff()
    for _ in range(times):
        crowd.lose(0.0, took_s)
    return crowd


def test_who_has_lost_nothing_waits_for_nobody() -> None:
    assert PushBackoff().span(0.0) == PushBackoff().turn(0.0) == 0.0


def test_the_window_doubles_with_each_loss_up_to_its_widest() -> None:
    spans = [lost(times).span(0.0) for times in (1, 2, 3, 20)]
    assert spans[0] < spans[1] < spans[2] < spans[3] <= WIDEST
    assert spans[3] == pytest.approx(WIDEST, rel=0.01), "in seconds: a try takes one"
    assert lost(20, 0.0).span(0.0) == pytest.approx(WIDEST * SHORTEST_S, rel=0.01)


def test_a_win_takes_one_try_from_the_window_and_not_all() -> None:
    crowd = lost(20)
    before = crowd.span(0.0)
    crowd.win()
    assert before * 0.8 < crowd.span(0.0) < before
    for _ in range(20):
        crowd.win()
    assert crowd.span(0.0) == 0.0


def test_looks_that_find_nothing_empty_it_soon_and_time_does() -> None:
    crowd = lost(20)
    for _ in range(5):
        crowd.see_calm()
    assert crowd.span(0.0) == 0.0
    assert lost(20).span(CALM_S + 1) == 0.0


def test_turns_are_spread_over_the_whole_span() -> None:
    crowd = lost(20)
    turns = sorted(crowd.turn(0.0) for _ in range(200))
    assert 0.0 <= turns[0] < 1.0
    assert WIDEST - 1.0 < turns[-1] <= WIDEST
