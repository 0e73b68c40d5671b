"""What is being staged now, from what was noted to what is committed.

Runs on the committer thread. A `Batch` belongs to one repository.
"""

from __future__ import annotations

from gitsync.config.options import RepoConfig
from gitsync.engine.repository.left_out import LeftOut
from gitsync.git.staging.worktree import Staged, StageRules, Staging, Worktree
from gitsync.watch.buffer import ChangeBuffer, Noted


class Batch:
    """What is being staged, since when it was pending, and what earlier batches left out."""

    def __init__(self) -> None:
        self.left_out = LeftOut()
        self.staging: Staging | None = None
        self.first_at = 0.0  # the monotonic instant of the first note in it
        self._paths: frozenset[bytes] = frozenset()
        self._trees: frozenset[bytes] = frozenset()
        self._is_forced = False

    def begin(self, worktree: Worktree, noted: Noted, config: RepoConfig, now: float, *, is_hurried: bool) -> None:
        """Begin to stage what was noted; what is hurried or overdue is taken although it is being written."""
        self.first_at = noted.first_at
        self._paths, self._trees = noted.paths, noted.trees
        self._is_forced = is_hurried or now >= noted.first_at + config.max_wait
        self.left_out.begin(worktree.mark)
        rules = StageRules(
            max_file_size=config.max_file_size,
            secrets=config.secrets,
            is_forced=self._is_forced,
            quiet_s=config.quiet,
            take_empty=self.left_out.empty(),
            take_staged=self.left_out.overdue(now),
        )
        self.staging = worktree.begin_staging(self._paths, self._trees, rules)

    def drop(self, buffer: ChangeBuffer, now: float) -> None:
        """Note everything of this batch again, because it was not committed."""
        if self.staging is not None:
            self.staging = None
            buffer.give_back(Noted(self._paths, self._trees, frozenset(), self.first_at, now))

    def settle(self, staged: Staged, buffer: ChangeBuffer, now: float) -> None:
        """End the batch, and keep what it left out; what was being written is noted, and waits for quiet, again."""
        self.staging = None
        seen = self._paths | {change.path for change in staged.changes}
        buffer.learn(seen, staged.ignored)
        self.left_out.take(staged, seen, self._trees, now, is_forced=self._is_forced)
        if staged.later:
            # After a forced try the count begins again: a file that never holds still must not be tried without a
            # pause.
            since = now if self._is_forced else self.first_at
            buffer.give_back(Noted(staged.later, frozenset(), frozenset(), since, now))

    def holds(self, path: bytes) -> bool:
        """Whether `path` is among what is being staged, itself or by a directory above it."""
        return path in self._paths or any(not tree or (path + b"/").startswith(tree + b"/") for tree in self._trees)

    @property
    def count(self) -> int:
        """Return how many paths and directories are being staged."""
        return len(self._paths) + len(self._trees) if self.staging is not None else 0
