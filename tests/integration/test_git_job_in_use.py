"""What a git job leaves alone and says so: branches that somebody is at work on, locks, filters that fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitsync.backends.base import Level, Report, urgent_at_last
from gitsync.git import dead_locks
from gitsync.git.remote.branches_in_use import BranchUse, branches_in_use
from tests.conftest import run_git
from tests.fakes.git_client import GitClient
from tests.fakes.job_client import codes, ok
from tests.needs import needs_every_process


def item_of(report: Report, code: str) -> tuple[str, Level, str]:
    found = next(item for item in report.items if item.code == code)
    return found.subject, found.level, f"{found.message}; {found.hint}"


def test_a_branch_that_is_being_rebased_is_left_alone(one: GitClient, two: GitClient) -> None:
    two.commit("main", "a.txt", "mine\n")
    one.commit("main", "a.txt", "theirs\n")
    one.commit("topic", "t.txt", "t\n")
    ok(one.run())
    run_git(two.root, "pull", "--quiet", "--rebase", "origin", "main", check=False)
    here, there = two.heads(), two.server_heads()
    report = ok(two.run())
    assert item_of(report, "busy")[:2] == ("main", Level.WAITING)
    assert "rebase" in item_of(report, "busy")[2]
    assert two.heads() == {**here, "topic": there["topic"]}
    assert two.server_heads() == there
    (two.root / "a.txt").write_text("both\n")
    run_git(two.root, "add", "a.txt")
    run_git(two.root, "-c", "core.editor=true", "rebase", "--continue")
    assert run_git(two.root, "symbolic-ref", "--short", "HEAD") == "main"
    ok(two.run())
    assert two.server_heads() == two.heads()


def test_branches_in_the_middle_of_something_are_known(one: GitClient, tmp_path: Path) -> None:
    for name in ("low", "high", "hunted", "linked"):
        one.commit(name, f"{name}.txt", "1\n")
    root = one.root
    run_git(root, "worktree", "add", "--quiet", str(tmp_path / "linked"), "linked")
    run_git(root, "worktree", "add", "--quiet", str(tmp_path / "gone"), "low")
    shutil.rmtree(tmp_path / "gone")
    run_git(root, "worktree", "add", "--quiet", str(tmp_path / "hunt"), "hunted")
    run_git(tmp_path / "hunt", "bisect", "start", "hunted", "main")
    run_git(root, "worktree", "prune")
    run_git(root, "switch", "--quiet", "high")
    run_git(root, "branch", "--force", "low", "high~1")
    run_git(root, "-c", "sequence.editor=sed -i 1ibreak", "rebase", "--update-refs", "--interactive", "main~0")
    uses = branches_in_use(root)
    assert uses["linked"] == BranchUse(str(tmp_path / "linked"))
    assert uses["high"] == BranchUse(os.path.realpath(root), "rebase")
    assert uses["hunted"].operation == "bisect"
    assert "main" not in uses
    run_git(root, "rebase", "--abort")
    run_git(tmp_path / "hunt", "bisect", "reset")
    assert branches_in_use(root).keys() == {"linked", "hunted"}


def test_a_work_tree_whose_directory_is_gone_holds_no_branch(one: GitClient, two: GitClient, tmp_path: Path) -> None:
    one.commit("side", "s.txt", "1\n")
    ok(one.run())
    ok(two.run())
    run_git(two.root, "worktree", "add", "--quiet", str(tmp_path / "gone"), "side")
    one.commit("side", "s.txt", "2\n")
    ok(one.run())
    report = ok(two.run())
    assert item_of(report, "checked-out")[:2] == ("side", Level.ATTENTION)
    shutil.rmtree(tmp_path / "gone")
    assert ("side", "fast-forwarded") in codes(ok(two.run()))
    assert two.heads() == one.heads()


def test_a_child_that_was_killed_alone_leaves_no_lock(
    one: GitClient, two: GitClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_every_process()
    monkeypatch.setattr(dead_locks, "HELD_S", 0.2)
    one.commit("main", "b.txt", "b\n")
    ok(one.run())
    lock, hook = two.root / ".git/refs/remotes/origin/main.lock", two.root / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n[ ! -e {lock} ] || kill -9 $PPID\n")
    hook.chmod(0o755)
    killed = two.run()
    hook.unlink()
    assert killed.problem is not None
    assert not lock.exists()
    ok(two.run())
    assert (two.root / "b.txt").exists()


@pytest.mark.parametrize("name", ["index.lock", "refs/heads/main.lock"])
def test_a_lock_that_a_dead_git_left_is_named_and_is_an_error(one: GitClient, two: GitClient, name: str) -> None:
    one.commit("main", "b.txt", "b\n")
    ok(one.run())
    lock = two.root / ".git" / name
    lock.touch()
    report = ok(two.run())
    assert report.items[0].level is Level.WAITING, "a git that is at work holds it for moments"
    os.utime(lock, (1, 1))
    report = ok(two.run())
    if lock.exists():  # else it was older than the machine's start, and was removed
        assert report.items[0].level is Level.ATTENTION
        assert name in report.items[0].message + report.items[0].hint
        lock.unlink()
        report = ok(two.run())
    assert ("main", "fast-forwarded") in codes(report)


def test_what_waits_for_three_runs_is_a_persons(one: GitClient, two: GitClient) -> None:
    one.commit("main", "b.txt", "b\n")
    ok(one.run())
    (two.root / ".git/index.lock").touch()
    waited: object = None
    for level in (Level.WAITING, Level.WAITING, Level.ATTENTION, Level.ATTENTION):
        items, waited = urgent_at_last(ok(two.run()).items, waited)
        assert items[0].level is level
    (two.root / ".git/index.lock").unlink()
    items, waited = urgent_at_last(ok(two.run()).items, waited)
    assert (items[0].level, waited) == (Level.DONE, {})


def test_a_required_filter_that_fails_is_an_error(one: GitClient, two: GitClient) -> None:
    one.commit("main", ".gitattributes", "*.bin filter=locked\n")
    one.commit("main", "x.bin", "cipher\n")
    one.commit("topic", "t.txt", "t\n")
    ok(one.run())
    for key, value in (("smudge", "false"), ("clean", "cat"), ("required", "true")):
        run_git(two.root, "config", f"filter.locked.{key}", value)
    report = ok(two.run())
    needy = next(item for item in report.items if item.subject == "main")
    assert needy.level is Level.ATTENTION
    assert "x.bin" in needy.message
    assert "topic" in two.heads()
