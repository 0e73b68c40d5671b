"""The status board: two writers, one document; one notice per change."""

from __future__ import annotations

from gitsync.core.states import ExchangeState
from gitsync.engine.board import Board
from gitsync.model import Problem, RepoState
from tests.fakes.clock import FakeClock


def made() -> Board:
    board = Board(FakeClock())
    board.set_local("notes", path="/notes", state=RepoState.OK)
    return board


def test_the_worse_part_decides_the_state() -> None:
    board = made()
    board.set_exchange("notes", state=RepoState.OFFLINE, reason="no network")
    assert board.status("notes").state is RepoState.OFFLINE
    board.set_local("notes", state=RepoState.PAUSED, reason="paused by you")
    assert board.status("notes").state is RepoState.PAUSED
    board.set_local("notes", state=RepoState.OK, reason="")
    board.set_exchange("notes", state=RepoState.OK, reason="")
    assert board.status("notes").state is RepoState.OK


def test_what_waits_makes_ok_pending() -> None:
    board = made()
    board.count_pending_by("notes", lambda: 3)
    status = board.status("notes")
    assert (status.state, status.pending) == (RepoState.PENDING, 3)


def test_an_exchange_that_takes_long_is_shown_as_what_it_does() -> None:
    clock = FakeClock()
    board = Board(clock)
    board.set_local("notes", path="/notes", state=RepoState.OK)
    board.set_exchange("notes", remote="hub", machine=ExchangeState.OUTBOUND)
    assert board.status("notes").state is RepoState.OK
    clock.advance(2.0)
    status = board.status("notes")
    assert (status.state, status.reason) == (RepoState.SYNCING, "pushing to hub")
    board.set_local("notes", state=RepoState.PAUSED, reason="paused by you")
    assert board.status("notes").reason == "paused by you"
    board.set_local("notes", state=RepoState.OK, reason="")
    board.set_exchange("notes", machine=ExchangeState.IDLE)
    assert board.status("notes").state is RepoState.OK


def test_trouble_is_told_once_and_its_end_once() -> None:
    board = made()
    problem = Problem("auth", "no key", "ssh-add")
    for _ in range(3):
        board.set_exchange("notes", state=RepoState.AUTH, reason="no key", error=problem)
    board.set_exchange("notes", state=RepoState.OK, reason="", error=None)
    kinds = [event["event"] for event in board.events() if event["event"] != "state"]
    assert kinds == ["problem", "recovered"]


def test_listeners_get_events_until_they_go() -> None:
    board = made()
    subscription = board.subscribe()
    board.publish("committed", "notes", "committed notes 1234567: Add a.txt", commit="1" * 40)
    event = subscription.get(0)
    assert event is not None
    assert (event["event"], event["repo"], event["path"]) == ("committed", "notes", "/notes")
    subscription.close()
    board.publish("pushed", "notes", "pushed")
    assert subscription.get(0) is None
    subscription.close()


def test_a_repository_that_is_gone_is_forgotten() -> None:
    board = made()
    board.forget("notes")
    assert board.names() == []
