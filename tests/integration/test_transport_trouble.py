"""What a remote on this machine can have against a push or a fetch, brought about for real."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.remote import transport
from tests.conftest import run_git
from tests.needs import needs

T = 60.0


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "bare.git"
    run_git(tmp_path, "init", "-q", "--bare", str(path))
    return path


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A bare repository on a file system without room."""
    place = tmp_path / "small"
    place.mkdir()
    needs("mount")
    argv = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if subprocess.run(argv, check=False, capture_output=True, timeout=60).returncode != 0:
        pytest.skip("may not mount a file system")
    run_git(place, "init", "-q", "--bare", "--template=", "bare.git")
    yield place / "bare.git"
    subprocess.run(["umount", "--lazy", str(place)], check=True, timeout=60)


def push(repo: Path, where: Path, how: str) -> OperationError:
    with pytest.raises(OperationError) as caught:
        transport.push(repo, str(where), "main", run_git(repo, "rev-parse", "HEAD"), timeout_s=T, transport=how)
    return caught.value


def fetch(repo: Path, where: Path, how: str) -> OperationError:
    with pytest.raises(OperationError) as caught:
        transport.fetch(repo, str(where), "main", timeout_s=T, transport=how)
    return caught.value


BOTH = ("git", "libgit2")


@pytest.mark.parametrize("how", BOTH)
def test_a_full_disk_over_there(repo: Path, full: Path, how: str) -> None:
    (repo / "large").write_bytes(os.urandom(500_000))
    run_git(repo, "add", "large")
    run_git(repo, "commit", "-qm", "large")
    error = push(repo, full, how)
    assert error.code == "disk-full"
    assert run_git(full, "for-each-ref") == ""


def test_a_branch_that_is_checked_out_over_there(repo: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    run_git(tmp_path, "clone", "-q", str(repo), str(there))
    run_git(repo, "commit", "-q", "--allow-empty", "-m", "more")
    error = push(repo, there, "git")
    assert error.code == "checked-out"
    assert "checked out" in error.message


@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_a_hook_that_refuses_is_quoted(repo: Path, bare: Path, hook: str) -> None:
    (bare / "hooks" / hook).write_text("#!/bin/sh\necho 'GL006: You are not allowed here' >&2\nexit 1\n")
    (bare / "hooks" / hook).chmod(0o755)
    error = push(repo, bare, "git")
    assert error.code == "refused"
    assert "GL006: You are not allowed here" in error.message
    assert "Writing objects" not in error.message


def test_a_remote_that_takes_no_pushes_at_all(repo: Path, bare: Path) -> None:
    run_git(bare, "config", "receive.denyCreates", "true")
    run_git(bare, "config", "receive.maxInputSize", "10")
    assert push(repo, bare, "git").code in ("refused", "remote-corrupt")


@pytest.mark.parametrize("how", BOTH)
def test_a_broken_object_over_there(repo: Path, bare: Path, tmp_path: Path, how: str) -> None:
    run_git(repo, "push", "-q", str(bare), "main")
    blob = run_git(bare, "rev-parse", "main:a.txt")
    path = bare / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"not what it was")
    other = tmp_path / "other"
    run_git(tmp_path, "init", "-q", str(other))
    error = fetch(other, bare, how)
    assert error.code == "remote-corrupt", error.message
    assert "fsck" in error.hint


@pytest.mark.parametrize("how", BOTH)
def test_a_missing_object_over_there(repo: Path, bare: Path, tmp_path: Path, how: str) -> None:
    run_git(repo, "push", "-q", str(bare), "main")
    blob = run_git(bare, "rev-parse", "main:a.txt")
    (bare / "objects" / blob[:2] / blob[2:]).unlink()
    other = tmp_path / "other"
    run_git(tmp_path, "init", "-q", str(other))
    error = fetch(other, bare, how)
    assert error.code == "remote-corrupt", error.message


@pytest.mark.parametrize("how", BOTH)
def test_a_lock_that_somebody_left_over_there(repo: Path, bare: Path, how: str) -> None:
    (bare / "refs/heads/main.lock").touch()
    head = run_git(repo, "rev-parse", "HEAD")
    try:
        sent = transport.push(repo, str(bare), "main", head, timeout_s=T, transport=how)
    except OperationError as error:
        code = error.code
    else:
        code = sent.kind
    assert code in ("rejected", "locked", "remote-locked"), "either way it is tried again"
    assert run_git(bare, "for-each-ref") == ""


def test_what_leads_git_elsewhere_is_not_handed_on(repo: Path, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("GIT_NAMESPACE", "elsewhere")
    with monkeypatch.context() as clean:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            clean.delenv(name)
        head = run_git(repo, "rev-parse", "HEAD")
    assert transport.push(repo, str(bare), "main", head, timeout_s=T).problem is None
    assert transport.fetch(repo, str(bare), "main", timeout_s=T).upstream == head
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    assert run_git(bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
