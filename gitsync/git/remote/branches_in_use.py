"""Which branches somebody is at work on: checked out in a linked work tree, or in the middle of a rebase or a bisect.

Runs on the thread of the job or the exchanger that asks, which owns the git child. The files are those that git itself
looks at before it moves or deletes a branch (branch.c, `prepare_checked_out_branches`): a rebase leaves HEAD detached
and names its branch in `head-name`, and those that it moves at its end in `update-refs`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitsync.git import program

GIT_S = 30.0
_HEADS = "refs/heads/"
# In the git directory while an operation of its user is open (wt-status.c, `wt_status_get_state`).
_OPERATIONS = (
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "BISECT_LOG",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
)


@dataclass(frozen=True, slots=True)
class BranchUse:
    """Where a branch is in use; `operation` is "" where it is checked out, else rebase or bisect."""

    place: str
    operation: str = ""

    @property
    def text(self) -> str:
        """Return what is going on with the branch, behind "it is"."""
        return (
            f"in the middle of a {self.operation} in {self.place}" if self.operation else f"checked out in {self.place}"
        )


def branches_in_use(root: Path) -> dict[str, BranchUse]:
    """Return the use of each branch of the repository whose work tree begins at `root`, by branch.

    The branch that `root` itself has checked out is not in it. A linked work tree whose directory is gone uses nothing.
    Raise OperationError when git cannot list the work trees.
    """
    listed = _git(root, "worktree", "list", "--porcelain", "-z")
    common = Path(root, _git(root, "rev-parse", "--git-common-dir").removesuffix("\n"))
    own = os.path.realpath(root)
    found: dict[str, BranchUse] = {}
    place = ""
    for line in listed.split("\0"):
        if line.startswith("worktree "):
            place = line.removeprefix("worktree ")
        elif line.startswith(f"branch {_HEADS}") and os.path.isdir(place) and os.path.realpath(place) != own:
            found[line.removeprefix(f"branch {_HEADS}")] = BranchUse(place)
    for git_dir, work_tree in _git_dirs(common, own):
        found |= {branch: BranchUse(work_tree, operation) for branch, operation in _begun(git_dir)}
    return found


def is_at_rest(root: Path, branch: str, head: str) -> bool:
    """Whether `branch` is checked out and at `head`, and no operation is open.

    False also where a few files cannot say it: packed refs, reftable, a linked work tree.
    """
    git_dir = root / ".git"
    return (
        _read(git_dir / "HEAD").strip() == f"ref: {_HEADS}{branch}"
        and _read(git_dir / _HEADS / branch).strip() == head
        and not any((git_dir / name).exists() for name in _OPERATIONS)
    )


def _git_dirs(common: Path, own: str) -> Iterator[tuple[Path, str]]:
    """Yield the private git directory of each work tree that is still there, and the work tree."""
    yield common, own
    for git_dir in sorted(common.glob("worktrees/*")):
        work_tree = _read(git_dir / "gitdir").strip().removesuffix("/.git")
        if work_tree and os.path.isdir(work_tree):
            yield git_dir, work_tree


def _begun(git_dir: Path) -> Iterator[tuple[str, str]]:
    """Yield the branches of a rebase or a bisect that is under way, and which of the two it is."""
    for name in ("rebase-merge/head-name", "rebase-apply/head-name"):
        if branch := _branch(_read(git_dir / name)):
            yield branch, "rebase"
    # Three lines for each ref: its name, where it was, where it will be.
    for line in _read(git_dir / "rebase-merge/update-refs").splitlines()[::3]:
        if branch := _branch(line):
            yield branch, "rebase"
    started_at = _read(git_dir / "BISECT_START").strip()
    if started_at and (git_dir / "BISECT_LOG").exists():
        yield started_at.removeprefix(_HEADS), "bisect"


def _branch(text: str) -> str:
    name = text.strip()
    return name.removeprefix(_HEADS) if name.startswith(_HEADS) else ""


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _git(root: Path, *argv: str) -> str:
    return program.read(*argv, root=root)
