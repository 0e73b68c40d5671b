"""What is being staged now, from what was noted to what is committed.

Runs on the committer thread. A `Batch` belongs to one repository.
"""

from __future__ import annotations

from collections.abc import Iterable

from gitsync.config.options import RepoConfig
from gitsync.engine.repository.left_out import LeftOut
from gitsync.git.staging.worktree import Staged, StageRules, Staging, Worktree
from gitsync.watch.buffer import ChangeBuffer, Noted

# A file that was open for writing is looked at again after `quiet`, and not sooner than this.
PAUSE_S = 0.25
# For this long it holds up a pull that changes it, before the exchanger is answered that it does.
PATIENCE_S = 60.0


class Batch:
    """What is being staged, since when it was pending, and what earlier batches left out."""

    def __init__(self) -> None:
        self.left_out = LeftOut()
        self.staging: Staging | None = None
        self.first_at = 0.0  # the monotonic instant of the first note in it
        self._paths: frozenset[bytes] = frozenset()
        self._trees: frozenset[bytes] = frozenset()
        self._is_forced = False
        self.is_overdue = False  # it was begun although what is in it was not quiet
        self._waiting: Noted | None = None  # open for writing when it was looked at; `last_at` is the next look

    def begin(self, worktree: Worktree, noted: Noted, config: RepoConfig, now: float, *, is_hurried: bool) -> None:
        """Begin to stage what was noted; what is hurried or overdue is taken although it is being written."""
        self.first_at = noted.first_at
        self._paths, self._trees = noted.paths, noted.trees
        self.is_overdue = now >= noted.first_at + config.max_wait
        self._is_forced = is_hurried or self.is_overdue
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

    def settle(self, staged: Staged, buffer: ChangeBuffer, now: float, quiet_s: float) -> None:
        """End the batch, and keep what it left out; what was being written waits beside, and holds up nothing else."""
        self.staging = None
        seen = self._paths | {change.path for change in staged.changes}
        buffer.learn(seen, staged.ignored)
        self.left_out.take(staged, seen, self._trees, now, is_forced=self._is_forced)
        waiting = self._waiting
        others = waiting.paths - seen if waiting is not None else frozenset()
        self._waiting = None
        if staged.later or others:
            # After a forced try the count begins again: a file that never holds still must not be tried without a
            # pause.
            since = now if self._is_forced else self.first_at
            since = min(since, waiting.first_at) if waiting is not None and others else since
            at = now + max(quiet_s, PAUSE_S)
            self._waiting = Noted(staged.later | others, frozenset(), frozenset(), since, at)

    @property
    def look_at(self) -> float | None:
        """Return when files that were open for writing are looked at again, None without any."""
        return None if self._waiting is None else self._waiting.last_at

    def look_again(self, buffer: ChangeBuffer, now: float) -> None:
        """Note the files that were open for writing: their time has come, or a hurry takes them as they are."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            buffer.give_back(Noted(waiting.paths, frozenset(), frozenset(), waiting.first_at, waiting.first_at))

    def patience_for(self, paths: Iterable[bytes], now: float) -> float | None:
        """Return when to try again what one of these files holds up by being open for writing, None for no longer."""
        waiting = self._waiting
        is_patient = waiting is not None and now < waiting.first_at + PATIENCE_S and self.is_waiting_for(paths)
        return self.look_at if is_patient else None

    def is_waiting_for(self, paths: Iterable[bytes]) -> bool:
        """Whether one of these files was open for writing at the last look."""
        return self._waiting is not None and not self._waiting.paths.isdisjoint(paths)

    def holds(self, path: bytes) -> bool:
        """Whether `path` is among what is being staged, itself or by a directory above it."""
        return (
            path in self._paths
            or self.is_waiting_for((path,))
            or any(not tree or (path + b"/").startswith(tree + b"/") for tree in self._trees)
        )

    @property
    def count(self) -> int:
        """Return how many paths and directories are being staged, or wait beside."""
        waiting = 0 if self._waiting is None else len(self._waiting.paths)
        return waiting + (len(self._paths) + len(self._trees) if self.staging is not None else 0)
