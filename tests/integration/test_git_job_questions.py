"""What a git job asks about one branch: rewritten on the server, or the default branch under another name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.fakes.git_client import GitClient
from tests.fakes.job_client import codes, ok


@pytest.fixture
def rewritten(one: GitClient, two: GitClient) -> GitClient:
    """A client whose branch topic has a commit of its own, and on the server another history."""
    one.commit("topic", "t.txt", "t\n")
    one.commit("topic", "secret.txt", "oops\n")
    ok(one.run())
    ok(two.run())
    two.commit("topic", "mine.txt", "mine\n")
    run_git(one.root, "branch", "--force", "topic", "topic~1")
    one.commit("topic", "better.txt", "better\n")
    one.commit("main", "b.txt", "b\n")
    run_git(one.root, "push", "--quiet", "--force", "origin", "topic", "main")
    return two


def test_a_rewritten_branch_stops_only_itself(one: GitClient, rewritten: GitClient) -> None:
    two, before = rewritten, rewritten.heads()["topic"]
    two.commit("draft", "d.txt", "d\n")
    for _ in range(2):
        report = ok(two.run())
        assert not report.is_halting
        assert [question.branch for question in report.questions] == ["topic"]
        assert report.questions[0].answers == ("take", "keep", "leave")
        assert report.questions[0].count == 2
        assert ("topic", "remote-rewritten") in codes(report)
    assert two.heads()["topic"] == before
    assert two.heads()["main"] == one.heads()["main"]
    assert two.server_heads()["draft"] == two.heads()["draft"]
    run_git(two.root, "push", "--quiet", "--force", "origin", f"{before}^:refs/heads/topic")
    assert ok(two.run()).questions == (), "a question ends when its matter does"


def test_taking_the_servers_branch_keeps_the_commits_under_a_backup_ref(one: GitClient, rewritten: GitClient) -> None:
    two, before = rewritten, rewritten.heads()["topic"]
    ok(two.run())
    report = ok(two.run(answer="take"))
    assert ("topic", "taken") in codes(report)
    assert two.heads() == two.server_heads() == one.heads()
    kept = run_git(two.root, "for-each-ref", "--format=%(objectname)", "refs/gitsync/backup").split()
    assert before in kept
    assert ok(two.run()).items == ()


def test_taking_the_servers_branch_that_is_checked_out_brings_its_files(one: GitClient, rewritten: GitClient) -> None:
    two, before = rewritten, rewritten.heads()["topic"]
    run_git(two.root, "switch", "--quiet", "topic")
    (two.root / "notes.txt").write_text("not committed\n")
    (two.root / "mine.txt").write_text("edited\n")
    ok(two.run())
    report = ok(two.run(answer="take"))
    assert ("topic", "edited") in codes(report), "an edit is not overwritten"
    run_git(two.root, "checkout", "--quiet", "mine.txt")
    ok(two.run())
    assert two.heads()["topic"] == one.heads()["topic"], "the answer is remembered"
    assert not (two.root / "mine.txt").exists()
    assert (two.root / "better.txt").read_text() == "better\n"
    assert (two.root / "notes.txt").exists()
    assert run_git(two.root, "status", "--porcelain") == "?? notes.txt"
    assert before in run_git(two.root, "for-each-ref", "--format=%(objectname)", "refs/gitsync/backup").split()


def test_keeping_merges_the_two_and_sends_the_result(rewritten: GitClient) -> None:
    two = rewritten
    ok(two.run())
    ok(two.run(answer="keep"))
    assert two.server_heads() == two.heads()
    names = run_git(two.root, "ls-tree", "--name-only", "topic").split()
    assert {"mine.txt", "better.txt", "secret.txt"} <= set(names)
    assert ok(two.run()).questions == ()


def test_leaving_changes_nothing_until_the_server_moves_again(one: GitClient, rewritten: GitClient) -> None:
    two, before, there = rewritten, rewritten.heads()["topic"], rewritten.server_heads()["topic"]
    ok(two.run())
    for answer in ("leave", "", ""):
        report = ok(two.run(answer=answer))
        assert (report.items, report.questions) == ((), ())
        assert (two.heads()["topic"], two.server_heads()["topic"]) == (before, there)
    one.commit("topic", "again.txt", "again\n")
    run_git(one.root, "push", "--quiet", "origin", "topic")
    assert [question.branch for question in ok(two.run()).questions] == ["topic"]


def test_a_branch_that_was_set_back_is_not_sent_again_unasked(one: GitClient, two: GitClient) -> None:
    one.commit("topic", "t.txt", "t\n")
    ok(one.run())
    ok(two.run())
    run_git(one.root, "push", "--quiet", "--force", "origin", "main:topic")
    assert [question.branch for question in ok(two.run()).questions] == ["topic"]
    ok(two.run(answer="leave"))
    ok(two.run())
    assert two.server_heads()["topic"] == two.heads()["main"]


def rename(hub: Path, new: str = "trunk") -> None:
    run_git(hub, "branch", "--move", "main", new)
    run_git(hub, "symbolic-ref", "HEAD", f"refs/heads/{new}")


def test_a_default_branch_renamed_on_the_server_is_taken_after_one_answer(one: GitClient, two: GitClient) -> None:
    one.commit("main", "b.txt", "b\n")
    ok(one.run())
    two.commit("main", "mine.txt", "mine\n")
    rename(two.hub)
    for _ in range(2):
        report = ok(two.run())
        assert [(question.kind, question.branch) for question in report.questions] == [("branch", "main")]
        assert "trunk" in report.questions[0].message
        assert two.heads().keys() == {"main"}
    ok(two.run(answer="take"))
    assert two.heads().keys() == {"trunk"}
    assert run_git(two.root, "symbolic-ref", "--short", "HEAD") == "trunk"
    assert (two.root / "b.txt").exists()
    assert (two.root / "mine.txt").exists()
    assert run_git(two.root, "status", "--porcelain") == ""
    assert two.server_heads() == two.heads()
    assert ok(two.run()).items == ()


def test_a_default_branch_that_keeps_its_old_name_is_sent_again(one: GitClient, two: GitClient) -> None:
    rename(two.hub)
    ok(two.run())
    ok(two.run(answer="keep"))
    assert two.server_heads().keys() == two.heads().keys() == {"main", "trunk"}
    assert ok(two.run()).questions == ()


def test_both_names_of_a_renamed_default_branch_may_stay_here(one: GitClient, two: GitClient) -> None:
    rename(two.hub)
    ok(two.run())
    for answer in ("leave", ""):
        report = ok(two.run(answer=answer))
        assert report.questions == ()
    assert two.heads().keys() == {"main", "trunk"}
    assert two.server_heads().keys() == {"trunk"}
