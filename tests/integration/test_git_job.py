"""Jobs done by git: three clients and a server, every branch and tag, without a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.backends.base import Level
from tests.conftest import run_git
from tests.fakes.git_client import GitClient
from tests.fakes.job_client import codes, ok


def test_a_missing_repository_is_cloned_with_its_identity(tmp_path: Path, hub: Path, one: GitClient) -> None:
    one.commit("draft", "d.txt", "draft\n")
    run_git(one.root, "tag", "v1", "main")
    ok(one.run())
    two = GitClient.new(tmp_path, "deep/two", hub, user="Ada Lovelace <ada@example.org>")
    report = ok(two.run("pull"))
    assert ("", "cloned") in codes(report)
    assert (two.root / "a.txt").read_text() == "one\ntwo\nthree\n"
    assert two.heads() == one.heads()
    assert run_git(two.root, "config", "user.email") == "ada@example.org"
    assert run_git(two.root, "status", "--porcelain") == ""
    assert run_git(two.root, "rev-parse", "--abbrev-ref", "main@{upstream}") == "origin/main"
    assert run_git(two.root, "rev-parse", "v1") == run_git(one.root, "rev-parse", "v1")
    assert ok(two.run()).items == ()


def test_new_changed_and_merged_branches_reach_every_client(one: GitClient, two: GitClient) -> None:
    one.commit("topic", "t.txt", "topic\n")
    two.commit("side", "s.txt", "side\n")
    two.commit("main", "b.txt", "b\n")
    for client in (one, two, one, two):
        ok(client.run())
    assert one.heads() == two.heads() == one.server_heads()
    assert set(one.heads()) == {"main", "topic", "side"}
    # Both go on with a branch that neither has checked out.
    one.commit("topic", "t1.txt", "1\n")
    two.commit("topic", "t2.txt", "2\n")
    current = run_git(one.root, "rev-parse", "HEAD")
    for client in (one, two, one):
        ok(client.run())
    assert one.heads() == two.heads() == one.server_heads()
    assert set(run_git(one.root, "ls-tree", "--name-only", "topic").split()) >= {"t1.txt", "t2.txt", "t.txt"}
    assert run_git(one.root, "rev-parse", "HEAD") == current
    assert run_git(one.root, "symbolic-ref", "--short", "HEAD") == "main"
    assert run_git(two.root, "status", "--porcelain") == ""


def test_what_both_changed_is_kept_twice_in_a_branch_that_is_not_checked_out(one: GitClient, two: GitClient) -> None:
    one.commit("topic", "t.txt", "base\n")
    ok(one.run())
    ok(two.run())
    one.commit("topic", "t.txt", "by one\n")
    two.commit("topic", "t.txt", "by two\n")
    ok(one.run())
    report = ok(two.run())
    assert report.needs_person
    ok(one.run())
    assert one.heads() == two.heads()
    names = run_git(one.root, "ls-tree", "--name-only", "topic").split()
    copies = [name for name in names if name.startswith("t.conflict-")]
    texts = {run_git(one.root, "show", f"topic:{name}") for name in ("t.txt", *copies)}
    assert texts == {"by one", "by two"}

    label = f"topic:{copies[0]}"
    for _ in range(2):
        report = ok(two.run())
        assert report.conflicts == (label,), "it stays in conflict until somebody settles it"
        assert (label, "conflict") in codes(report)
    run_git(two.root, "switch", "--quiet", "topic")
    assert ok(two.run()).conflicts == (copies[0],)
    run_git(two.root, "rm", "--quiet", copies[0])
    run_git(two.root, "commit", "--quiet", "-m", "settled")
    assert ok(two.run()).conflicts == ()


def test_the_branch_that_is_checked_out_goes_through_the_applier(one: GitClient, two: GitClient) -> None:
    one.commit("main", "a.txt", "one\ntwo\nTHREE\n")
    two.commit("main", "a.txt", "ONE\ntwo\nthree\n")
    for client in (one, two, one):
        ok(client.run())
    assert (one.root / "a.txt").read_text() == (two.root / "a.txt").read_text() == "ONE\ntwo\nTHREE\n"
    assert run_git(one.root, "status", "--porcelain") == ""


def test_edits_that_are_not_committed_are_never_overwritten(one: GitClient, two: GitClient) -> None:
    one.commit("main", "a.txt", "from one\n")
    one.commit("topic", "t.txt", "t\n")
    ok(one.run())
    (two.root / "a.txt").write_text("an edit\n")
    report = ok(two.run())
    assert (two.root / "a.txt").read_text() == "an edit\n"
    assert ("main", "edited") in codes(report)
    assert ("topic", "created") in codes(report)
    assert report.needs_person
    run_git(two.root, "commit", "--quiet", "-am", "mine")
    report = ok(two.run())
    assert ("main", "merged") in codes(report)
    kept = {path.read_text() for path in two.root.glob("a*.txt")}
    assert kept == {"an edit\n", "from one\n"}


def test_a_branch_deleted_on_the_server_goes_where_that_loses_nothing(one: GitClient, two: GitClient) -> None:
    for name in ("merged", "unmerged"):
        one.commit(name, f"{name}.txt", name)
    ok(one.run())
    ok(two.run())
    run_git(one.root, "merge", "--quiet", "--no-edit", "merged")
    two.commit("unmerged", "more.txt", "only here\n")
    ok(one.run())
    run_git(one.hub, "branch", "-D", "merged", "unmerged")
    report = ok(two.run())
    assert "merged" not in two.heads()
    assert "unmerged" in two.heads()
    assert ("merged", "deleted") in codes(report)
    assert ("unmerged", "gone") in codes(report)
    gone = next(item for item in report.items if item.code == "gone")
    assert gone.level is Level.ATTENTION
    assert "delete-branch" in gone.hint
    assert "unmerged" not in two.server_heads()
    assert ("unmerged", "gone") in codes(ok(two.run())), "it is told until it is settled"


def test_the_principal_branch_is_never_deleted(one: GitClient, two: GitClient) -> None:
    one.commit("other", "o.txt", "o\n")
    run_git(one.root, "branch", "-f", "other", "other")
    ok(one.run())
    ok(two.run())
    run_git(two.hub, "update-ref", "-d", "refs/heads/main")
    report = ok(two.run())
    assert ("main", "gone") in codes(report)
    assert "main" in two.heads()


def test_a_server_that_lost_all_its_branches_halts(one: GitClient, two: GitClient) -> None:
    run_git(one.hub, "update-ref", "-d", "refs/heads/main")
    report = two.run()
    assert report.is_halting
    assert report.problem is not None
    assert report.problem.code == "remote-emptied"
    assert "main" in two.heads()
    ok(two.run(answer="accept"))
    assert two.server_heads() == two.heads()


def test_a_deleted_branch_is_deleted_on_the_server_and_does_not_come_back(
    one: GitClient, two: GitClient, tmp_path: Path
) -> None:
    one.commit("topic", "t.txt", "t\n")
    ok(one.run())
    ok(two.run())
    item = one.delete_branch("topic")
    assert "topic" not in one.heads()
    assert "branch topic" in item.hint
    ok(one.run("pull"))
    assert "topic" not in one.heads(), "a pull alone neither deletes it there nor brings it back"
    report = ok(one.run())
    assert ("topic", "deleted-there") in codes(report)
    assert "topic" not in one.server_heads()
    run_git(two.root, "branch", "backup", "topic")
    ok(two.run())
    assert "topic" not in two.heads()
    for client in (one, two, one):
        ok(client.run())
    assert "topic" not in one.server_heads()


def test_a_deleted_branch_that_somebody_worked_on_comes_back(one: GitClient, two: GitClient) -> None:
    one.commit("topic", "t.txt", "t\n")
    ok(one.run())
    ok(two.run())
    one.delete_branch("topic")
    two.commit("topic", "more.txt", "more\n")
    ok(two.run())
    report = ok(one.run())
    assert ("topic", "revived") in codes(report)
    assert one.heads()["topic"] == two.heads()["topic"]
    assert ok(one.run()).items == ()


@pytest.mark.parametrize(("branch", "what"), [("main", "checked out"), ("nowhere", "has no branch")])
def test_what_cannot_be_deleted_is_told(one: GitClient, branch: str, what: str) -> None:
    from gitsync.errors import OperationError

    with pytest.raises(OperationError, match=what):
        one.delete_branch(branch)
    assert "main" in one.heads()
