"""Real input: histories replayed into a watched work tree; after each step the committed tree is the original's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for

PROJECT = Path(__file__).resolve().parents[2]
STEPS = 40
SKIPPED = shutil.ignore_patterns("__pycache__", "site-packages", "dist-packages", "config-*", "*.so", "*.a", "idlelib")


def git_beside(git_dir: Path, root: Path, index: Path, *argv: str) -> str:
    """Run git with the object store of one repository, the work tree of another and an index of its own."""
    env = {**os.environ, "GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(root), "GIT_INDEX_FILE": str(index)}
    done = subprocess.run(["git", *argv], check=True, capture_output=True, text=True, env=env, cwd=root, timeout=120)
    return done.stdout.strip()


def wait_tree(box: Machine, root: Path, tree: str, step: str) -> None:
    def is_there() -> bool:
        return run_git(root, "rev-parse", "-q", "--verify", "HEAD^{tree}", check=False) == tree

    try:
        wait_for(f"{step}: tree {tree}", is_there, 60)
    except AssertionError as error:
        differs = run_git(root, "diff", "--stat", "HEAD", tree, check=False)
        raise AssertionError(f"{error}\n{differs}\n{box.log.read_text()[-3000:]}") from None


def empty_repo(box: Machine, name: str) -> Path:
    root = box.home / name
    root.mkdir()
    run_git(root, "init", "-q")
    return root


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_this_projects_own_history(box: Machine, tmp_path: Path) -> None:
    if not (PROJECT / ".git").exists():
        assert not os.environ.get("CI"), "the project's own history is needed; test in a clone"
        pytest.skip("no history: not a clone")
    commits = run_git(PROJECT, "rev-list", "--first-parent", "HEAD").split()[:STEPS][::-1]
    root = empty_repo(box, "replay")
    # What the project ignores is ignored in the replay too; nothing here depends on files outside its history.
    box.configure(root, quiet="50ms", extra='secrets = "off"\nbrake_deletes = 1.0\n')
    box.start()
    git_dir, index = PROJECT / ".git", tmp_path / "index"
    before = run_git(PROJECT, "hash-object", "-t", "tree", "/dev/null")
    for commit in commits:
        git_beside(git_dir, root, index, "read-tree", "-m", "-u", before, commit)
        tree = run_git(PROJECT, "rev-parse", f"{commit}^{{tree}}")
        wait_tree(box, root, tree, run_git(PROJECT, "log", "-1", "--format=%h %s", commit))
        before = commit
    assert run_git(root, "status", "--porcelain") == ""
    assert run_git(root, "fsck", "--strict") == ""


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_tree_of_the_standard_library(box: Machine, tmp_path: Path) -> None:
    root = empty_repo(box, "stdlib")
    reference = tmp_path / "reference.git"
    run_git(tmp_path, "init", "-q", "--bare", str(reference))
    box.configure(root, quiet="300ms", max_wait="60s", extra='secrets = "off"\nbrake_deletes = 1.0\n')
    box.start()

    def expect(step: str) -> None:
        git_beside(reference, root, tmp_path / "index", "add", "-A")
        wait_tree(box, root, git_beside(reference, root, tmp_path / "index", "write-tree"), step)

    shutil.copytree(sysconfig.get_path("stdlib"), root / "lib", ignore=SKIPPED, symlinks=True)
    assert sum(len(files) for _, _, files in os.walk(root / "lib")) > 500
    expect("a copied tree")
    (root / "lib/json").rename(root / "lib/renamed")
    expect("a renamed directory")
    for path in sorted((root / "lib").glob("*.py")):
        path.write_text(f"# touched\n{path.read_text('utf-8', 'surrogateescape')}", "utf-8", "surrogateescape")
    expect("every module changed")
    shutil.rmtree(root / "lib/email")
    (root / "lib/email").write_text("now a file")
    expect("a directory that became a file")
    (root / "lib/email").unlink()
    (root / "lib/email").symlink_to("renamed")
    for path in sorted((root / "lib/asyncio").glob("*.py")):
        path.chmod(0o755)
    expect("links and modes")
    (root / "kept.txt").write_text("an emptied root would wait for a person\n")
    shutil.rmtree(root / "lib")
    expect("nearly everything gone")
    assert run_git(root, "fsck", "--strict") == ""
