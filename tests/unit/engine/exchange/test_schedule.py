"""When a remote is looked at: seldom while nothing happens, often after something did, and at a bounded cost."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from gitsync.engine.exchange.schedule import NEWS_FLOOR_S, RARELY_S, SENT_FLOOR_S, Schedule
from gitsync.engine.exchange.turns import Turn, Turns
from tests.fakes.engine import configured


def table(*, is_scheduled: bool = True, **options: object) -> Schedule:
    return Schedule(configured(Path("/r"), **options), is_scheduled=is_scheduled)


def looks(times: Schedule, since: float, until: float, look_s: float = 0.1) -> int:
    """Count the looks in a span in which nothing happens."""
    count, now = 0, since
    while now < until:
        times.begin(now)
        times.rest(now, look_s=look_s)
        at = times.next_at()
        assert at is not None
        assert at > now
        now, count = at, count + 1
    return count


def test_a_quiet_remote_is_looked_at_once_a_period() -> None:
    assert table().every(1000.0) == 60.0
    assert 45 <= looks(table(), 0.0, 3600.0) <= 80


def test_what_is_noticed_is_looked_at_once_an_hour_besides() -> None:
    times = table()
    times.rest(0.0)
    times.notice(0.0, is_noticed=True)
    assert 2700 <= (times.next_at() or 0.0) <= 4500
    times.see_look(10.0, has_news=True)
    assert times.every(10.0) == 3600.0
    times.see_moved(20.0)
    assert times.next_at() == 20.0
    times.begin(20.0)
    times.rest(20.0)
    times.notice(30.0, is_noticed=False)
    assert 30.0 < (times.next_at() or 0.0) <= 105.0, "a notice may have been lost"


def test_a_server_that_reports_nothing_is_looked_at_seldom_after_ten_looks_in_vain() -> None:
    times = table()
    times.see_place(Turn(Turns(), "example.org", "notes"))
    times.see_look(0.0, has_news=True)
    assert times.every(0.0) == 60.0
    for at in range(10):
        assert times.every(60.0 * at) == 60.0
        times.see_look(60.0 * at, has_news=False)
    assert times.every(600.0) == 900.0
    times.see_sent(700.0, 0.1)
    assert times.every(700.0) == 60.0
    assert table(pull="5s").every(0.0) == 5.0


def test_after_news_looks_are_frequent_then_fewer_and_their_number_is_bounded() -> None:
    times = table()
    times.see_look(1000.0, has_news=True)
    assert times.every(1000.0) == times.every(1005.0) == NEWS_FLOOR_S
    assert times.every(1060.0) == pytest.approx(3.0)
    assert times.every(1000.0 + 3600.0) == 60.0
    assert looks(times, 1000.0, 1000.0 + 1200.0) < 160


def test_slow_looks_come_less_often() -> None:
    times = table()
    times.see_look(0.0, has_news=True)
    times.see_look(1.0, has_news=False)
    times.rest(1.0, look_s=2.0)
    assert times.every(1.0) == 6.0, "three quarters of the time are left to those who push"


def test_in_a_crowd_where_every_look_finds_something_there_are_fewer_looks() -> None:
    times = table()
    for _ in range(10):
        times.see_look(0.0, has_news=True)
    times.rest(0.0, look_s=0.5)
    assert times.every(0.0) == 1.5, "one other machine that goes on saving is followed closely"
    times.cross(0.0, 0.1)
    assert times.every(0.0) == 6.0
    times.see_look(0.0, has_news=False)
    assert times.every(0.0) == 1.5


def test_after_a_push_of_ours_an_answer_is_looked_for() -> None:
    times = table()
    times.see_sent(0.0, 0.1)
    assert times.every(0.0) == SENT_FLOOR_S
    assert times.every(100.0) == 10.0


def test_who_asks_for_rare_looks_gets_no_more() -> None:
    times = table(pull="10m")
    times.see_look(0.0, has_news=True)
    assert times.every(0.0) == 600.0 > RARELY_S
    assert table(pull="100ms").every(0.0) == 0.1


def test_without_a_word_on_push_a_commit_goes_at_once_and_a_burst_together() -> None:
    times = table(pull="off")
    times.see_commit(10.0)
    assert times.next_at() == 10.0
    times.begin(10.0)
    times.see_sent(10.2, 0.2)
    times.rest(10.2)
    times.see_commit(10.3)
    times.see_commit(10.5)
    assert times.next_at() == pytest.approx(10.6), "twice what a push took"
    times.begin(10.6)
    times.see_sent(15.0, 4.4)
    times.see_commit(15.0)
    assert times.next_at() == pytest.approx(20.0), "and never more than five seconds"


def test_a_push_that_was_asked_to_wait_waits() -> None:
    times = table(pull="off", push="5s")
    times.see_commit(10.0)
    times.see_commit(12.0)
    assert times.next_at() == 15.0


def test_two_pushes_that_cross_are_settled_at_once_and_more_of_them_spread_out() -> None:
    first: list[float] = []
    last: list[float] = []
    for _ in range(50):
        times = table()
        assert times.cross(0.0, 0.4) == 1
        assert times.retry_at == 0.0
        for count in range(2, 13):
            assert times.cross(0.0, 0.4) == count
            assert times.retry_at is not None
            (first if count == 2 else last).append(times.retry_at)
    assert 0.1 < max(first) <= 0.8, "twice what a try takes"
    assert 2.0 < max(last) <= 4.0, "ten times, and no more"


def test_a_commit_does_not_cut_short_the_wait_for_ones_turn() -> None:
    times = table()
    for _ in range(20):
        times.cross(0.0, 1e6)
    retry_at = times.next_at()
    times.see_commit(1.0)
    assert times.next_at() == retry_at


def test_who_met_a_crowd_waits_for_his_turn_and_looks_before_he_pushes_until_the_crowd_has_gone() -> None:
    times = table(pull="1h")
    for _ in range(5):
        times.cross(0.0, 1.0)
    times.see_sent(1.0, 0.1)
    times.rest(1.0)
    turns = set()
    for _ in range(20):
        times.see_commit(2.0)
        turns.add(times.next_at())
        assert not times.begin(2.0), "not a push alone"
        times.rest(2.0)
    assert len(turns) > 10
    for _ in range(10):
        times.see_look(3.0, has_news=False)
    times.see_commit(3.0)
    assert times.next_at() == 3.0
    assert times.begin(3.0), "a push alone"


def test_after_a_crossing_the_remote_is_looked_at_before_the_next_push() -> None:
    times = table(pull="1h")
    times.see_branch(0.0)
    times.begin(0.0)
    times.rest(0.0)
    times.see_commit(1.0)
    assert times.begin(1.0), "a push alone"
    times.cross(1.0)
    assert not times.begin(1.0)


def test_a_move_that_is_told_while_a_cycle_runs_gets_a_cycle_of_its_own() -> None:
    times = table()
    times.begin(0.0)
    times.see_moved(0.5)
    times.rest(1.0)
    assert times.next_at() == 1.0
    times.begin(1.0)
    times.rest(2.0)
    assert times.next_at() != 2.0


def test_off_means_off() -> None:
    times = table(pull="off", push="off")
    times.see_branch(0.0)
    times.see_commit(0.0)
    times.see_moved(0.0)
    times.rest(0.0)
    times.halt(0.0)
    assert times.next_at() is None
    assert times.retry_at is None
    single = table(is_scheduled=False)
    single.see_moved(0.0)
    single.see_return(0.0)
    assert single.next_at() is None


def test_a_return_of_the_network_is_tried_soon_and_the_back_off_begins_anew() -> None:
    times = table()
    for _ in range(20):
        times.fail(0.0)
    times.see_return(1000.0)
    assert times.retry_at is not None
    assert 1000.0 <= times.retry_at <= 1000.5
    assert times.fail(1001.0) <= 2.0


def test_all_repositories_of_a_server_are_looked_at_once_a_minute_together_and_each_gets_its_turn() -> None:
    turns = Turns()
    tables = [table() for _ in range(4)]
    for number, times in enumerate(tables):
        times.see_place(Turn(turns, "example.org", str(number)))
        times.see_branch(0.0)
    seen: list[tuple[float, int]] = []
    while (at := min(times.next_at() or 0.0 for times in tables)) < 3600.0:
        number = min(range(4), key=lambda each: tables[each].next_at() or 0.0)
        tables[number].begin(at)
        tables[number].rest(at + 0.5, look_s=0.5)
        seen.append((at, number))
    later = seen[4:]  # at the start each looks at once
    gaps = [after - before for (before, _), (after, _) in itertools.pairwise(later)]
    assert min(gaps) > 59.9
    assert len(later) > 50
    assert {number: 13 <= [each for _, each in later].count(number) <= 16 for number in range(4)} == dict.fromkeys(
        range(4), True
    )


def test_a_server_that_asks_for_a_pause_gets_it_from_all_repositories_and_not_from_a_person() -> None:
    turns = Turns()
    one, other, elsewhere = table(), table(), table()
    for name, times in (("one", one), ("other", other)):
        times.see_place(Turn(turns, "example.org", name))
    elsewhere.see_place(Turn(turns, "example.com", "elsewhere"))
    for times in (one, other, elsewhere):
        times.see_branch(0.0)
        times.begin(0.0)
    assert one.fail(1.0, 600.0) < 10.0
    assert one.retry_at == 601.0
    other.rest(1.0)
    other.see_commit(2.0)
    assert other.next_at() == 601.0
    elsewhere.rest(1.0)
    assert (elsewhere.next_at() or 0.0) < 100.0
    one.see_return(5.0)
    assert one.retry_at == 601.0, "another network does not change what the server has asked for"
    other.hurry(7.0)
    assert (other.next_at() or 0.0) <= 7.0
