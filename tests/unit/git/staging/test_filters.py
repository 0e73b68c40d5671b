"""Files that git stores in another form: the same blob as `git add`, or nothing and the reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitsync.git.staging.stage import BIG
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git
from tests.unit.git.conftest import stage


def tree_by_git(repo: Path) -> str:
    """What git itself makes of all the files."""
    aside = repo.parent / "aside-index"
    os.environ["GIT_INDEX_FILE"] = str(aside)
    try:
        run_git(repo, "add", "-A")
        return run_git(repo, "write-tree")
    finally:
        del os.environ["GIT_INDEX_FILE"]
        aside.unlink()


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        "* text=auto",
        "*.txt text",
        "*.txt -text",
        "*.txt binary",
        "*.txt eol=crlf",
        "*.txt ident",
        "*.txt filter=up",
    ],
)
def test_the_blob_is_the_one_git_makes(repo: Path, worktree: Worktree, attributes: str) -> None:
    run_git(repo, "config", "filter.up.clean", "tr a-z A-Z")
    (repo / ".gitattributes").write_text(attributes + "\n")
    for number, content in enumerate([b"a\r\nb\r\n", b"a\r\nb\n", b"plain\n", b"\0\r\n", b"$Id: 1 $\n"]):
        for name in (b"x%d.txt", b"\xff\n%d.txt", b"-d/-%d.txt"):
            path = os.path.join(os.fsencode(repo), name % number)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as stream:
                stream.write(content)
    staged = stage(worktree)
    assert len(staged.changes) >= 16
    assert worktree.commit(staged, "x")
    assert run_git(repo, "rev-parse", "HEAD^{tree}") == tree_by_git(repo)
    assert run_git(repo, "status", "--porcelain") == ""


@pytest.mark.parametrize("place", ["info", "deep", "autocrlf", "global"])
def test_attributes_count_wherever_they_are(
    repo: Path, worktree: Worktree, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "d/e").mkdir(parents=True)
    (repo / "d/e/x").write_bytes(b"a\r\n")
    if place == "info":
        (repo / ".git/info").mkdir(exist_ok=True)
        (repo / ".git/info/attributes").write_text("* text\n")
    elif place == "deep":
        (repo / "d/.gitattributes").write_text("x text\n")
    elif place == "autocrlf":
        run_git(repo, "config", "core.autocrlf", "input")
    else:
        run_git(repo, "config", "core.attributesFile", str(repo.parent / "attributes"))
        (repo.parent / "attributes").write_text("* text\n")
    (change,) = stage(worktree, "d/e/x").changes
    assert change.entry is not None
    assert change.entry.id == run_git(repo, "hash-object", "--stdin", input=b"a\n")


def test_utf_16_is_stored_as_utf_8(repo: Path, worktree: Worktree) -> None:
    (repo / ".gitattributes").write_text("*.u text working-tree-encoding=UTF-16\n")
    (repo / "x.u").write_text("grüß\n", encoding="utf-16")
    assert worktree.commit(stage(worktree, "x.u", ".gitattributes"), "x")
    assert run_git(repo, "show", "HEAD:x.u") == "grüß"
    (repo / "x.u").write_bytes(b"no utf-16!\n")
    staged = stage(worktree, "x.u")
    assert not staged.changes
    assert [problem.code for problem in staged.problems] == ["filter"]


@pytest.mark.parametrize("command", [None, "false", "no-such-program-at-all clean"])
def test_a_filter_that_is_missing_or_fails_stores_nothing(repo: Path, worktree: Worktree, command: str | None) -> None:
    (repo / ".gitattributes").write_text("*.bin filter=lfs\n")
    if command is not None:
        run_git(repo, "config", "filter.lfs.clean", command)
    (repo / "x.bin").write_bytes(b"large")
    (repo / "a.txt").write_text("two")
    staged = stage(worktree, "x.bin", "a.txt", ".gitattributes")
    assert [change.path for change in staged.changes] == [b".gitattributes", b"a.txt"]
    (problem,) = staged.problems
    assert problem.code == "filter"
    assert "x.bin" in problem.message
    assert "lfs" in problem.message
    assert dict(staged.unreadable)[b"x.bin"], "it is looked at again"
    ((path, why),) = [(item.path, item.why) for item in staged.quarantined]
    assert path == "x.bin"
    assert why.startswith("filter: ")
    assert worktree.commit(staged, "x")


def test_large_files_are_filtered_as_well(repo: Path, worktree: Worktree) -> None:
    run_git(repo, "config", "filter.up.clean", "tr a-z A-Z")
    (repo / ".gitattributes").write_text("*.bin filter=up\n")
    (repo / "x.bin").write_text("large" * (BIG // 4))
    (repo / "y.txt").write_bytes(b"raw\r\n" * (BIG // 4))
    staged = stage(worktree, "x.bin", "y.txt")
    assert worktree.commit(staged, "x")
    assert run_git(repo, "show", "HEAD:x.bin") == "LARGE" * (BIG // 4)
    assert run_git(repo, "rev-parse", "HEAD:y.txt") == run_git(repo, "hash-object", "--no-filters", "y.txt")
