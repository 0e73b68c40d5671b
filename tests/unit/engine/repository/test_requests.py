"""Changes that a user asks for: after what is pending, checked against edits, refused where a repository stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.engine.messages import Committed, Pause, Perform
from gitsync.errors import OperationError
from gitsync.git.applying.apply import OutcomeKind, put
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.fakes.engine import Bench

# Later than any of these tests ends.
LATER = 1e9


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    root = tmp_path / "notes"
    root.mkdir()
    run_git(root, "init", "--quiet", "--initial-branch=main")
    (root / "a.txt").write_text("one\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "--quiet", "-m", "first")
    notes = tmp_path / "state"
    notes.mkdir()
    bench = Bench(root, notes)
    bench.run(5)
    return bench


def first_tree(worktree: Worktree) -> str:
    return run_git(Path(worktree.root), "rev-parse", "HEAD~1^{tree}")


def go_back(worktree: Worktree) -> str | None:
    return put(worktree, first_tree(worktree), message="Go back", reason="restore").head


def test_what_is_pending_is_committed_before_the_change(bench: Bench) -> None:
    bench.write("a.txt", "two\n")
    future = bench.ask(Perform("notes", go_back, LATER))
    bench.run()
    assert future.result(0) == bench.head()
    assert bench.subjects() == ["Go back", "Change a.txt", "first"]
    assert (bench.root / "a.txt").read_text() == "one\n"
    assert bench.is_committed()
    assert "-restore" in run_git(bench.root, "for-each-ref", "refs/gitsync/backup")
    assert any(isinstance(message, Committed) for message in bench.sent)
    last = bench.status().last_commit
    assert last is not None
    assert last.message == "Go back"


def test_an_edit_that_nobody_noted_is_committed_and_the_change_made_again(bench: Bench) -> None:
    bench.write("a.txt", "two\n")
    bench.run(5)
    first = run_git(bench.root, "rev-parse", "HEAD~1^{tree}")
    (bench.root / "a.txt").write_text("three\n")
    future = bench.ask(
        Perform("notes", lambda worktree: put(worktree, first, message="Go back", reason="restore"), LATER)
    )
    bench.run()
    assert future.result(0).kind is OutcomeKind.DONE
    assert bench.subjects() == ["Go back", "Change a.txt", "Change a.txt", "first"]
    assert (bench.root / "a.txt").read_text() == "one\n"


def test_a_paused_repository_is_not_changed(bench: Bench) -> None:
    bench.ask(Pause("notes", None))
    future = bench.ask(Perform("notes", go_back, LATER))
    with pytest.raises(OperationError, match="paused by you"):
        future.result(0)
    assert bench.subjects() == ["first"]


def test_a_repository_with_an_open_rebase_is_not_changed(bench: Bench) -> None:
    (bench.root / ".git" / "rebase-merge").mkdir()
    future = bench.ask(Perform("notes", go_back, LATER))
    bench.write("a.txt", "two\n")
    bench.run(5)
    with pytest.raises(OperationError, match="rebase"):
        future.result(0)


def test_what_the_change_raises_is_the_answer_and_the_next_one_goes_on(bench: Bench) -> None:
    def refuse(worktree: Worktree) -> None:
        raise OperationError("there is no such version", "look: gitsyncctl log", code="unknown")

    refused = bench.ask(Perform("notes", refuse, LATER))
    asked = bench.ask(Perform("notes", lambda worktree: worktree.facts().head, LATER))
    bench.run()
    with pytest.raises(OperationError, match="no such version"):
        refused.result(0)
    assert asked.result(0) == bench.head()


def test_a_change_that_nobody_waits_for_any_more_is_not_made_later(bench: Bench) -> None:
    bench.write("a.txt", "two\n")
    bench.run(5)
    before = bench.head()
    with pytest.raises(OperationError, match="did not answer"):
        bench.committer.ask(Perform("notes", go_back, bench.clock.now()), 0.0)
    bench.run(5)
    assert bench.head() == before
    assert (bench.root / "a.txt").read_text() == "two\n"
    bench.ask(Perform("notes", go_back, LATER))
    bench.run(5)
    assert (bench.root / "a.txt").read_text() == "one\n"
