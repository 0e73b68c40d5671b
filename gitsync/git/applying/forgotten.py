"""Which files of a pull were taken out of the repository by `gitsyncctl forget`: they stay on disk.

Committer thread; reads only. git itself, pulling such a commit, deletes the files.
"""

from __future__ import annotations

from gitsync.git.merging.plan import Plan, PlanKind
from gitsync.git.staging.worktree import Worktree

TRAILER = "Gitsync-Forgets"


def forgotten_by(worktree: Worktree, plan: Plan, removed: frozenset[bytes]) -> frozenset[bytes]:
    """Return those of the `removed` paths that commits which the plan brings have forgotten."""
    if plan.kind is PlanKind.COMMIT:
        return plan.forgotten & removed
    if not removed or plan.head is None:
        return frozenset()
    said = worktree.program.read(
        "log", "--no-merges", f"--grep=^{TRAILER}: ", "--format=%H", plan.upstream, f"^{plan.head}", "--"
    )
    found: set[bytes] = set()
    for commit in said.decode("ascii").split():
        named = worktree.program.read(
            "diff-tree", "-r", "-z", "--no-commit-id", "--name-only", "--no-renames", "--diff-filter=D", commit
        )
        found.update(named.split(b"\0"))
    return removed & found
