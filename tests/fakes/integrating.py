"""A process that does nothing but integrate: run by a test that kills it.

    python -m tests.fakes.integrating WORK_TREE NOTES_DIR UPSTREAM

It recovers, commits what differs through git, plans and applies until nothing is left to do, and prints one line.
It lies about nothing but the committing: the engine does that through `Worktree`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gitsync.errors import TransientError
from gitsync.git.applying.apply import apply, recover
from gitsync.git.merging.plan import plan
from gitsync.git.staging.worktree import Staged, StageRules, Worktree

ROUNDS = 200


def staged(worktree: Worktree) -> Staged:
    """Compare everything that differs with HEAD."""
    staging = worktree.begin_staging(worktree.scan(), (), StageRules())
    while not staging.advance(1.0):
        pass
    return staging.result()


def main() -> int:
    """Integrate until there is nothing left to do."""
    root, notes, upstream = sys.argv[1:]
    worktree = Worktree(Path(root), Path(notes))
    recover(worktree)
    for _ in range(ROUNDS):
        try:
            found = staged(worktree)
            worktree.commit(found, "edits")
            made = plan(worktree, upstream, None)
            if made.changes_work_tree:
                apply(worktree, made, message="Merge")
            elif not found.later:
                break
        except TransientError:
            continue
    print(made.kind, flush=True)
    worktree.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
