"""Both transports against real bare repositories on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.remote import transport, upstream
from gitsync.git.remote.results import PushKind, tracking_ref
from tests.conftest import run_git

pytestmark = pytest.mark.slow

BOTH = ("git", "libgit2")
T = 60.0


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "bare with spaces.git"
    run_git(tmp_path, "init", "-q", "--bare", str(path))
    return path


def commit(root: Path, name: str, text: str) -> str:
    (root / name).write_text(text)
    run_git(root, "add", name)
    run_git(root, "commit", "-q", "-m", name)
    return run_git(root, "rev-parse", "HEAD")


def clone(bare: Path, to: Path) -> Path:
    run_git(bare, "clone", "-q", str(bare), str(to))
    return to


@pytest.mark.parametrize("how", BOTH)
def test_round_trip(repo: Path, bare: Path, tmp_path: Path, how: str) -> None:
    run_git(repo, "remote", "add", "origin", str(bare))
    first = run_git(repo, "rev-parse", "HEAD")
    empty = transport.fetch(repo, "origin", "main", timeout_s=T, transport=how)
    assert (empty.upstream, empty.was, empty.is_empty_remote) == (None, None, True)
    assert transport.remote_head(repo, "origin", "main", timeout_s=T, transport=how) is None
    assert transport.push(repo, "origin", "main", first, timeout_s=T, transport=how).kind is PushKind.PUSHED
    assert run_git(bare, "rev-parse", "main") == first
    assert run_git(repo, "rev-parse", "refs/remotes/origin/main") == first
    assert transport.push(repo, "origin", "main", first, timeout_s=T, transport=how).kind is PushKind.UP_TO_DATE
    other = clone(bare, tmp_path / "other")
    second = commit(other, "b.txt", "two\n")
    run_git(other, "push", "-q")
    found = transport.fetch(repo, "origin", "main", timeout_s=T, transport=how)
    assert (found.upstream, found.was) == (second, first)
    assert run_git(repo, "rev-parse", "HEAD") == first, "a fetch moves no branch"
    assert transport.remote_head(repo, "origin", "main", timeout_s=T, transport=how) == second
    missing = transport.fetch(repo, "origin", "elsewhere", timeout_s=T, transport=how)
    assert (missing.upstream, missing.is_empty_remote) == (None, False)


@pytest.mark.parametrize("how", BOTH)
def test_crossing_pushes_are_rejected_and_overwrite_nothing(repo: Path, bare: Path, tmp_path: Path, how: str) -> None:
    run_git(repo, "remote", "add", "origin", str(bare))
    transport.push(repo, "origin", "main", run_git(repo, "rev-parse", "HEAD"), timeout_s=T, transport=how)
    other = clone(bare, tmp_path / "other")
    theirs = commit(other, "b.txt", "theirs\n")
    run_git(other, "push", "-q")
    ours = commit(repo, "c.txt", "ours\n")
    sent = transport.push(repo, "origin", "main", ours, timeout_s=T, transport=how)
    assert sent.kind is PushKind.REJECTED
    assert sent.problem is not None
    assert sent.problem.code in ("fetch-first", "non-fast-forward")
    assert run_git(bare, "rev-parse", "main") == theirs
    transport.fetch(repo, "origin", "main", timeout_s=T, transport=how)  # now it is known here: still no overwriting
    assert transport.push(repo, "origin", "main", ours, timeout_s=T, transport=how).kind is PushKind.REJECTED
    assert run_git(bare, "rev-parse", "main") == theirs


@pytest.mark.parametrize("how", BOTH)
def test_rewritten_remote_is_fetched_and_shows_in_was(repo: Path, bare: Path, how: str) -> None:
    run_git(repo, "remote", "add", "origin", str(bare))
    run_git(repo, "push", "-q", "origin", "main")
    old = run_git(repo, "rev-parse", "main")
    run_git(repo, "commit", "-q", "--amend", "-m", "other words")
    new = run_git(repo, "rev-parse", "main")
    run_git(repo, "push", "-q", "--force", str(bare), "main")
    found = transport.fetch(repo, "origin", "main", timeout_s=T, transport=how)
    assert (found.upstream, found.was) == (new, old)


@pytest.mark.parametrize("how", BOTH)
def test_remote_that_is_only_an_address(repo: Path, bare: Path, how: str) -> None:
    head = run_git(repo, "rev-parse", "HEAD")
    assert transport.push(repo, str(bare), "main", head, timeout_s=T, transport=how).kind is not PushKind.REJECTED
    found = transport.fetch(repo, str(bare), "main", timeout_s=T, transport=how)
    assert found.upstream == head
    assert tracking_ref(str(bare), "main").startswith("refs/gitsync/remotes/")
    assert run_git(repo, "rev-parse", tracking_ref(str(bare), "main")) == head


def test_remote_hook_declines(repo: Path, bare: Path) -> None:
    hook = bare / "hooks" / "update"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(OperationError) as caught:
        transport.push(repo, str(bare), "main", run_git(repo, "rev-parse", "HEAD"), timeout_s=T)
    assert caught.value.code == "refused"


def test_own_pre_push_hook_is_obeyed(repo: Path, bare: Path) -> None:
    hook = repo / ".git" / "hooks" / "pre-push"
    hook.write_text("#!/bin/sh\necho 'tests fail' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(OperationError) as caught:
        transport.push(repo, str(bare), "main", run_git(repo, "rev-parse", "HEAD"), timeout_s=T)
    assert caught.value.code == "refused"
    assert "tests fail" in caught.value.message
    assert run_git(bare, "for-each-ref") == ""


@pytest.mark.parametrize("how", BOTH)
def test_no_such_repository(repo: Path, tmp_path: Path, how: str) -> None:
    where, head = str(tmp_path / "nowhere.git"), run_git(repo, "rev-parse", "HEAD")
    for operation in (
        lambda: transport.fetch(repo, where, "main", timeout_s=T, transport=how),
        lambda: transport.push(repo, where, "main", head, timeout_s=T, transport=how),
        lambda: transport.remote_head(repo, where, "main", timeout_s=T, transport=how),
    ):
        with pytest.raises(OperationError) as caught:
            operation()
        assert caught.value.code == "not-found"
        assert str(repo) in caught.value.message


def test_fetch_takes_exactly_one_branch(repo: Path, bare: Path, tmp_path: Path) -> None:
    run_git(repo, "push", "-q", str(bare), "main", "main:side")
    other = tmp_path / "other"
    run_git(tmp_path, "init", "-q", str(other))
    run_git(other, "remote", "add", "origin", str(bare))
    transport.fetch(other, "origin", "main", timeout_s=T)
    assert run_git(other, "for-each-ref", "--format=%(refname)") == "refs/remotes/origin/main"
    assert not (other / ".git" / "FETCH_HEAD").exists()


def test_broken_objects_are_not_taken(repo: Path, bare: Path) -> None:
    run_git(repo, "push", "-q", str(bare), "main")
    blob = run_git(bare, "hash-object", "-w", "--stdin", input=b"[core]\n")
    tree = run_git(bare, "mktree", input=f"100644 blob {blob}\tx\n".encode())
    raw = b"100644 .git\0" + bytes.fromhex(blob)
    evil = run_git(bare, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", input=raw)
    assert tree != evil
    parent = run_git(bare, "rev-parse", "main")
    bad = run_git(bare, "commit-tree", evil, "-p", parent, "-m", "evil")
    run_git(bare, "update-ref", "refs/heads/main", bad)
    with pytest.raises(OperationError) as caught:
        transport.fetch(repo, str(bare), "main", timeout_s=T)
    assert caught.value.code == "fsck"
    assert evil in caught.value.message
    assert "fetch.fsck.hasDotgit" in caught.value.hint


# -- which remote, which branch --------------------------------------------------------------------------------


def test_without_a_remote(repo: Path) -> None:
    assert upstream.remote_for(repo, None, "main") is None


def test_origin_is_the_default_and_empty_means_none(repo: Path, bare: Path) -> None:
    run_git(repo, "remote", "add", "origin", str(bare))
    choice = upstream.remote_for(repo, None, "main")
    assert choice is not None
    assert (choice.remote, choice.branch, choice.has_upstream) == ("origin", "main", False)
    assert choice.tracking == "refs/remotes/origin/main"
    assert upstream.remote_for(repo, "", "main") is None


def test_upstream_of_another_name(repo: Path, bare: Path) -> None:
    run_git(repo, "remote", "add", "origin", str(bare))
    run_git(repo, "remote", "add", "hub", str(bare))
    run_git(repo, "config", "branch.main.remote", "hub")
    run_git(repo, "config", "branch.main.merge", "refs/heads/trunk/of it")
    choice = upstream.remote_for(repo, None, "main")
    assert choice is not None
    assert (choice.remote, choice.branch, choice.has_upstream) == ("hub", "trunk/of it", True)
    configured = upstream.remote_for(repo, "origin", "main")
    assert configured is not None
    assert (configured.remote, configured.branch, configured.has_upstream) == ("origin", "main", False)


def test_first_push_sets_the_upstream_once(repo: Path, bare: Path) -> None:
    run_git(repo, "remote", "add", "origin", str(bare))
    run_git(repo, "branch", "-m", "a.b/ü c".replace(" ", "-"))
    branch = run_git(repo, "symbolic-ref", "--short", "HEAD")
    upstream.set_upstream(repo, branch, "origin", "over-there")
    choice = upstream.remote_for(repo, None, branch)
    assert choice is not None
    assert (choice.remote, choice.branch, choice.has_upstream) == ("origin", "over-there", True)
    upstream.set_upstream(repo, branch, "origin", "elsewhere")
    assert upstream.remote_for(repo, None, branch) == choice, "what the user has is left"
