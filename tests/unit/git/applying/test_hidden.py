"""Files that git does not look at: a pull moves their entries, as git pull does, and leaves the files alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gitsync.git.applying.apply import OutcomeKind, apply
from gitsync.git.merging.plan import plan
from gitsync.git.rules.sparse import SparseCheckout
from gitsync.git.staging.worktree import StageRules, Worktree
from tests.conftest import run_git
from tests.unit.git.conftest import commit

pytestmark = pytest.mark.slow

PATHS = [
    f"{a}{b}{c}" for a in ("", "in/", "out/", "in/deep/", "out/in/") for b in ("x", "y") for c in (".txt", "/z.md")
]


def clone(tmp_path: Path) -> Path:
    """Return a clone of a repository with files in several directories."""
    far, here = tmp_path / "far", tmp_path / "here"
    run_git(tmp_path, "init", "-q", str(far))
    for path in PATHS:
        (far / path).parent.mkdir(parents=True, exist_ok=True)
        (far / path).write_text(f"{path}\n")
    run_git(far, "add", "-A")
    run_git(far, "commit", "-q", "-m", "first")
    run_git(tmp_path, "clone", "-q", str(far), str(here))
    return here


def pull(here: Path, far: Path, tmp_path: Path) -> None:
    """Let the far machine commit what it has, and take that in here."""
    run_git(far, "add", "-A")
    run_git(far, "commit", "-q", "-m", "theirs")
    run_git(here, "fetch", "-q")
    worktree = Worktree(here, tmp_path / "notes")
    upstream = run_git(here, "rev-parse", "origin/main")
    outcome = apply(worktree, plan(worktree, upstream, None), message="m")
    worktree.close()
    assert outcome.kind is OutcomeKind.DONE, outcome
    assert run_git(here, "rev-parse", "HEAD") == upstream


def on_disk(here: Path) -> set[str]:
    return {str(path.relative_to(here)) for path in here.rglob("*") if path.is_file() and ".git" not in path.parts}


@pytest.mark.parametrize("kind", ["plain", "sparse-index", "split", "version 4"])
def test_a_change_outside_of_a_sparse_checkout(tmp_path: Path, kind: str) -> None:
    here, far = clone(tmp_path), tmp_path / "far"
    run_git(here, "sparse-checkout", "set", "--cone", *(["--sparse-index"] if kind == "sparse-index" else []), "in")
    if kind == "split":
        run_git(here, "config", "core.splitIndex", "true")
        run_git(here, "update-index", "--split-index")
    if kind == "version 4":
        run_git(here, "update-index", "--index-version", "4")
    (far / "in/x.txt").write_text("changed\n")
    (far / "out/x.txt").write_text("changed\n")
    (far / "out/y.txt").unlink()
    (far / "out/new.txt").write_text("new\n")
    (far / "in/new.txt").write_text("new\n")
    pull(here, far, tmp_path)
    assert (here / "in/x.txt").read_text() == "changed\n"
    assert (here / "in/new.txt").exists()
    assert not (here / "out").exists()
    assert run_git(here, "status", "--porcelain") == ""
    assert run_git(here, "ls-files", "-t", "out/new.txt", "in/new.txt").splitlines() == [
        "H in/new.txt",
        "S out/new.txt",
    ]
    run_git(here, "fsck")
    worktree = Worktree(here, tmp_path / "notes")
    assert worktree.scan() == frozenset()
    assert commit(worktree) is None
    worktree.close()


def test_one_file_in_a_directory_that_is_one_entry_of_a_sparse_index(tmp_path: Path) -> None:
    here, far = clone(tmp_path), tmp_path / "far"
    run_git(here, "sparse-checkout", "set", "--cone", "--sparse-index", "in")
    (far / "out/in/x.txt").write_text("changed\n")
    pull(here, far, tmp_path)
    assert run_git(here, "status", "--porcelain") == ""
    assert run_git(here, "write-tree") == run_git(here, "rev-parse", "HEAD^{tree}")
    assert "out/" in run_git(here, "ls-files", "--sparse").splitlines()


def test_an_index_that_is_rebuilt_stays_sparse(tmp_path: Path) -> None:
    here = clone(tmp_path)
    run_git(here, "sparse-checkout", "set", "--cone", "in")
    (here / ".git/index").write_bytes(b"nothing")
    worktree = Worktree(here, tmp_path / "notes")
    worktree.begin_staging([], [], StageRules())
    worktree.close()
    assert run_git(here, "status", "--porcelain") == ""


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
@pytest.mark.parametrize("is_edited", [False, True])
def test_a_file_that_its_user_told_git_not_to_look_at(tmp_path: Path, flag: str, is_edited: bool) -> None:
    here, far = clone(tmp_path), tmp_path / "far"
    run_git(here, "update-index", flag, "in/x.txt")
    if is_edited:
        (here / "in/x.txt").write_text("only on this machine\n")
    (far / "in/x.txt").write_text("changed\n")
    (far / "in/y.txt").write_text("changed\n")
    pull(here, far, tmp_path)
    assert (here / "in/y.txt").read_text() == "changed\n"
    assert (here / "in/x.txt").read_text() == ("only on this machine\n" if is_edited else "changed\n")
    assert run_git(here, "ls-files", "-v", "in/x.txt")[0] in "Sh"
    assert run_git(here, "status", "--porcelain") == ""
    run_git(here, "update-index", flag.replace("--", "--no-"), "in/x.txt")
    assert run_git(here, "status", "--porcelain") == (" M in/x.txt" if is_edited else "")


def test_what_is_outside_is_what_git_leaves_out(tmp_path: Path) -> None:
    here = clone(tmp_path)
    draw = random.Random(3)
    parts = [
        "/*",
        "!/*/",
        "/in/",
        "out",
        "*.md",
        "!x",
        "/out/in",
        "in/deep/",
        "!/in/x.txt",
        "**/y",
        "y*",
        "# no",
        "[a-x].*",
        "/??/**",
    ]
    for number in range(40):
        if number % 2:
            run_git(here, "sparse-checkout", "set", "--cone", *draw.sample(["in", "out", "in/deep", "out/in"], 2))
        else:
            lines = draw.sample(parts, draw.randrange(1, 6))
            done = run_git(here, "sparse-checkout", "set", "--no-cone", "--stdin", input="\n".join(lines).encode())
            assert done == ""
        sparse = SparseCheckout(here)
        found = {path for path in PATHS if sparse.is_outside(path.encode())}
        skipped = {line[2:] for line in run_git(here, "ls-files", "-t").splitlines() if line.startswith("S ")}
        assert found == skipped, (here / ".git/info/sparse-checkout").read_text()
    run_git(here, "sparse-checkout", "disable")
    assert not SparseCheckout(here).is_on
