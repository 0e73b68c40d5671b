"""A remote that is not what it was: asked once, remembered, answered by one acceptance, over by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitsync.engine.exchange.remote_branch import Limits, RemoteBranch
from gitsync.engine.messages import Committed, Fetched, Integrated, Opened, RemoteMoved, Resume
from gitsync.git.remote.results import FetchResult
from gitsync.model import Problem, RepoState
from tests.conftest import run_git
from tests.fakes.wire import Wire

pytestmark = pytest.mark.slow


@pytest.fixture
def wire(repo: Path, tmp_path: Path) -> Wire:
    """An exchange that has sent its branch."""
    it = Wire(repo, tmp_path)
    it.begin()
    it.tell(Opened("notes"))
    it.run(1.0)
    assert it.there() == it.head()
    return it


def code(wire: Wire) -> str:
    error = wire.board.exchange("notes").error
    return error.code if error is not None else ""


def delete_branch(wire: Wire) -> None:
    run_git(wire.hub, "branch", "side", "main")
    run_git(wire.hub, "update-ref", "-d", "refs/heads/main")


def empty(wire: Wire) -> None:
    run_git(wire.hub, "update-ref", "-d", "refs/heads/main")


GONE = [(delete_branch, "remote-branch-gone"), (empty, "remote-emptied")]


@pytest.mark.parametrize(("spoil", "expected"), GONE)
def test_what_is_gone_halts_and_is_sent_again_only_when_accepted(wire: Wire, spoil: object, expected: str) -> None:
    assert callable(spoil)
    spoil(wire)
    wire.run(90.0)
    assert (wire.state(), code(wire)) == (RepoState.HALTED, expected)
    assert "--accept" in wire.board.exchange("notes").error.hint  # type: ignore[union-attr]
    wire.commit("b.txt")
    wire.tell(Committed("notes", "main", wire.head()))
    wire.run(600.0)
    assert wire.there() == ""
    wire.tell(Resume("notes", is_accepted=False))
    wire.run(1.0)
    assert (wire.state(), code(wire)) == (RepoState.HALTED, expected)
    assert wire.there() == ""
    wire.begin()  # a restart
    assert (wire.state(), code(wire)) == (RepoState.HALTED, expected), "shown before the remote is looked at"
    wire.tell(Opened("notes"))
    wire.run(600.0)
    assert wire.there() == ""
    wire.tell(Resume("notes", is_accepted=True))
    wire.run(1.0)
    assert wire.there() == wire.head()
    assert wire.state() is RepoState.OK
    wire.begin()
    assert wire.state() is RepoState.OK


@pytest.mark.parametrize(("spoil", "expected"), GONE)
@pytest.mark.parametrize("options", [{}, {"mode": "push"}, {"pull": "off"}])
def test_a_push_alone_does_not_make_anew_what_is_gone(
    wire: Wire, spoil: object, expected: str, options: dict[str, Any]
) -> None:
    assert callable(spoil)
    wire.begin(push="1s", **options)
    spoil(wire)
    wire.commit("b.txt")
    wire.tell(Committed("notes", "main", wire.head()))
    wire.run(5.0)
    assert wire.there() == ""
    assert wire.state() is RepoState.HALTED
    assert code(wire) == (expected if options != {"mode": "push"} else "remote-branch-gone")


def test_a_pruned_tracking_ref_makes_nobody_forget(wire: Wire) -> None:
    delete_branch(wire)
    run_git(wire.repo, "fetch", "-q", "--prune", "origin")
    wire.run(90.0)
    assert (wire.state(), code(wire)) == (RepoState.HALTED, "remote-branch-gone")
    assert wire.there() == ""


def test_another_machine_that_fills_it_again_ends_the_halt(wire: Wire) -> None:
    head = wire.head()
    empty(wire)
    wire.run(90.0)
    assert wire.state() is RepoState.HALTED
    run_git(wire.hub, "update-ref", "refs/heads/main", head)
    wire.commit("b.txt")
    wire.run(90.0)
    assert wire.state() is RepoState.OK
    assert wire.there() == wire.head()


def test_a_watched_remote_that_is_filled_again_is_looked_at_at_once(wire: Wire) -> None:
    empty(wire)
    wire.run(90.0)
    run_git(wire.hub, "update-ref", "refs/heads/main", wire.head())
    wire.tell(RemoteMoved("notes"))
    wire.run(0.1)
    assert wire.state() is RepoState.OK


def test_another_address_is_another_remote(wire: Wire, tmp_path: Path) -> None:
    new = tmp_path / "new.git"
    run_git(tmp_path, "init", "-q", "--bare", "-b", "main", str(new))
    run_git(wire.repo, "remote", "set-url", "origin", str(new))
    wire.run(90.0)
    assert run_git(new, "rev-parse", "main") == wire.head()
    assert wire.state() is RepoState.OK


def test_who_accepts_a_rewritten_history_does_not_accept_the_next_one(wire: Wire) -> None:
    wire.sync()
    wire.told.clear()
    first = rewrite(wire, "first")
    wire.tell(Integrated("notes", "main", wire.head(), is_ahead=False))
    wire.sync()
    assert fetched(wire).upstream == first
    wire.tell(Integrated("notes", "main", None, is_ahead=False, problem=Problem("remote-rewritten", "no")))
    rewrite(wire, "second")
    wire.tell(Resume("notes", is_accepted=True))
    again = fetched(wire)
    assert again.was == first, "the brake looks from what was seen when the question was asked"
    assert again.is_joining


def test_an_acceptance_without_a_question_is_none(wire: Wire) -> None:
    wire.tell(Resume("notes", is_accepted=True))
    assert not fetched(wire).is_joining


def test_a_halt_is_looked_at_again_without_a_word(wire: Wire) -> None:
    empty(wire)
    wire.run(90.0)
    told = len(wire.board.events())
    wire.run(3600.0)
    assert wire.sync().done()
    assert wire.state() is RepoState.HALTED
    assert len(wire.board.events()) == told


def test_a_halted_remote_that_cannot_be_reached_stays_halted(wire: Wire) -> None:
    empty(wire)
    wire.run(90.0)
    wire.hub.rename(wire.hub.with_name("away"))
    wire.run(600.0)
    assert (wire.state(), code(wire)) == (RepoState.HALTED, "remote-emptied")


def test_no_ref_of_ours_is_pushed(wire: Wire) -> None:
    run_git(wire.repo, "update-ref", "refs/gitsync/backup/1", "HEAD")
    run_git(wire.repo, "config", "remote.origin.push", "refs/*:refs/*")
    run_git(wire.repo, "config", "push.default", "matching")
    wire.commit("b.txt")
    wire.sync()
    wire.run(1.0)
    assert wire.there() == wire.head()
    there = run_git(wire.hub, "for-each-ref", "--format=%(refname)").splitlines()
    assert [ref for ref in there if not ref.startswith("refs/gitsync/machines/")] == ["refs/heads/main"]


def rewrite(wire: Wire, words: str) -> str:
    tree = run_git(wire.hub, "rev-parse", "main^{tree}")
    other = run_git(wire.hub, "commit-tree", tree, "-m", words)
    run_git(wire.hub, "update-ref", "refs/heads/main", other)
    return other


def fetched(wire: Wire) -> Fetched:
    message = wire.told.pop()
    assert isinstance(message, Fetched)
    return message


def test_a_question_that_was_cut_off_after_a_refused_push_halts_nothing(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.begin()
    wire.run(90.0)
    other = run_git(wire.repo, "commit-tree", "-p", "HEAD", "-m", "another machine's", "HEAD^{tree}")
    run_git(wire.repo, "push", "-q", str(wire.hub), f"{other}:main")
    wire.commit("mine")
    wire.begin(mode="push")
    asked: list[RemoteBranch] = []

    def cut_off(place: RemoteBranch, limits: Limits) -> None:
        asked.append(place)
        wire.exchanger.cancel()

    with monkeypatch.context() as patched:
        patched.setattr(RemoteBranch, "ask", cut_off)
        wire.sync()
        wire.answer()
    assert asked
    assert wire.state() is not RepoState.HALTED


def test_a_look_that_was_cut_off_halts_nothing_and_is_not_remembered(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(place: RemoteBranch, limits: Limits, local: Problem | None = None) -> FetchResult:
        wire.exchanger.cancel()
        assert limits.is_cancelled()
        return FetchResult(None, wire.head())

    with monkeypatch.context() as patched:
        patched.setattr(RemoteBranch, "fetch", cut_off)
        wire.run(90.0)
    assert wire.state() is not RepoState.HALTED
    wire.begin()
    assert wire.state() is not RepoState.HALTED
