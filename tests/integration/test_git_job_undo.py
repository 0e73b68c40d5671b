"""A run of a git job is taken back as a whole: all branches that it moved, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.errors import OperationError
from tests.conftest import run_git
from tests.fakes.git_client import GitClient
from tests.fakes.job_client import ok

BRANCHES = ("main", "high", "low")


@pytest.fixture
def moved(one: GitClient, two: GitClient) -> GitClient:
    """A client whose last run moved three branches and created a fourth."""
    for branch in BRANCHES:
        one.commit(branch, "f.txt", f"1 {branch}\n")
    ok(one.run())
    ok(two.run())
    for branch in (*BRANCHES, "fresh"):
        one.commit(branch, "f.txt", f"2 {branch}\n")
    ok(one.run())
    ok(two.run())
    return two


def content(client: GitClient, name: str = "f.txt") -> dict[str, str]:
    return {branch: run_git(client.root, "show", f"{branch}:{name}").split()[0] for branch in BRANCHES}


def test_all_branches_are_taken_back_and_stay_so(one: GitClient, moved: GitClient) -> None:
    two, before = moved, moved.heads()
    planned = two.undo(is_trial=True)
    assert two.heads() == before
    done = two.undo()
    assert planned.paths == done.paths == dict.fromkeys(sorted(BRANCHES), ("f.txt",))
    assert done.created == ["fresh"]
    assert set(content(two).values()) == {"1"}
    assert (two.root / "f.txt").read_text() == "1 main\n"
    assert run_git(two.root, "status", "--porcelain") == ""
    for branch in BRANCHES:
        assert run_git(two.root, "rev-parse", f"{branch}~1") == before[branch], "an undo is a new commit"
    ok(two.run())
    ok(one.run())
    assert set(content(two).values()) == set(content(one).values()) == {"1"}
    assert two.heads() == one.heads() == two.server_heads()


def test_a_further_undo_goes_one_run_further_back(moved: GitClient) -> None:
    moved.undo()
    done = moved.undo()
    assert (done.paths, sorted(done.created)) == ({"main": ("f.txt",)}, ["high", "low"])
    assert not (moved.root / "f.txt").exists()


def test_edits_made_since_stay_and_one_that_is_in_the_way_stops_all(moved: GitClient) -> None:
    two = moved
    two.commit("low", "mine.txt", "mine\n")
    two.commit("high", "f.txt", "edited\n")
    before = two.heads()
    with pytest.raises(OperationError, match="not undone on any branch") as caught:
        two.undo()
    assert "high:f.txt" in caught.value.message
    assert two.heads() == before
    done = two.undo(is_keeping=True)
    assert done.kept == ["high:f.txt"]
    assert content(two) == {"main": "1", "high": "edited", "low": "1"}
    assert run_git(two.root, "show", "low:mine.txt") == "mine"


def test_a_file_that_is_being_edited_stops_all(moved: GitClient) -> None:
    two, before = moved, moved.heads()
    (moved.root / "f.txt").write_text("not committed\n")
    with pytest.raises(OperationError, match=r"edits: f\.txt"):
        two.undo()
    assert two.heads() == before
    assert (two.root / "f.txt").read_text() == "not committed\n"
    run_git(two.root, "checkout", "--quiet", "f.txt")
    two.undo()
    assert set(content(two).values()) == {"1"}


def test_a_branch_that_somebody_is_at_work_on_stops_all(moved: GitClient, tmp_path: Path) -> None:
    two, before = moved, moved.heads()
    run_git(two.root, "worktree", "add", "--quiet", str(tmp_path / "linked"), "low")
    with pytest.raises(OperationError, match="low is checked out in"):
        two.undo()
    assert two.heads() == before


def test_a_branch_that_the_run_deleted_is_there_again(one: GitClient, two: GitClient) -> None:
    one.commit("topic", "t.txt", "t\n")
    ok(one.run())
    ok(two.run())
    run_git(one.root, "merge", "--quiet", "--no-edit", "topic")
    ok(one.run())
    run_git(one.hub, "branch", "-D", "topic")
    ok(two.run())
    assert "topic" not in two.heads()
    two.undo()
    assert run_git(two.root, "show", "topic:t.txt") == "t"


def test_a_run_that_could_not_send_is_the_one_that_is_taken_back(one: GitClient, moved: GitClient) -> None:
    two = moved
    two.commit("main", "mine.txt", "mine\n")
    one.commit("main", "f.txt", "3 main\n")
    ok(one.run())
    run_git(two.root, "config", "remote.origin.receivepack", "/bin/false")
    assert two.run().problem is not None
    run_git(two.root, "config", "--unset", "remote.origin.receivepack")
    assert two.undo().paths == {"main": ("f.txt",)}
    assert content(two) == {"main": "2", "high": "2", "low": "2"}
    assert (two.root / "mine.txt").read_text() == "mine\n"
