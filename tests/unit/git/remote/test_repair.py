"""Objects that a power cut left empty are fetched again, where the remote has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.git.remote.repair import ASIDE, damaged, repair
from tests.conftest import run_git


def spoil(root: Path, rev: str) -> Path:
    name = run_git(root, "rev-parse", rev)
    path = root / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(b"")
    return path


def mend(root: Path, said: str = "") -> list[str]:
    return repair(root, "origin", damaged(root, said), timeout_s=20.0, is_cancelled=lambda: False)


@pytest.fixture
def shared(repo: Path, tmp_path: Path) -> Path:
    """A repository whose branch the remote has."""
    run_git(tmp_path, "init", "-q", "--bare", "hub.git")
    run_git(repo, "remote", "add", "origin", "../hub.git")
    run_git(repo, "push", "-q", "origin", "main")
    return repo


def test_what_the_remote_has_is_fetched_again(shared: Path) -> None:
    assert mend(shared) == []
    names = {run_git(shared, "rev-parse", rev) for rev in ("HEAD", "HEAD^{tree}")}
    for rev in ("HEAD^{tree}", "HEAD"):
        spoil(shared, rev)
    assert set(mend(shared)) == names
    assert run_git(shared, "fsck", "--strict") == ""
    assert {path.name for path in (shared / ".git" / ASIDE).iterdir()} == names
    assert not list((shared / ".git").glob(".gitsync-tmp-*"))


def test_a_damaged_file_that_is_named_is_fetched_again(shared: Path) -> None:
    path = spoil(shared, "HEAD^{tree}")
    path.write_bytes(b"garbage")
    assert mend(shared) == []
    assert len(mend(shared, f"the object file {path} is damaged")) == 1
    assert run_git(shared, "fsck", "--strict") == ""


def test_what_the_remote_has_not_stays_as_it_is(shared: Path) -> None:
    (shared / "mine.txt").write_text("mine\n")
    run_git(shared, "add", ".")
    run_git(shared, "commit", "-qm", "mine")
    path = spoil(shared, "HEAD:mine.txt")
    assert mend(shared) == []
    assert path.read_bytes() == b""
