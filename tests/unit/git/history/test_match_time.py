"""A regular expression that would need years for one line is given up, by what has a bound."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest

from gitsync.errors import UsageError
from gitsync.git.history import match_time

ENDLESS = re.compile("(a+)+$")


@pytest.fixture
def bound() -> Iterator[None]:
    # pytest's own bound for a test is of the same kind.
    before, left = signal.getsignal(signal.SIGALRM), signal.setitimer(signal.ITIMER_REAL, 0)
    match_time.limit()
    yield
    signal.signal(signal.SIGALRM, before)
    signal.setitimer(signal.ITIMER_REAL, *left)


def test_what_takes_too_long_is_given_up(bound: None) -> None:
    with pytest.raises(UsageError, match="takes more than") as caught:
        match_time.in_time(lambda: ENDLESS.search("a" * 60 + "!"), 0.1)
    assert caught.value.code == "pattern"


def test_what_ends_in_time_is_returned_and_leaves_no_alarm(bound: None) -> None:
    assert match_time.in_time(lambda: ENDLESS.search("aaa")) is not None
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_without_a_bound_there_is_no_alarm() -> None:
    before = signal.getsignal(signal.SIGALRM)
    assert match_time.in_time(lambda: signal.getsignal(signal.SIGALRM)) is before
    left = signal.getitimer(signal.ITIMER_REAL)[0]
    assert match_time.in_time(lambda: signal.getitimer(signal.ITIMER_REAL)[0]) == pytest.approx(left, abs=1)
