"""What cannot be opened is named by what is wrong, with the command that ends it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pygit2
import pytest

from gitsync.errors import OperationError
from gitsync.git.files import storage_error
from gitsync.git.repository import CACHED_BYTES, OPEN_PACKS, head_of, open_repository
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.unit.git.conftest import commit


def refused(repo: Path) -> OperationError:
    with pytest.raises(OperationError) as caught:
        head_of(open_repository(str(repo)))
    return caught.value


def test_core_bare_beside_files(repo: Path) -> None:
    run_git(repo, "config", "core.bare", "true")
    error = refused(repo)
    assert "core.bare" in error.message
    run_git(repo, *error.hint.split()[3:])
    assert open_repository(str(repo)).workdir is not None


def test_refs_that_this_library_cannot_read(repo: Path) -> None:
    run_git(repo, "config", "core.repositoryFormatVersion", "1")
    run_git(repo, "config", "extensions.refStorage", "reftable")
    error = refused(repo)
    assert "reftable" in error.message
    assert "git refs migrate" in error.hint.replace(f"git -C {repo} ", "git ")


@pytest.mark.parametrize("name", ["HEAD", "packed-refs"])
@pytest.mark.parametrize("content", [b"", b"\0" * 41])
def test_a_damaged_file_is_named(repo: Path, name: str, content: bytes) -> None:
    run_git(repo, "pack-refs", "--all")
    if name == "packed-refs" and not content:
        pytest.skip("an empty one is whole")
    (repo / ".git" / name).write_bytes(content)
    error = refused(repo)
    assert error.code == "local-damage"
    assert str(repo / ".git" / name) in error.message
    if name == "HEAD":
        assert "ref: refs/heads/" in error.hint


def test_what_may_not_be_written_is_named_with_its_owner(tmp_path: Path) -> None:
    place = tmp_path / "heads"
    place.mkdir()
    os.lchown(place, 65534, 65534) if os.geteuid() == 0 else None
    error = storage_error("cannot move main", PermissionError(13, "Permission denied", str(place / "main.lock")))
    assert error.message.endswith(f"permission denied: {place}")
    assert "rm " not in error.hint
    assert "chown" in error.hint or os.geteuid() != 0


def test_a_link_that_git_refuses_is_left_out(repo: Path, worktree: Worktree) -> None:
    (repo / ".gitmodules").symlink_to("a.txt")
    (repo / "b.txt").write_text("b")
    assert commit(worktree)
    assert run_git(repo, "ls-tree", "--name-only", "HEAD").split() == ["a.txt", "b.txt"]


@pytest.mark.parametrize("how", ["squash", "checkout -m"])
def test_conflicts_are_called_by_what_left_them(repo: Path, worktree: Worktree, how: str) -> None:
    run_git(repo, "switch", "-q", "-c", "side")
    (repo / "a.txt").write_text("theirs\n")
    run_git(repo, "commit", "-qam", "theirs")
    run_git(repo, "switch", "-q", "main")
    (repo / "a.txt").write_text("mine\n")
    if how == "squash":
        run_git(repo, "commit", "-qam", "mine")
        run_git(repo, "merge", "--squash", "side", check=False)
    else:
        run_git(repo, "checkout", "-q", "-m", "side", check=False)
    assert worktree.facts().open_operation == ("squash" if how == "squash" else "conflicts")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_few_packs_are_open_at_a_time(repo: Path) -> None:
    commits = []
    for number in range(OPEN_PACKS + 4):
        run_git(repo, "commit", "-q", "--allow-empty", "-m", str(number))
        commits.append(run_git(repo, "rev-parse", "HEAD"))
        run_git(repo, "repack", "-q", "-d")
    opened = open_repository(os.path.realpath(repo))
    for each in commits * 2:
        assert opened[each].type == pygit2.enums.ObjectType.COMMIT
    names = [os.path.realpath(path) for path in Path("/proc/self/fd").iterdir()]
    assert 0 < sum(name.endswith(".pack") for name in names) <= OPEN_PACKS
    opened.free()


def test_core_bare_that_is_set_later_and_a_linked_work_tree_of_a_bare_repository(repo: Path, tmp_path: Path) -> None:
    worktree = Worktree(repo, tmp_path / "state")
    run_git(repo, "config", "core.bare", "true")
    with pytest.raises(OperationError) as caught:
        worktree.facts()
    assert (caught.value.code, "core.bare is set" in caught.value.message) == ("bare", True)
    run_git(repo, "config", "--unset", "core.bare")
    assert worktree.facts().branch == "main"
    worktree.close()
    run_git(tmp_path, "clone", "-q", "--bare", str(repo), "b.git")
    run_git(tmp_path / "b.git", "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    linked = Worktree(tmp_path / "linked", tmp_path / "state2")
    assert linked.facts().branch == "side"
    linked.close()


def test_what_libgit2_has_read_is_not_kept_for_ever(repo: Path) -> None:
    open_repository(str(repo))
    assert pygit2.settings.cached_memory[1] == CACHED_BYTES
