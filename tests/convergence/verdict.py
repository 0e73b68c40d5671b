"""What has to be true when edits have stopped and everybody has met everybody: looked at with git and by hand."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
from collections.abc import Iterable
from itertools import filterfalse
from pathlib import Path

from gitsync.core.temporary import is_temporary
from tests.conftest import run_git

OPEN = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "ORIG_HEAD", "rebase-merge", "rebase-apply", "MERGE_MSG")
MARKERS = (b"<<<<<<<", b">>>>>>>")
MARK = re.compile(rb"person \d+ version \d+\b")
Tree = dict[bytes, tuple[int, str]]


def blob_id(data: bytes) -> str:
    """Return the name that git gives to these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def on_disk(root: Path) -> Tree:
    """Return mode and blob of every file and link of a work tree, by reading it."""
    found: Tree = {}
    top = os.fsencode(root)
    for place, directories, files in os.walk(top):
        if place == top:
            directories.remove(b".git")
        for name in [*files, *(name for name in directories if os.path.islink(os.path.join(place, name)))]:
            path = os.path.join(place, name)
            mode = os.lstat(path).st_mode
            kind = 0o120000 if stat.S_ISLNK(mode) else 0o100755 if mode & stat.S_IXUSR else 0o100644
            found[os.path.relpath(path, top)] = kind, blob_id(_read(path))
    return found


def in_history(root: Path, revision: str = "HEAD") -> Tree:
    """Return mode and blob of every path of a commit."""
    listed = os.fsencode(run_git(root, "ls-tree", "-r", "-z", revision))
    found: Tree = {}
    for line in listed.split(b"\0"):
        if line:
            facts, path = line.split(b"\t", 1)
            mode, _, blob = facts.split(b" ")
            found[path] = int(mode, 8), blob.decode()
    return found


def reachable(repositories: Iterable[Path]) -> frozenset[str]:
    """Return every object that some ref of some repository leads to."""
    found: set[str] = set()
    for repository in repositories:
        found.update(line[:40] for line in run_git(repository, "rev-list", "--objects", "--all").splitlines())
    return frozenset(found)


def marks_on_disk(root: Path) -> frozenset[bytes]:
    """Return the marks of all that people wrote into the files and links of a work tree.

    Not of what a killed engine has left: a version that it had replaced may be one that its person has done away with.
    """
    found: set[bytes] = set()
    for path in filterfalse(is_temporary, on_disk(root)):
        found.update(MARK.findall(_read(os.path.join(os.fsencode(root), path))))
    return frozenset(found)


def marks_in_history(repository: Path) -> frozenset[bytes]:
    """Return the marks in every object of a repository."""
    done = subprocess.run(
        ["git", "-C", str(repository), "cat-file", "--batch-all-objects", "--batch"], check=True, capture_output=True
    )
    return frozenset(MARK.findall(done.stdout))


def _read(path: bytes) -> bytes:
    if os.path.islink(path):
        return os.readlink(path)
    with open(path, "rb") as file:
        return file.read()


def check_whole(root: Path, repo_state_dirs: Iterable[Path]) -> None:
    """Assert that a work tree is HEAD's, complete, and that nothing of an operation is left lying about."""
    assert on_disk(root) == in_history(root), f"{root}: the work tree is not HEAD's"
    assert run_git(root, "status", "--porcelain") == "", root
    check_bare(root, repo_state_dirs)
    check_sound(root)
    check_unmarked(root)


def check_bare(root: Path, repo_state_dirs: Iterable[Path]) -> None:
    """Assert that nothing of an operation is left lying about."""
    git_dir = root / ".git"
    left = [name for name in OPEN if (git_dir / name).exists()]
    assert left == [], f"{root}: an operation is open"
    locks = sorted(git_dir.rglob("*.lock"))
    assert locks == [], f"{root}: a lock was left"
    temporaries = list(root.rglob(".gitsync*"))
    assert temporaries == [], f"{root}: temporaries were left"
    for repo_state_dir in repo_state_dirs:
        assert not (repo_state_dir / "integration.json").exists(), f"{repo_state_dir}: a journal was left"


def check_sound(repository: Path) -> None:
    """Assert that git finds no fault."""
    said = run_git(repository, "fsck", "--strict", "--no-dangling", "--no-progress")
    assert said == "", f"{repository}: {said}"


def check_unmarked(root: Path) -> None:
    """Assert that no file holds conflict markers."""
    for path in on_disk(root):
        data = _read(os.path.join(os.fsencode(root), path))
        assert not any(marker in data for marker in MARKERS), f"{root}: {path!r} holds conflict markers"


def check_equal(roots: list[Path], hub: Path, branch: str = "main") -> None:
    """Assert that all have the same commit's tree, and the hub too."""
    trees = {str(root): run_git(root, "rev-parse", "HEAD^{tree}") for root in roots}
    trees[str(hub)] = run_git(hub, "rev-parse", f"{branch}^{{tree}}")
    assert len(set(trees.values())) == 1, trees
