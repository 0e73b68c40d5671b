"""Objects that are not what they should be: told at once, and the repository's own trouble."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.objects.store import read_loose
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.unit.git.conftest import stage


def file_of(repo: Path, rev: str) -> Path:
    object_id = run_git(repo, "rev-parse", rev)
    path = repo / ".git/objects" / object_id[:2] / object_id[2:]
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("rev", ["HEAD", "HEAD^{tree}"])
@pytest.mark.parametrize("damage", ["cut short", "empty", "another"])
def test_a_damaged_object_is_told_and_never_waited_for(worktree: Worktree, repo: Path, rev: str, damage: str) -> None:
    path = file_of(repo, rev)
    data = path.read_bytes()
    other = file_of(repo, "HEAD:" + run_git(repo, "ls-tree", "--name-only", "HEAD").splitlines()[0]).read_bytes()
    path.write_bytes({"cut short": data[: len(data) // 2], "empty": b"", "another": other}[damage])
    with pytest.raises(OperationError) as caught:
        worktree.last_commit() if rev == "HEAD" else stage(worktree, "new.txt")
    assert caught.value.code == "missing-object"


def test_loose_objects_are_read_as_git_reads_them(repo: Path) -> None:
    for rev in ("HEAD", "HEAD^{tree}"):
        object_id = run_git(repo, "rev-parse", rev)
        kind = run_git(repo, "cat-file", "-t", object_id)
        found = read_loose(str(repo / ".git/objects"), object_id)
        assert found is not None
        assert found[0] == {"commit": 1, "tree": 2}[kind]
        assert len(found[1]) == int(run_git(repo, "cat-file", "-s", object_id))
    run_git(repo, "gc", "-q")
    assert read_loose(str(repo / ".git/objects"), object_id) is None
