"""Instants as people write them: what git is asked for, and what it must not get because it would take it for now."""

from __future__ import annotations

import pytest

from gitsync.core.moments import may_be_now, spelled
from gitsync.errors import UsageError


@pytest.mark.parametrize(
    "when",
    [
        "now",
        "2 hours ago",
        "two hours ago",
        "2 hours and 5 minutes ago",
        "1.week.2.days.ago",
        "yesterday 18:00",
        "yesterday 8pm",
        "today 14:02",
        "last friday",
        "noon",
        "5 jan 2024 3pm",
        "Jan 5",
        "2024-01-05",
        "2024-01-05 10:00",
        "2024-01-05T10:00:00Z",
        "2024-01-05T10:00:00.5+02:00",
        "2024-01-05 10:00:00 +0000",
        "20240105T100000Z",
        "@1700000000",
        "1700000000",
        "13.02.2024",
        "05/06/2024",
    ],
)
def test_what_git_understands_stays_as_it_is(when: str) -> None:
    assert spelled(when) == when


def test_what_people_say_and_git_takes_for_now_is_put_into_its_words() -> None:
    assert spelled("an hour ago") == "1 hour ago"
    assert spelled("a week ago") == "1 week ago"
    assert spelled("friday 14:00") == "last friday 14:00"
    assert spelled(" 2 hours ago ") == "2 hours ago"


@pytest.mark.parametrize(
    ("when", "hint"),
    [
        ("yesteday", '"yesterday"'),
        ("2h", '"2 hours ago"'),
        ("30m ago", '"30 minutes ago"'),
        ("5", '"5 minutes ago"'),
        ("garbage 2 hours ago", "write it like"),
        ("foo", "write it like"),
        ("never", "write it like"),
        ("tomorrow", "write it like"),
        ("", "write it like"),
        ("2024-13-45", "write it like"),
        ("2024-02-30", "write it like"),
        ("2199-01-01", "write it like"),
        ("99:99", "write it like"),
        ("2024-01-05 25:00", "write it like"),
        ("20240105", "write it like"),
        ("2026-W10", "write it like"),
        ("2 hours ago; rm", "write it like"),
        ("\x1b[31m", "write it like"),
    ],
)
def test_what_is_no_time_is_refused_with_a_hint(when: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        spelled(when)
    assert refused.value.code == "when"
    assert hint in refused.value.hint


def test_only_some_words_may_mean_this_instant() -> None:
    assert may_be_now("now")
    assert may_be_now("0 seconds ago")
    assert may_be_now("2024-01-05T10:00")
    assert not may_be_now("hour ago")
