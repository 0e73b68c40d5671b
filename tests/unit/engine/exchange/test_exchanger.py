"""The exchanger, stepped by hand against a bare repository: when it looks, what it sends, whom it answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.engine.messages import Committed, Deferred, Fetched, Integrated, Opened, Pause, Resume
from gitsync.engine.owner import Stop
from gitsync.model import Problem, RepoState
from tests.conftest import run_git
from tests.fakes.wire import Wire

pytestmark = pytest.mark.slow


@pytest.fixture
def wire(repo: Path, tmp_path: Path) -> Wire:
    return Wire(repo, tmp_path)


def test_the_first_branch_is_looked_up_and_sent(wire: Wire) -> None:
    wire.begin()
    wire.tell(Opened("notes"))
    wire.run(1.0)
    assert wire.there() == wire.head()
    assert wire.board.exchange("notes").last_push is not None
    assert run_git(wire.repo, "rev-parse", "--abbrev-ref", "@{u}") == "origin/main"


def test_pull_off_never_looks_but_sends(wire: Wire) -> None:
    wire.begin(pull="off", push="5s")
    wire.tell(Opened("notes"))
    wire.run(4.0)
    assert wire.there() == ""
    wire.run(2.0)
    assert wire.there() == wire.head()
    assert wire.board.exchange("notes").last_pull is None
    wire.run(100_000.0)
    assert wire.board.exchange("notes").last_pull is None
    assert wire.sync().done() is False
    wire.run(1.0)
    assert wire.board.exchange("notes").last_pull is not None


def test_push_off_never_sends_unless_asked(wire: Wire) -> None:
    wire.begin(pull="1m", push="off")
    wire.tell(Opened("notes"))
    wire.tell(Committed("notes", "main", wire.head()))
    wire.run(3600.0)
    assert wire.there() == ""
    future = wire.sync()
    wire.run(1.0)
    assert future.done()
    assert wire.there() == wire.head()
    wire.commit("b.txt")
    wire.run(3600.0)
    assert wire.there() != wire.head()


def test_mode_push_sends_what_a_person_committed(wire: Wire) -> None:
    wire.begin(mode="push")
    wire.tell(Opened("notes"))
    wire.run(1.0)
    commit = wire.commit("by-hand.txt")
    wire.run(90.0)
    assert wire.there() == commit
    assert wire.board.exchange("notes").last_pull is None


def test_mode_pull_never_sends(wire: Wire) -> None:
    wire.begin(mode="pull")
    wire.tell(Opened("notes"))
    wire.tell(Committed("notes", "main", wire.head()))
    future = wire.sync()
    wire.run(600.0)
    assert future.done()
    assert wire.there() == ""


def test_another_branch_than_the_configured_one_is_not_exchanged(wire: Wire) -> None:
    wire.begin(branch="trunk")
    wire.tell(Opened("notes"))
    wire.run(600.0)
    assert wire.there() == ""
    assert wire.sync().done()


def test_frequent_pushes_do_not_put_off_the_pull(wire: Wire) -> None:
    wire.begin(pull="1m", push="1s")
    wire.tell(Opened("notes"))
    wire.run(1.0)
    first = wire.board.exchange("notes").last_pull
    for number in range(6):
        wire.commit(f"{number}.txt")
        wire.tell(Committed("notes", "main", wire.head()))
        wire.run(15.0)
    assert wire.board.exchange("notes").last_pull != first


def test_a_remote_that_is_away_is_offline_then_well_again(wire: Wire) -> None:
    wire.begin()
    aside = wire.hub.with_name("aside")
    wire.hub.rename(aside)
    wire.tell(Opened("notes"))
    future = wire.sync()
    wire.run(60.0)
    assert future.done()
    assert wire.state() is not RepoState.OK
    aside.rename(wire.hub)
    wire.run(400.0)
    assert wire.state() is RepoState.OK
    assert wire.there() == wire.head()


def test_a_pause_answers_those_too_who_wait_for_their_own_cycle(wire: Wire) -> None:
    wire.begin()
    wire.tell(Opened("notes"))
    first, second = wire.sync(), wire.sync()
    assert wire.exchanger.wake_at() is not None
    wire.tell(Pause("notes", None))
    assert first.done()
    assert second.done()
    assert wire.exchanger.wake_at() is None
    wire.tell(Integrated("notes", "main", wire.head(), True))
    assert wire.there() == ""
    wire.told.clear()
    wire.tell(Resume("notes", False))
    wire.run(1.0)
    assert wire.there() == wire.head()


def test_a_halt_answers_everybody(wire: Wire) -> None:
    wire.begin()
    wire.tell(Opened("notes"))
    first, second = wire.sync(), wire.sync()
    wire.told.clear()
    wire.tell(Integrated("notes", "main", None, False, Problem("unrelated-histories", "no")))
    assert first.done()
    assert second.done()
    assert wire.sync().done()
    assert wire.state() is RepoState.HALTED


def test_a_stop_answers_everybody(wire: Wire) -> None:
    wire.begin()
    wire.tell(Opened("notes"))
    first, second = wire.sync(), wire.sync()
    wire.tell(Stop())
    assert first.done()
    assert second.done()


def rewritten(wire: Wire) -> str:
    """Send two commits, then rewrite the remote; return what it had before."""
    wire.commit("b.txt")
    wire.begin()
    wire.tell(Opened("notes"))
    wire.run(1.0)
    before = wire.there()
    tree = run_git(wire.hub, "rev-parse", "main^{tree}")
    other = run_git(wire.hub, "commit-tree", tree, "-p", "main~1", "-m", "rewritten")
    run_git(wire.hub, "update-ref", "refs/heads/main", other)
    return before


def test_a_rewritten_remote_is_remembered_over_refusals_resumes_and_restarts(wire: Wire) -> None:
    """The tracking ref forgets what the remote had with the first fetch that sees the new history."""
    before = rewritten(wire)
    wire.sync()
    fetched = wire.told.pop()
    assert isinstance(fetched, Fetched)
    assert fetched.was == before
    wire.tell(Integrated("notes", "main", None, False))  # a rebase of the user's is open
    wire.begin()  # a restart
    wire.sync()
    fetched = wire.told.pop()
    assert isinstance(fetched, Fetched)
    assert fetched.was == before
    wire.tell(Integrated("notes", "main", None, False, Problem("remote-rewritten", "no")))
    wire.tell(Resume("notes", False))
    fetched = wire.told.pop()
    assert isinstance(fetched, Fetched)
    assert fetched.was == before
    wire.tell(Integrated("notes", "main", None, False, Problem("remote-rewritten", "no")))
    wire.tell(Resume("notes", True))
    fetched = wire.told.pop()
    assert isinstance(fetched, Fetched)
    assert fetched.was == wire.there(), "what was accepted counts as taken in, and nothing beyond"
    assert fetched.is_joining
    wire.tell(Integrated("notes", "main", wire.head(), False))
    wire.sync()
    fetched = wire.told.pop()
    assert isinstance(fetched, Fetched)
    assert fetched.was == wire.there()
    assert not fetched.is_joining


def test_accepting_without_a_halt_takes_no_brake_off(wire: Wire) -> None:
    before = rewritten(wire)
    wire.tell(Resume("notes", True))
    fetched = wire.told.pop()
    assert isinstance(fetched, Fetched)
    assert fetched.was == before


def test_trouble_with_taking_in_backs_off_and_recovers(wire: Wire) -> None:
    wire.begin(pull="off")
    future = wire.sync()
    wire.told.clear()
    wire.tell(Integrated("notes", "main", None, False, Problem("disk-full", "the disk is full")))
    assert future.done()
    assert wire.state() is RepoState.ERROR
    wire.run(10.0)
    assert wire.state() is RepoState.OK


def test_an_answer_that_never_comes_is_an_error_and_tried_again(wire: Wire) -> None:
    wire.begin()
    future = wire.sync()
    wire.told.clear()
    wire.clock.advance(301.0)
    wire.tell(None)
    assert future.done()
    assert wire.state() is RepoState.ERROR
    wire.run(10.0)
    assert wire.state() is RepoState.OK


def test_last_pull_and_push_outlive_a_restart(wire: Wire) -> None:
    wire.begin()
    wire.tell(Opened("notes"))
    wire.run(1.0)
    was = wire.board.exchange("notes")
    assert was.last_pull is not None
    wire.board.forget("notes")
    wire.begin()
    now = wire.board.exchange("notes")
    assert (now.last_pull, now.last_push) == (was.last_pull, was.last_push)


def test_a_password_in_a_url_reaches_no_event(wire: Wire) -> None:
    run_git(wire.repo, "config", f"url.{wire.hub}.insteadOf", "https://me:s3cret@host/notes.git")
    wire.begin(remote="https://me:s3cret@host/notes.git")
    wire.tell(Opened("notes"))
    wire.run(1.0)
    assert wire.there() == wire.head()
    assert "pushed" in [event["event"] for event in wire.board.events()]
    assert "s3cret" not in repr(wire.board.events())
    assert "s3cret" not in repr(wire.board.status("notes"))


def test_what_is_deferred_waits_until_it_is_asked_for_or_may_go_on(wire: Wire) -> None:
    wire.begin()
    wire.tell(Deferred(("battery",)))
    wire.tell(Opened("notes"))
    wire.tell(Committed("notes", "main", wire.head()))
    wire.run(3600.0)
    assert wire.there() == ""
    assert wire.board.status("notes").reason == "on battery: pull and push wait"
    wire.sync()
    wire.run(1.0)
    assert wire.there() == wire.head()
    commit = wire.commit("b.txt")
    wire.tell(Committed("notes", "main", commit))
    wire.run(3600.0)
    assert wire.there() != commit
    # A person who resumes a repository wants it done.
    wire.tell(Pause("notes", None))
    wire.tell(Resume("notes", False))
    wire.run(1.0)
    assert wire.there() == commit
    commit = wire.commit("c.txt")
    wire.tell(Deferred())
    wire.run(10.0)
    assert wire.there() == commit
    assert wire.board.status("notes").reason == ""
