"""What a git job does not do: the other direction, other branches, tags that differ, branches in linked work trees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gitsync.backends.git.setup import set_remote
from gitsync.errors import OperationError
from tests.conftest import run_git
from tests.fakes.git_client import GitClient
from tests.fakes.job_client import codes, ok


def test_push_and_pull_mean_what_they_say(one: GitClient, two: GitClient) -> None:
    one.commit("main", "b.txt", "b\n")
    ok(one.run())
    two.commit("side", "s.txt", "s\n")
    report = ok(two.run("pull"))
    assert ("main", "fast-forwarded") in codes(report)
    assert "side" not in two.server_heads()
    one.commit("main", "c.txt", "c\n")
    ok(one.run())
    before = two.heads()["main"]
    ok(two.run("push"))
    assert "side" in two.server_heads()
    assert two.heads()["main"] == before
    two.commit("main", "mine.txt", "m\n")
    report = ok(two.run("push"))
    assert ("main", "fetch-first") in codes(report)
    assert two.server_heads()["main"] == one.heads()["main"]


@pytest.mark.parametrize(
    ("branches", "sent"), [("current", {"main"}), (("main", "b"), {"main", "b"}), ("all", {"main", "a", "b"})]
)
def test_only_the_chosen_branches_are_synced(one: GitClient, branches: object, sent: set[str]) -> None:
    one.commit("a", "x", "a")
    one.commit("b", "x", "b")
    one.branches = branches
    ok(one.run())
    assert set(one.server_heads()) == sent


def test_a_missing_or_other_remote_is_set_and_told(one: GitClient, tmp_path: Path) -> None:
    run_git(one.root, "remote", "set-url", "origin", str(tmp_path / "elsewhere.git"))
    report = ok(one.run())
    assert ("", "remote-set") in codes(report)
    run_git(one.root, "remote", "remove", "origin")
    assert ("", "remote-set") in codes(ok(one.run()))
    assert run_git(one.root, "remote", "get-url", "origin") == str(one.hub)


def test_a_directory_that_holds_something_else_is_left_alone(tmp_path: Path, hub: Path, one: GitClient) -> None:
    three = GitClient.new(tmp_path, "three", hub)
    three.root.mkdir()
    (three.root / "file").write_text("mine")
    report = three.run()
    assert report.problem is not None
    assert report.problem.code == "no-repository"
    assert [path.name for path in three.root.iterdir()] == ["file"]


def test_tags_are_sent_and_fetched_and_never_moved(one: GitClient, two: GitClient) -> None:
    run_git(one.root, "tag", "-a", "-m", "first", "v1")
    ok(one.run())
    ok(two.run())
    assert run_git(two.root, "rev-parse", "v1") == run_git(one.root, "rev-parse", "v1")
    two.commit("main", "b.txt", "b\n")
    run_git(two.root, "tag", "-f", "v1", "HEAD")
    report = ok(two.run())
    assert ("v1", "tag-differs") in codes(report)
    assert run_git(two.hub, "rev-parse", "v1") == run_git(one.root, "rev-parse", "v1")


def test_a_branch_in_a_linked_work_tree_is_left_alone(one: GitClient, two: GitClient, tmp_path: Path) -> None:
    one.commit("topic", "t.txt", "t\n")
    ok(one.run())
    ok(two.run())
    run_git(two.root, "worktree", "add", "--quiet", str(tmp_path / "linked"), "topic")
    one.commit("topic", "t.txt", "changed\n")
    ok(one.run())
    report = ok(two.run())
    assert ("topic", "checked-out") in codes(report)
    assert (tmp_path / "linked/t.txt").read_text() == "t\n"
    assert run_git(tmp_path / "linked", "status", "--porcelain") == ""


def test_a_hook_that_refuses_one_branch_does_not_stop_the_others(one: GitClient) -> None:
    hook = one.hub / "hooks/update"
    hook.write_text('#!/bin/sh\ncase $1 in refs/heads/no*) echo "not this one" >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    one.commit("no-way", "x", "x")
    one.commit("fine", "y", "y")
    report = ok(one.run())
    assert "fine" in one.server_heads()
    assert "no-way" not in one.server_heads()
    assert ("no-way", "refused") in codes(report)
    assert report.needs_person


def test_a_branch_whose_name_has_a_line_separator_is_one_branch(one: GitClient, two: GitClient) -> None:
    """Python takes more for the end of a line than git does: such a branch was taken for main."""
    other = one.commit("other", "x", "not of main")
    odd = "main\u2028z"
    run_git(one.hub, "fetch", "--quiet", str(one.root), f"other:refs/heads/{odd}")
    before = two.heads()["main"]
    for client in (one, two, one, two):
        ok(client.run())
    assert two.heads() == {"main": before, "other": other, odd: other}
    assert one.server_heads() == two.heads()


def test_a_tree_without_end_is_not_walked_for_a_branch_that_is_not_checked_out(one: GitClient, two: GitClient) -> None:
    """Ten trees of ten names each stand for more files than anybody could count."""
    one.commit("side", "s.txt", "s\n")
    for client in (one, two):
        ok(client.run())
    mine = two.commit("side", "mine.txt", "m\n")
    entry = "100644 blob " + run_git(one.root, "rev-parse", "side:s.txt")
    for _ in range(11):
        listed = "".join(f"{entry}\t{name}\n" for name in "abcdefghij")
        entry = "040000 tree " + run_git(one.root, "mktree", input=listed.encode())
    tree = entry.split()[-1]
    bomb = run_git(one.root, "commit-tree", "-p", "side", "-m", "bomb", tree)
    # By hand: git itself would walk it to send it.
    (one.hub / "objects/info/alternates").write_text(f"{one.root / '.git/objects'}\n")
    run_git(one.hub, "update-ref", "refs/heads/side", bomb)
    report = two.run()
    assert ("side", "unsafe-content") in codes(report)
    assert two.heads()["side"] == mine


def test_of_two_branches_at_one_commit_that_went_from_the_server_one_stays(one: GitClient, two: GitClient) -> None:
    at = one.commit("draft", "d.txt", "nowhere else\n")
    run_git(one.root, "branch", "twin", "draft")
    for client in (one, two):
        ok(client.run())
    for name in ("draft", "twin"):
        run_git(one.hub, "branch", "-D", name)
    for client in (one, two, one, two):
        ok(client.run())
        assert [name for name, commit in client.heads().items() if commit == at] == ["twin"]


def test_another_server_is_no_reason_to_delete_what_it_never_had(one: GitClient, tmp_path: Path) -> None:
    one.commit("draft", "d.txt", "draft\n")
    run_git(one.root, "branch", "merged", "main")
    ok(one.run())
    seen = run_git(one.root, "rev-parse", "origin/draft")
    there = one.server_heads()
    hub = tmp_path / "new-hub.git"
    run_git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(hub))
    notes = tmp_path / "notes-of-the-new-pair"
    notes.mkdir()
    moved = replace(one, hub=hub, notes=notes)
    assert ("", "remote-set") in codes(ok(moved.run()))
    assert one.heads() == moved.server_heads() == there
    run_git(one.root, "branch", "-D", "draft")
    former = run_git(one.root, "for-each-ref", "--format=%(objectname) %(refname:lstrip=4)", "refs/gitsync/former")
    assert f"{seen} origin/draft" in former.split("\n")


def test_branches_that_cannot_be_beside_each_other_are_told(one: GitClient, two: GitClient) -> None:
    one.commit("x", "x.txt", "x\n")
    two.commit("x/y", "y.txt", "y\n")
    ok(one.run())
    report = ok(two.run())
    assert codes(report) == [("x", "name-taken"), ("x/y", "name-taken")]
    assert report.needs_person
    assert "branch -m x/y NAME" in report.items[0].hint
    assert "branch -m x/y NAME" in report.items[1].hint
    run_git(two.root, "branch", "-m", "x/y", "y")
    for client in (two, one):
        ok(client.run())
    assert one.heads() == two.heads() == one.server_heads()
    # Once one of them goes, there is room for the other.
    one.delete_branch("x")
    one.commit("x/z", "z.txt", "z\n")
    ok(one.run())
    assert one.server_heads().keys() == {"main", "y", "x/z"}


def test_the_repository_around_a_directory_is_not_the_jobs(one: GitClient, tmp_path: Path) -> None:
    inside = one.root / "notes"
    inside.mkdir()
    before = (one.root / ".git/config").read_text()
    job = replace(one.order().job, path=inside, url=str(tmp_path / "elsewhere.git"), user="Eve <eve@example.org>")
    with pytest.raises(OperationError, match="there is no repository"):
        set_remote(job)
    assert (one.root / ".git/config").read_text() == before
