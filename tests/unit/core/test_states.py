"""The machines, pair by pair where a pair matters, and as a whole where a rule does."""

from __future__ import annotations

import pytest

from gitsync.core.states import (
    EXCHANGE,
    WORKTREE,
    ExchangeEvent,
    ExchangeState,
    IllegalTransition,
    WorktreeEvent,
    WorktreeState,
    advance,
    diagram,
)

OUTSIDE = {
    "noted",
    "rescan-wanted",
    "operation-opened",
    "operation-ended",
    "paused",
    "resumed",
    "halted",
    "root-returned",
}
OUTSIDE_EXCHANGE = {"committed", "paused", "resumed", "halted"}
WORKING = {"starting", "scanning", "clean", "settling", "committing", "integrating"}


def walk(state: str, *events: str) -> str:
    at = WorktreeState(state)
    for event in events:
        at = advance(at, WorktreeEvent(event))
    return str(at)


def walk_exchange(state: str, *events: str) -> str:
    at = ExchangeState(state)
    for event in events:
        at = advance(at, ExchangeEvent(event))
    return str(at)


def test_a_saved_file_goes_round() -> None:
    assert walk("starting", "started", "scanned-clean") == "clean"
    assert walk("clean", "noted") == "settling"
    assert walk("settling", "noted", "noted", "fell-due", "committed") == "clean"
    assert walk("committing", "found-equal") == "clean"


def test_what_the_first_scan_found_settles() -> None:
    assert walk("starting", "started", "scanned-dirty", "fell-due", "committed") == "clean"


def test_a_failed_commit_is_tried_again() -> None:
    assert walk("committing", "commit-failed") == "settling"


def test_an_edit_that_meets_an_integration_is_committed_first() -> None:
    assert (
        walk("clean", "integration-begun", "overtaken", "fell-due", "committed", "integration-begun") == "integrating"
    )
    assert walk("integrating", "integrated") == "clean"
    assert walk("integrating", "integration-refused") == "clean"


@pytest.mark.parametrize("state", WorktreeState)
def test_pause_holds_from_every_state_and_resume_scans(state: WorktreeState) -> None:
    assert walk(str(state), "paused") == "paused"
    assert walk(str(state), "paused", "resumed") == "scanning"


def test_only_a_resume_leaves_a_pause() -> None:
    leaving = [
        event for event in WorktreeEvent if WORKTREE[WorktreeState.PAUSED].get(event) is not WorktreeState.PAUSED
    ]
    assert [str(event) for event in leaving if event in WORKTREE[WorktreeState.PAUSED]] == ["resumed"]


def test_a_halt_is_left_by_a_person_or_by_the_root_coming_back() -> None:
    answers = WORKTREE[WorktreeState.HALTED]
    left = {str(event): str(to) for event, to in answers.items() if to is not WorktreeState.HALTED}
    assert left == {"resumed": "scanning", "root-returned": "scanning", "paused": "paused"}


def test_busy_ends_in_a_scan_and_a_rescan_meanwhile_touches_nothing() -> None:
    assert walk("clean", "operation-opened", "rescan-wanted", "noted") == "busy"
    assert walk("busy", "operation-ended") == "scanning"


@pytest.mark.parametrize("state", sorted(WORKING))
def test_every_working_state_can_be_rescanned_halted_and_made_busy(state: str) -> None:
    assert walk(state, "rescan-wanted") == "scanning"
    assert walk(state, "halted") == "halted"
    assert walk(state, "operation-opened") == "busy"


@pytest.mark.parametrize("state", [*sorted(WORKING), "busy"])
def test_a_resume_of_what_is_not_held_changes_nothing(state: str) -> None:
    assert walk(state, "resumed") == state


@pytest.mark.parametrize("state", WorktreeState)
def test_nothing_from_outside_is_ever_illegal(state: WorktreeState) -> None:
    for name in OUTSIDE:
        advance(state, WorktreeEvent(name))


@pytest.mark.parametrize("state", ExchangeState)
def test_nothing_from_outside_is_ever_illegal_in_an_exchange(state: ExchangeState) -> None:
    for name in OUTSIDE_EXCHANGE:
        advance(state, ExchangeEvent(name))


def test_own_events_are_legal_where_that_work_is_done_and_nowhere_else() -> None:
    legal = {
        str(event): {str(state) for state in WorktreeState if event in WORKTREE[state]}
        for event in WorktreeEvent
        if str(event) not in OUTSIDE
    }
    assert legal == {
        "started": {"starting"},
        "scanned-clean": {"scanning"},
        "scanned-dirty": {"scanning"},
        "fell-due": {"settling"},
        "committed": {"committing"},
        "found-equal": {"committing"},
        "commit-failed": {"committing"},
        "integration-begun": {"clean"},
        "integrated": {"integrating"},
        "integration-refused": {"integrating"},
        "overtaken": {"integrating"},
    }


def test_an_unknown_pair_is_a_bug_and_says_which() -> None:
    with pytest.raises(IllegalTransition, match=r"clean.*COMMITTED"):
        advance(WorktreeState.CLEAN, WorktreeEvent.COMMITTED)
    with pytest.raises(IllegalTransition, match=r"idle.*REJECTED"):
        advance(ExchangeState.IDLE, ExchangeEvent.REJECTED)


def test_events_of_the_other_machine_do_not_count_even_with_the_same_name() -> None:
    with pytest.raises(IllegalTransition):
        advance(WorktreeState.CLEAN, ExchangeEvent.PAUSED)  # type: ignore[call-overload]  # the point of the test


def test_an_exchange_goes_round() -> None:
    assert walk_exchange("idle", "fetch-begun", "finished") == "idle"
    assert walk_exchange("idle", "fetch-begun", "integration-asked", "push-begun", "finished") == "idle"
    assert walk_exchange("idle", "push-begun", "rejected") == "back-off", "who was second waits a moment"
    assert walk_exchange("back-off", "fetch-begun", "integration-asked", "push-begun", "finished") == "idle"


@pytest.mark.parametrize("state", ["inbound", "awaiting", "outbound"])
def test_a_failed_exchange_backs_off_and_tries_again(state: str) -> None:
    assert walk_exchange(state, "failed") == "back-off"
    assert walk_exchange(state, "failed", "fetch-begun") == "inbound"
    assert walk_exchange(state, "failed", "push-begun") == "outbound"


def test_a_resume_cuts_the_back_off_short() -> None:
    assert walk_exchange("back-off", "resumed") == "idle"


@pytest.mark.parametrize("state", ExchangeState)
def test_a_paused_exchange_stays_so_until_it_is_resumed(state: ExchangeState) -> None:
    assert walk_exchange(str(state), "paused", "committed", "paused", "halted") == "paused"
    assert walk_exchange(str(state), "paused", "resumed") == "idle"
    assert walk_exchange(str(state), "resumed", "halted", "resumed") in ("idle", str(state))


@pytest.mark.parametrize("table", [WORKTREE, EXCHANGE], ids=["worktree", "exchange"])
def test_every_state_can_be_reached_and_left(table: dict) -> None:  # type: ignore[type-arg]  # either table
    first = next(iter(table))
    reached, edge = {first}, [first]
    while edge:
        for to in table[edge.pop()].values():
            if to not in reached:
                reached.add(to)
                edge.append(to)
    assert reached == set(table)
    assert all(any(to is not state for to in answers.values()) for state, answers in table.items())


def test_the_diagram_shows_moves_and_leaves_out_what_stays() -> None:
    text = diagram(WORKTREE)
    assert "clean\n    noted............... settling\n" in text
    assert all(f"\n{state}\n" in f"\n{text}" for state in WORKTREE)
    assert "paused.............. paused" not in text.split("\npaused\n")[1].split("\nhalted\n")[0]
