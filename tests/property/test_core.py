"""Rules of the pure core that hold for every input."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from gitsync.core.debounce import due_at
from gitsync.core.message import BODY_LINES, SUBJECT_COLUMNS, commit_message
from gitsync.core.safety import SMALL_DELETION, mass_deletion
from gitsync.core.schedule import back_off, jittered
from gitsync.core.secrets import NAMES_AND_PATTERNS, secret_in
from gitsync.core.states import WORKTREE, WorktreeEvent, WorktreeState, advance
from gitsync.model import Change, ChangeKind
from gitsync.text import escape, shown

instants = st.floats(0, 1e9)
spans = st.floats(0, 1e6)
units = st.floats(0, 1)
names = st.binary(min_size=1, max_size=40).filter(lambda raw: b"\0" not in raw)
change_lists = st.lists(
    st.builds(Change, names, st.sampled_from(ChangeKind)),
    min_size=1,
    max_size=BODY_LINES + 20,
    unique_by=lambda change: change.path,
)


@given(instants, st.lists(spans, max_size=20), spans, spans)
def test_a_batch_is_never_due_later_than_the_cap_nor_earlier_than_its_parts(
    first: float, steps: list[float], quiet: float, cap: float
) -> None:
    last, due = first, due_at(first, first, quiet, cap)
    for step in steps:
        last += step
        later = due_at(first, last, quiet, cap)
        assert due <= later <= first + cap
        due = later
    assert due_at(first, last, quiet, math.inf) == last + quiet


@given(st.integers(0, 10_000), units, st.floats(0.1, 100), st.floats(100, 10_000))
def test_back_off_stays_within_its_bounds_and_never_shrinks(
    failures: int, jitter: float, base: float, cap: float
) -> None:
    wait = back_off(failures, jitter, base, cap)
    assert 0 <= wait <= cap
    assert back_off(failures + 1, jitter, base, cap) >= wait
    assert failures == 0 or wait >= min(base, cap) / 2


@given(spans, units, units)
def test_jitter_stays_within_its_share(interval: float, jitter: float, share: float) -> None:
    assert interval * (1 - share) - 1e-6 <= jittered(interval, jitter, share) <= interval * (1 + share) + 1e-6


@given(st.integers(0, 10_000), st.integers(0, 10_000), units)
def test_the_brake_never_fires_on_little_and_always_on_all_of_much(tracked: int, removed: int, share: float) -> None:
    fired = mass_deletion("n", tracked, removed, share) is not None
    assert not fired or (removed > SMALL_DELETION and removed > share * tracked)
    assert fired == (mass_deletion("other", tracked, removed, share) is not None)
    if share < 1 and tracked > SMALL_DELETION:
        assert mass_deletion("n", tracked, tracked, share) is not None


@given(st.lists(st.binary(max_size=30), max_size=2))
def test_different_names_look_different_and_nothing_acts(pair: list[bytes]) -> None:
    for name in pair:
        text = shown(name)
        assert not any(character in text for character in "\n\r\t\0\x1b\x7f\u202e\u2028")
        text.encode("utf-8")
        assert escape(text) == text
    if len(pair) == 2 and pair[0] != pair[1]:
        assert shown(pair[0]) != shown(pair[1])


@given(change_lists)
def test_a_message_is_short_whole_and_the_same_in_any_order(changes: list[Change]) -> None:
    message = commit_message(changes)
    assert message == commit_message(list(reversed(changes)))
    subject, *rest = message.split("\n")
    assert 0 < len(subject) <= SUBJECT_COLUMNS
    assert len(rest) <= BODY_LINES + 2
    assert not rest or (rest[0] == "" and all(line.startswith("- ") for line in rest[1:]))
    if rest and len(changes) <= BODY_LINES:
        assert all(any(line.endswith(" " + shown(change.path)) for line in rest[1:]) for change in changes)
    message.encode("utf-8")


@given(names, st.binary(max_size=400))
def test_looking_for_secrets_never_fails(path: bytes, head: bytes) -> None:
    kinds = {rule.kind for rule in NAMES_AND_PATTERNS}
    assert secret_in(path, head) in {None, *kinds}


@given(st.data())
def test_no_walk_of_the_work_tree_commits_while_it_must_not(data: st.DataObject) -> None:
    state, held = WorktreeState.STARTING, False
    for _ in range(data.draw(st.integers(0, 60))):
        event = data.draw(st.sampled_from(sorted(WORKTREE[state], key=str)))
        if event is WorktreeEvent.PAUSED:
            held = True
        elif event is WorktreeEvent.RESUMED:
            held = False
        before, state = state, advance(state, event)
        assert not held or state is WorktreeState.PAUSED
        # Whatever stood still goes through a scan, where the brakes are asked, before it works again.
        if before in (WorktreeState.PAUSED, WorktreeState.HALTED, WorktreeState.BUSY):
            assert state in (before, WorktreeState.SCANNING, WorktreeState.PAUSED, WorktreeState.HALTED)
