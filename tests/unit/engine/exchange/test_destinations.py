"""Where an exchanger sends, and what it says when there is nowhere: push settings, renamed branches, a lost remote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitsync.engine.exchange.patience import Patience
from gitsync.engine.messages import Committed, Fetched, HeadRead, HeadWanted, Integrated, Opened, Resume
from gitsync.model import Problem, RepoState
from tests.conftest import run_git
from tests.fakes.wire import Wire

pytestmark = pytest.mark.slow


@pytest.fixture
def wire(repo: Path, tmp_path: Path) -> Wire:
    wire = Wire(repo, tmp_path)
    wire.begin()
    wire.tell(Opened("notes"))
    wire.run(1.0)
    assert wire.there() == wire.head()
    return wire


def heads(wire: Wire) -> dict[str, str]:
    lines = run_git(wire.hub, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads").splitlines()
    return dict(line.split() for line in lines)


def work_on(wire: Wire, branch: str) -> str:
    """Begin a branch as `git switch -c BRANCH origin/main` does, and commit something there."""
    run_git(wire.repo, "switch", "-q", "-c", branch, "--track", "origin/main")
    wire.board.set_local("notes", branch=branch)
    (wire.repo / "wild.txt").write_text("an experiment\n")
    run_git(wire.repo, "add", "-A")
    run_git(wire.repo, "commit", "-q", "-m", "wild")
    wire.tell(Opened("notes"))
    wire.tell(Committed("notes", branch, run_git(wire.repo, "rev-parse", "HEAD")))
    wire.run(60.0)
    return run_git(wire.repo, "rev-parse", "HEAD")


def test_an_experiment_stays_here_and_status_says_how_to_send_it(wire: Wire) -> None:
    before = heads(wire)
    work_on(wire, "try")
    assert heads(wire) == before
    shown = wire.board.exchange("notes")
    assert shown.state is RepoState.ERROR
    assert shown.error is not None
    assert "push -u origin try" in shown.error.hint


def test_push_default_current_sends_to_its_own_name_once(wire: Wire) -> None:
    run_git(wire.repo, "config", "push.default", "current")
    before = heads(wire)
    head = work_on(wire, "try")
    assert heads(wire) == {**before, "try": head}
    assert wire.board.exchange("notes").state is RepoState.OK
    assert run_git(wire.repo, "rev-parse", "--abbrev-ref", "@{u}") == "origin/main"
    events = [event for event in wire.board.events() if event["event"] == "pushed"]
    wire.run(600.0)
    assert [event for event in wire.board.events() if event["event"] == "pushed"] == events


def test_push_default_upstream_sends_to_the_upstream(wire: Wire) -> None:
    run_git(wire.repo, "config", "push.default", "upstream")
    assert heads(wire) | {"main": work_on(wire, "try")} == heads(wire)
    assert set(heads(wire)) == {"main"}


def test_a_remote_that_was_lost_is_said(wire: Wire) -> None:
    run_git(wire.repo, "remote", "remove", "origin")
    wire.commit("b.txt")
    wire.run(600.0)
    shown = wire.board.exchange("notes")
    assert shown.error is not None
    assert shown.error.code == "remote-lost"
    assert "remote add origin" in shown.error.hint
    run_git(wire.repo, "remote", "add", "origin", str(wire.hub))
    wire.commit("c.txt")
    wire.run(600.0)
    assert wire.there() == wire.head()
    assert wire.board.exchange("notes").error is None


def test_a_renamed_default_branch_is_one_question(wire: Wire) -> None:
    run_git(wire.hub, "branch", "-m", "main", "trunk")
    run_git(wire.hub, "symbolic-ref", "HEAD", "refs/heads/trunk")
    wire.commit("b.txt")
    wire.run(600.0)
    shown = wire.board.exchange("notes")
    assert shown.state is RepoState.HALTED
    assert shown.error is not None
    assert "trunk" in shown.error.message
    assert set(heads(wire)) == {"trunk"}
    wire.tell(Resume("notes", True))
    wire.run(1.0)
    assert run_git(wire.repo, "symbolic-ref", "--short", "HEAD") == "trunk"
    assert run_git(wire.repo, "rev-parse", "--abbrev-ref", "@{u}") == "origin/trunk"
    wire.board.set_local("notes", branch="trunk")
    wire.tell(Opened("notes"))
    wire.run(600.0)
    assert heads(wire) == {"trunk": run_git(wire.repo, "rev-parse", "HEAD")}
    assert wire.board.exchange("notes").state is RepoState.OK


def test_a_deleted_branch_is_no_renamed_one(wire: Wire) -> None:
    other = run_git(wire.hub, "commit-tree", run_git(wire.hub, "mktree", input=b""), "-m", "other")
    run_git(wire.hub, "update-ref", "refs/heads/trunk", other)
    run_git(wire.hub, "symbolic-ref", "HEAD", "refs/heads/trunk")
    run_git(wire.hub, "update-ref", "-d", "refs/heads/main")
    wire.commit("b.txt")
    wire.run(600.0)
    shown = wire.board.exchange("notes")
    assert shown.error is not None
    assert shown.error.code == "remote-branch-gone"


def test_what_was_left_on_another_branch_is_sent(wire: Wire) -> None:
    head = wire.commit("b.txt")
    wire.tell(Committed("notes", "main", head))
    run_git(wire.repo, "switch", "-q", "-c", "side")
    wire.board.set_local("notes", branch="side")
    wire.tell(Opened("notes"))
    wire.told.clear()
    wire.begin()  # a restart
    wire.tell(Opened("notes"))
    wire.run(60.0)
    assert heads(wire)["main"] == head
    assert wire.board.exchange("notes").error is None


@pytest.mark.parametrize("wanted", [Fetched, HeadWanted])
def test_a_branch_that_is_left_while_its_head_is_asked_for_is_sent(wire: Wire, wanted: type) -> None:
    head = wire.commit("b.txt")
    wire.tell(Committed("notes", "main", head))
    wire.board.set_local("notes", state=RepoState.BUSY)
    for _ in range(100):
        if any(isinstance(message, wanted) for message in wire.told):
            break
        wire.answer()
        wire.clock.advance(1.0)
        wire.tell(None)
    run_git(wire.repo, "switch", "-q", "-c", "side", "HEAD~1")
    wire.told.clear()
    # What the committer answers of a branch that is not checked out any more.
    wire.tell(Integrated("notes", "main", None, False) if wanted is Fetched else HeadRead("notes", "main", None))
    wire.board.set_local("notes", branch="side")
    wire.tell(Opened("notes"))
    wire.run(120.0)
    assert heads(wire)["main"] == head


def pushed_after_first(wire: Wire, spoil: Callable[[Wire], None]) -> str:
    """Return what the remote has once gitsync has committed, and asked nobody: `spoil` came in between."""
    wire.begin(push="1s")
    wire.run(60.0)
    before, head = wire.there(), wire.commit("b.txt")
    wire.tell(Committed("notes", "main", head))
    spoil(wire)
    for _ in range(3):
        wire.clock.advance(1.0)
        wire.tell(None)
    asked = [message for message in wire.told if isinstance(message, HeadWanted)]
    assert (wire.there() == before) == bool(asked)
    return "asked" if asked else "pushed"


def test_a_commit_of_its_own_is_pushed_without_asking_for_head(wire: Wire) -> None:
    assert pushed_after_first(wire, lambda _: None) == "pushed"
    assert wire.there() == wire.head()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda wire: run_git(wire.repo, "commit", "-q", "--amend", "-m", "better"),
        lambda wire: run_git(wire.repo, "bisect", "start"),
        lambda wire: run_git(wire.repo, "pack-refs", "--all"),
        lambda wire: (wire.repo / ".git/rebase-merge").mkdir(),
        lambda wire: wire.board.set_local("notes", state=RepoState.HALTED),
    ],
    ids=["amended", "bisect", "packed refs", "rebase", "halted"],
)
def test_head_is_asked_for_where_something_came_in_between(wire: Wire, spoil: Callable[[Wire], None]) -> None:
    assert pushed_after_first(wire, spoil) == "asked"


def test_what_cannot_be_sent_from_a_branch_that_was_left_is_said(wire: Wire) -> None:
    head = wire.commit("b.txt")
    wire.board.set_local("notes", state=RepoState.BUSY)  # so it is not sent at once
    wire.tell(Committed("notes", "main", head))
    run_git(wire.repo, "switch", "-q", "-c", "side", "HEAD~1")
    other = run_git(wire.hub, "commit-tree", f"{wire.there()}^{{tree}}", "-p", wire.there(), "-m", "theirs")
    run_git(wire.hub, "update-ref", "refs/heads/main", other)
    wire.board.set_local("notes", branch="side")
    wire.tell(Opened("notes"))
    wire.board.set_local("notes", state=RepoState.OK)
    wire.run(60.0)
    assert heads(wire)["main"] == other
    shown = wire.board.exchange("notes")
    assert shown.error is not None
    assert "the branch main has commits that are not sent" in shown.error.message


@pytest.mark.parametrize(("said", "is_aging"), [("Connection refused", True), ("Could not resolve host: h", False)])
def test_waiting_becomes_an_error_unless_there_is_no_network(said: str, is_aging: bool) -> None:
    patience, problem = Patience(), Problem("offline", f"notes: origin cannot be reached: {said}")
    states = [patience.state_of(problem, 100.0 * number) for number in range(12)]
    assert states[0] is RepoState.OFFLINE
    assert (RepoState.ERROR in states) == is_aging
    patience.end()
    assert patience.state_of(problem, 5000.0) is RepoState.OFFLINE
