"""A partial clone: what a pull, a merge or a comparison needs is asked for, as git does, and is not damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.errors import TransientError
from gitsync.git.applying.apply import OutcomeKind, apply
from gitsync.git.merging.plan import plan
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.needs import needs
from tests.unit.git.conftest import commit


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Return a repository with some history, and a clone without blobs of it."""
    far, here = tmp_path / "far", tmp_path / "here"
    run_git(tmp_path, "init", "-q", str(far))
    run_git(far, "config", "uploadpack.allowFilter", "true")
    run_git(far, "config", "uploadpack.allowAnySHA1InWant", "true")
    lines = "".join(f"{number}\n" for number in range(30))
    for text in ("0\n", lines):
        for name in ("a.txt", "b.txt", "d/c.txt"):
            (far / name).parent.mkdir(exist_ok=True)
            (far / name).write_text(name + text)
        run_git(far, "add", "-A")
        run_git(far, "commit", "-q", "-m", "more")
    run_git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{far}", str(here))
    return far, here


def take_in(here: Path, tmp_path: Path) -> None:
    run_git(here, "fetch", "-q")
    worktree = Worktree(here, tmp_path / "notes")
    try:
        outcome = apply(worktree, plan(worktree, run_git(here, "rev-parse", "origin/main"), None), message="m")
    finally:
        worktree.close()
    assert outcome.kind is OutcomeKind.DONE, outcome


def theirs(far: Path) -> None:
    (far / "a.txt").write_text((far / "a.txt").read_text() + "theirs\n")
    (far / "new.txt").write_text("new\n")
    run_git(far, "mv", "d", "e")
    run_git(far, "add", "-A")
    run_git(far, "commit", "-q", "-m", "theirs")


def test_a_pull_fetches_what_it_writes(pair: tuple[Path, Path], tmp_path: Path) -> None:
    far, here = pair
    theirs(far)
    take_in(here, tmp_path)
    assert (here / "a.txt").read_text().endswith("theirs\n")
    assert (here / "e/c.txt").exists()
    assert run_git(here, "status", "--porcelain") == ""


def test_a_merge_fetches_what_it_compares(pair: tuple[Path, Path], tmp_path: Path) -> None:
    far, here = pair
    theirs(far)
    (here / "a.txt").write_text("mine\n" + (here / "a.txt").read_text())
    (here / "d/c.txt").write_text("mine\n" + (here / "d/c.txt").read_text())
    worktree = Worktree(here, tmp_path / "notes")
    assert commit(worktree)
    worktree.close()
    take_in(here, tmp_path)
    assert (here / "a.txt").read_text().startswith("mine\n")
    assert (here / "a.txt").read_text().endswith("theirs\n")
    assert (here / "e/c.txt").read_text().startswith("mine\n")
    assert run_git(here, "status", "--porcelain") == ""


def test_a_remote_that_is_away_is_waited_for(pair: tuple[Path, Path], tmp_path: Path) -> None:
    needs("ssh")
    far, here = pair
    theirs(far)
    run_git(here, "fetch", "-q")
    run_git(here, "config", "remote.origin.url", "ssh://git@127.0.0.1:9/nowhere.git")
    with pytest.raises(TransientError) as caught:
        take_in_known(here, tmp_path)
    assert caught.value.code == "offline"
    assert "partial clone" in caught.value.message


def take_in_known(here: Path, tmp_path: Path) -> None:
    worktree = Worktree(here, tmp_path / "notes")
    try:
        apply(worktree, plan(worktree, run_git(here, "rev-parse", "origin/main"), None), message="m")
    finally:
        worktree.close()
