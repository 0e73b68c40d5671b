"""The work tree of a repository, opened when it is first needed.

Runs on the committer thread.
"""

from __future__ import annotations

from gitsync.engine.repository.conflict_copies import KeptCopies
from gitsync.engine.repository.context import RepositoryContext
from gitsync.engine.repository.day_lines import DayLines
from gitsync.engine.repository.root import Root
from gitsync.git.applying.apply import recover
from gitsync.git.staging.worktree import Worktree
from gitsync.mirror.host import machine_name


class WorktreeHandle:
    """The open work tree, the identity of its root, its conflict copies, how it is watched, and what is said of it."""

    def __init__(self, copies: KeptCopies, root: Root) -> None:
        self.worktree: Worktree | None = None
        self.root = root
        self.copies = copies
        self.watch_hint = ""
        self.said = DayLines()

    def open(self, context: RepositoryContext) -> tuple[Worktree, str]:
        """Open the work tree and complete what an interrupted pull left; return it, and what was completed."""
        config = context.config
        worktree = Worktree(
            config.path,
            context.repo_state_dir,
            include=config.include,
            exclude=config.exclude,
            probe=context.probe,
            machine=machine_name(config),
            patience=context.patience,
        )
        try:
            recovered = recover(worktree)
            self.root.take(worktree)
        except BaseException:
            worktree.close()
            raise
        self.worktree = worktree
        return worktree, recovered.summary

    def close(self) -> None:
        """Close the work tree; it is opened again when it is needed."""
        if self.worktree is not None:
            self.worktree.close()
            self.worktree = None

    def see_watch(self, hint: str) -> None:
        """Note why changes are noticed by polling, "" when they are not."""
        self.watch_hint = hint
