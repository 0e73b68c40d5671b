from __future__ import annotations

import math

from gitsync.core.debounce import due_at


def test_a_single_note_is_due_after_the_quiet_period() -> None:
    assert due_at(10.0, 10.0, 2.0, 30.0) == 12.0


def test_each_further_note_begins_the_quiet_period_anew() -> None:
    assert due_at(10.0, 15.0, 2.0, 30.0) == 17.0


def test_notes_without_end_are_due_at_the_cap() -> None:
    assert due_at(10.0, 39.9, 2.0, 30.0) == 40.0
    assert due_at(10.0, 500.0, 2.0, 30.0) == 40.0


def test_without_a_cap_only_quiet_counts() -> None:
    assert due_at(10.0, 500.0, 2.0, math.inf) == 502.0
