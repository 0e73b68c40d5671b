"""What status says of files that are committed, or are not, for a reason that people may not expect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.unit.git.conftest import commit, head_file, stage


@pytest.fixture
def excluding(repo: Path, tmp_path: Path) -> Iterator[Worktree]:
    opened = Worktree(repo, tmp_path / "other-notes", exclude=["a.*"])
    yield opened
    opened.close()


def test_a_repository_inside_is_named_once_with_the_choices(repo: Path, worktree: Worktree) -> None:
    run_git(repo, "init", "-q", "inner")
    for name in ("one", "two"):
        (repo / "inner" / name).write_text("x")
    stage(worktree, "inner/one", "inner/two")
    (line,) = worktree.remarks.lines
    assert line.startswith("inner is a repository of its own")
    assert all(choice in line for choice in ("submodule", ".gitignore", f"gitsyncctl watch {repo}/inner"))
    worktree.scan()
    assert worktree.remarks.lines == (line,)
    (repo / ".gitignore").write_text("inner/\n")
    worktree.scan()
    assert not worktree.remarks.lines


def test_an_ignore_rule_changes_nothing_for_a_tracked_file_and_that_is_said(repo: Path, worktree: Worktree) -> None:
    (repo / ".gitignore").write_text("a.txt\n")
    (repo / "a.txt").write_text("edited\n")
    commit(worktree)
    assert head_file(repo, "a.txt") == "edited"
    worktree.scan()
    (line,) = worktree.remarks.lines
    assert "a.txt" in line
    assert "rm --cached a.txt" in line


def test_exclude_stops_the_commits_of_a_tracked_file_and_that_is_said(repo: Path, excluding: Worktree) -> None:
    (repo / "a.txt").write_text("mine alone\n")
    (repo / "b.txt").write_text("for all\n")
    commit(excluding)
    assert head_file(repo, "a.txt") == "one"
    assert head_file(repo, "b.txt") == "for all"
    (line,) = excluding.remarks.lines
    assert "a.txt" in line
    assert "a.*" in line
    run_git(repo, "checkout", "-q", "a.txt")
    excluding.scan()
    assert not excluding.remarks.lines


def test_content_that_no_other_machine_could_fetch_is_held_back_by_name(repo: Path, worktree: Worktree) -> None:
    (repo / "d").mkdir()
    (repo / ".gitmodules").symlink_to("a.txt")
    (repo / "d/.gitattributes").write_text("*.txt " + "x" * 2042 + "\n")
    (repo / ".gitattributes").write_text("*.txt " + "x" * 2041 + "\n")
    staged = stage(worktree)
    assert [change.path for change in staged.changes] == [b".gitattributes"]
    whys = {item.path: item.why for item in staged.quarantined}
    assert set(whys) == {".gitmodules", "d/.gitattributes"}
    assert "2048 bytes" in whys["d/.gitattributes"]
    assert worktree.commit(staged, "what git fetches")
    run_git(repo, "fsck", "--strict")
