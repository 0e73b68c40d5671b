"""What may not come into a work tree, however it was fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.errors import OperationError
from gitsync.git.merging import unsafe_trees
from gitsync.git.merging.plan import PlanKind, plan
from gitsync.git.objects.trees import TREE, TreeEntry, serialize
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git

BAD = [
    b".git",
    b".GIT",
    b".git ",
    b".git.",
    b"git~1",
    b"GIT~1",
    b".git::$INDEX_ALLOCATION",
    ".g\u200cit".encode(),
    ".\ufeffGiT".encode(),
    b".",
    b"..",
    b"",
    b"a/b",
    b".gitsync-tmp-0123",
    b"x" * 256,
]
GOOD = [b".gitignore", b".github", b"git", b"a\\b", b"\xff\xfe", b"new\nline", b" ", b"git~", b"...", b"x" * 255]


@pytest.mark.parametrize("name", BAD)
def test_refused_names(name: bytes) -> None:
    assert unsafe_trees.refusal(name)


@pytest.mark.parametrize("name", GOOD)
def test_names_that_are_fine(name: bytes) -> None:
    assert unsafe_trees.refusal(name) == ""


@given(st.text("agitGIT~1. _-:\n\u200c", max_size=8).map(str.encode) | st.binary(max_size=4))
def test_a_usual_name_is_fine_by_the_long_look_too(name: bytes) -> None:
    quick = unsafe_trees.refusal(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unsafe_trees, "_USUAL", re.compile(rb"(?!)"))
        assert unsafe_trees.refusal(name) == quick


@pytest.fixture
def worktree(repo: Path, tmp_path: Path) -> Iterator[Worktree]:
    made = Worktree(repo, tmp_path / "notes")
    yield made
    made.close()


def commit_tree(repo: Path, raw: bytes) -> str:
    """Store what git itself would refuse to make, on top of HEAD."""
    tree = run_git(repo, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", input=raw)
    return run_git(repo, "commit-tree", tree, "-p", "HEAD", "-m", "from elsewhere")


@pytest.mark.parametrize("name", [b".git", b"..", b"a/b", b".g\xe2\x80\x8cit", b"git~1"])
@pytest.mark.parametrize("is_deep", [False, True])
def test_a_tree_with_a_bad_name_is_not_taken_in(worktree: Worktree, repo: Path, name: bytes, is_deep: bool) -> None:
    blob = run_git(repo, "hash-object", "-w", "--stdin", input=b"evil")
    raw = serialize({name: TreeEntry(0o100644, blob)})
    if is_deep:
        tree = run_git(repo, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", input=raw)
        raw = serialize({b"deep": TreeEntry(TREE, tree)})
    with pytest.raises(OperationError) as caught:
        plan(worktree, commit_tree(repo, raw), None)
    assert caught.value.code == "unsafe-content"
    assert sorted(path.name for path in repo.iterdir()) == [".git", "a.txt"]


def test_a_bomb_is_counted_not_walked(worktree: Worktree, repo: Path) -> None:
    blob = run_git(repo, "hash-object", "-w", "--stdin", input=b"x")
    raw = serialize({b"%d" % n: TreeEntry(0o100644, blob) for n in range(10)})
    for _ in range(10):
        tree = run_git(repo, "hash-object", "-t", "tree", "-w", "--stdin", input=raw)
        raw = serialize({b"%d" % n: TreeEntry(TREE, tree) for n in range(10)})
    with pytest.raises(OperationError) as caught:
        plan(worktree, commit_tree(repo, raw), None)
    assert caught.value.code == "unsafe-content"


def test_names_that_differ_in_case_alone(worktree: Worktree, repo: Path) -> None:
    blob = run_git(repo, "hash-object", "-w", "--stdin", input=b"x")
    raw = serialize({b"a.txt": TreeEntry(0o100644, blob), b"A.txt": TreeEntry(0o100644, blob)})
    upstream = commit_tree(repo, raw)
    assert plan(worktree, upstream, None).kind is PlanKind.FAST_FORWARD
    run_git(repo, "config", "core.ignorecase", "true")
    with pytest.raises(OperationError) as caught:
        plan(worktree, upstream, None)
    assert caught.value.code == "unsafe-content"


def test_renames_are_followed(worktree: Worktree, repo: Path) -> None:
    (repo / "a.txt").write_text("".join(f"line {n}\n" for n in range(30)))
    run_git(repo, "commit", "-qam", "long")
    run_git(repo, "checkout", "-q", "-b", "side")
    run_git(repo, "mv", "a.txt", "b.txt")
    run_git(repo, "commit", "-qm", "renamed")
    upstream = run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "checkout", "-q", "main")
    with (repo / "a.txt").open("a") as stream:
        stream.write("ours\n")
    run_git(repo, "commit", "-qam", "longer")
    made = plan(worktree, upstream, None)
    assert made.kind is PlanKind.MERGE
    assert run_git(repo, "ls-tree", "--name-only", str(made.tree)) == "b.txt"
    assert run_git(repo, "show", f"{made.tree}:b.txt").endswith("ours")


def test_a_detached_head_has_no_plan(worktree: Worktree, repo: Path) -> None:
    run_git(repo, "checkout", "-q", "--detach")
    with pytest.raises(OperationError) as caught:
        plan(worktree, run_git(repo, "rev-parse", "HEAD"), None)
    assert caught.value.code == "detached"


def test_a_missing_upstream_is_an_error(worktree: Worktree) -> None:
    with pytest.raises(OperationError):
        plan(worktree, "1" * 40, None)
