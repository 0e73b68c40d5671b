"""What is handed over to another work tree is ahead until it is taken in, and needs the user after ten minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.engine.board import Board
from gitsync.engine.exchange.handing import Handing
from gitsync.engine.exchange.remote_branch import Limits, RemoteBranch
from gitsync.engine.memory import ExchangeMemory
from gitsync.errors import OperationError
from gitsync.git.remote import inbox
from gitsync.git.remote.inbox import Handed
from tests.conftest import run_git
from tests.fakes.clock import FakeClock
from tests.fakes.engine import configured


def told(handing: Handing) -> str:
    problem = handing.problem
    return "" if problem is None else f"{problem.code}: {problem.message}"


def test_it_is_given_once_and_missed_after_ten_minutes_also_over_a_restart(repo: Path, tmp_path: Path) -> None:
    far, limits, clock = tmp_path / "far", Limits(30.0, lambda: False), FakeClock()
    run_git(tmp_path, "clone", "-q", str(repo), str(far))
    run_git(repo, "remote", "add", "origin", str(far))
    place = RemoteBranch.of(configured(repo), "main")
    assert place is not None
    board, head, memory = Board(clock), run_git(repo, "rev-parse", "HEAD"), tmp_path / "memory.json"
    handing = Handing(configured(repo), clock, board, ExchangeMemory(memory))
    with pytest.raises(OperationError) as refused:
        handing.give(place, head, limits)
    assert (refused.value.code, "gitsyncctl server init" in refused.value.hint) == ("checked-out", True)
    inbox.open_inbox(far)
    assert handing.give(place, head, limits)
    assert not handing.give(place, head, limits), "it waits there"
    assert inbox.handed_over(far) == [Handed(f"refs/gitsync/inbox/{head}/main", head, "main")]
    assert (handing.reason, told(handing)) == (f"handed over to {far}", "")
    clock.advance(500.0)
    handing = Handing(configured(repo), clock, board, ExchangeMemory(memory))
    assert not handing.give(place, head, limits)
    assert told(handing) == ""
    clock.advance(101.0)
    assert told(handing).startswith("not-taken-in: ")
    assert "and not taken in there" in told(handing)
    # What the user over there has removed does not come again.
    inbox.remove(far, inbox.handed_over(far)[0])
    assert not handing.give(place, head, limits)
    assert inbox.handed_over(far) == []
    assert "removed from its inbox" in told(handing)
    handing.end()
    assert (handing.reason, told(handing)) == ("", "")
    assert [event["event"] for event in board.events()] == ["handed-over", "taken-in"]
