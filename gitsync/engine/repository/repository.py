"""One repository on this machine: what was noted, what is being committed, what holds it up.

Runs on the committer thread, which owns every `LocalRepository`. `tick` does one bounded slice of work and `wake_at`
tells when there is more, so that no repository holds up another. The slices are in `slices`, what holds
a repository up in `holds`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from gitsync.clock import Clock
from gitsync.config.options import RepoConfig
from gitsync.core.debounce import due_at
from gitsync.core.states import STANDING, WorktreeEvent, WorktreeState, advance
from gitsync.engine.board import Board
from gitsync.engine.memory import PAUSE_FILE, Memory
from gitsync.engine.messages import Fetched, Integrated, Pause, Resume
from gitsync.engine.repository.batch import Batch
from gitsync.engine.repository.conflict_copies import KeptCopies
from gitsync.engine.repository.requests import refuse
from gitsync.git.applying.apply import recover
from gitsync.git.remote.destination import standing
from gitsync.git.staging.worktree import Staging, Worktree
from gitsync.model import Problem, RepoState
from gitsync.watch.buffer import ChangeBuffer, Noted, Pending

logger = logging.getLogger(__name__)

Post = Callable[[str, object], None]
E_, S_ = WorktreeEvent, WorktreeState
# How often in a row a hurried batch tries again for files that did not hold still.
HURRIED_TRIES = 3


class RepositoryHooks:
    """The hooks of the slices, as an ordinary repository answers them."""

    buffer: ChangeBuffer

    @property
    def is_behind(self) -> bool:
        """Whether the branch has a head that is to be followed somewhere else."""
        return False

    def peek(self) -> Pending:
        """Return how much is noted, and since when."""
        return self.buffer.peek()

    def holds(self, path: bytes) -> bool:
        """Whether a look at `path` is noted."""
        return self.buffer.holds(path)

    def gather(self, noted: Noted, now: float) -> Noted:
        """Return what is to be staged for what was noted."""
        return noted

    def scan_beside(self) -> bool:
        """Have everything compared that is not the work tree's; return whether there is anything."""
        return False

    def follow(self, now: float) -> None:
        """Do what the branch's new head asks for outside the work tree."""


class LocalRepository(RepositoryHooks):
    """A work tree and everything that is pending in it."""

    def __init__(
        self, config: RepoConfig, *, buffer: ChangeBuffer, board: Board, clock: Clock, repo_state_dir: Path, post: Post
    ) -> None:
        self.config = config
        self.name = config.name
        self.buffer = buffer
        self.board = board
        self.clock = clock
        self.repo_state_dir = repo_state_dir
        self.post = post
        self.machine = WorktreeState.STARTING
        self.worktree: Worktree | None = None
        self.batch = Batch(config)
        self.staging: Staging | None = None
        self.fetched: Fetched | None = None
        self.identity: tuple[int, int] | None = None
        self.has_upstream = False
        self.conflict: Problem | None = None
        self.copies = KeptCopies(repo_state_dir)
        self.overtaken: tuple[str | None, frozenset[bytes]] | None = None  # what the last integration met, and where
        self.announced_branch = ""  # the one that the exchanger knows of
        self.paused_until: float | None = None
        self.is_hurried = False  # what is noted is committed without waiting for quiet, files as they are
        self.hurried_tries = 0
        self.is_batch_hurried = False
        self.is_accepted = False
        self.halt_code = ""
        self.look_again_at: float | None = None
        self.watch_hint = ""
        self.failures = 0
        self.retry_at = 0.0
        self.reconcile_at: float | None = None
        self.waiting: list[Future[Any]] = []
        self.overtakings = 0  # how often the first of these met an edit
        self.performing: deque[tuple[Callable[[Worktree], object], Future[Any]]] = deque()
        self.pending_since = 0.0
        kept = self.copies.originals
        board.set_local(self.name, path=str(config.path), state=RepoState.SYNCING, reason="starting", kept=kept)
        board.count_pending_by(self.name, self._count_pending)
        self._memory = Memory(repo_state_dir / PAUSE_FILE)
        self._go_on_pausing()

    # -- what may be asked ------------------------------------------------------------------------------------------

    def advance(self, event: WorktreeEvent) -> None:
        """Move the work tree's machine; an illegal move is a bug and raises."""
        self.machine = advance(self.machine, event)

    def rescan(self, reason: str) -> None:
        """Compare everything anew, because `reason` leaves doubt."""
        logger.debug("%s: rescan reason=%r", self.name, reason)
        self.drop_staging()
        self.retry_at = 0.0
        self.advance(E_.RESCAN_WANTED)

    def commit_now(self, future: Future[Any], *, is_scanning: bool) -> None:
        """Commit without waiting for quiet; `future` is completed when that is done or cannot be."""
        self.waiting.append(future)
        if self.machine in (S_.PAUSED, S_.HALTED):
            self.answer()
            return
        self.hurry()
        if is_scanning:
            self.rescan("asked to sync now")
        elif self.machine is S_.CLEAN and not self.has_pending and self.fetched is None:
            self.end_hurry()

    def pause(self, until: float | None) -> None:
        """Hold the repository until `resume` or the monotonic instant `until`; a restart does not end it."""
        wall = None if until is None else self.clock.wall() + until - self.clock.now()
        self._memory.remember(is_paused=True, until=wall)
        self._pause(until)

    def _pause(self, until: float | None) -> None:
        self.drop_staging()
        self.paused_until = until
        self.advance(E_.PAUSED)
        self.answer_fetch(None)
        self.post(self.name, Pause(self.name, until))
        self.show(RepoState.PAUSED, "paused by you")
        self.end_hurry()

    def _go_on_pausing(self) -> None:
        if self._memory.get("is_paused") is not True:
            return
        wall = self._memory.get("until")
        left = wall - self.clock.wall() if isinstance(wall, int | float) else None
        if left is None or left > 0:
            self._pause(None if left is None else self.clock.now() + left)

    def resume(self, *, is_accepted: bool) -> None:
        """Go on; with `is_accepted` the change that a brake stopped is taken as meant, and nothing else."""
        self._memory.remember(is_paused=None, until=None)
        self.is_accepted = is_accepted and bool(self.halt_code)
        self.paused_until = None
        self.retry_at = 0.0
        if is_accepted and self.halt_code == "root-replaced":
            self.identity = None
            self.close_worktree()
        self.halt_code = ""
        self.drop_staging()
        self.advance(E_.RESUMED)
        self.post(self.name, Resume(self.name, is_accepted))
        self.advance(E_.RESCAN_WANTED)
        if self.machine is S_.SCANNING:
            self.show(RepoState.SYNCING, "resumed")

    def reconfigure(self, config: RepoConfig) -> None:
        """Take changed settings; patterns are read anew, so everything is compared once."""
        self.drop_staging()
        self.close_worktree()
        self.config = config
        self.batch = self.batch.reconfigured(config)
        self.announced_branch = ""
        self.answer_fetch(None)
        if self.machine is S_.PAUSED:
            self.post(self.name, Pause(self.name, self.paused_until))
        self.rescan("the configuration changed")

    def show_watch(self, kind: str, hint: str) -> None:
        """Show how changes are noticed; `hint` says why by polling, and what would end that."""
        self.watch_hint = hint
        self.board.set_local(self.name, watch=kind, notes=self.notes())

    def hurry(self) -> None:
        """Commit what is noted at the next slices, without waiting for quiet."""
        self.is_hurried, self.is_batch_hurried = True, False
        self.hurried_tries = 0
        self.retry_at = 0.0

    def end_hurry(self) -> None:
        """What was asked for is done, or cannot be: whoever waits is told, and quiet is waited for again."""
        self.is_hurried = self.is_batch_hurried = False
        if self.machine is not S_.CLEAN:
            refuse(self)
        self.answer()

    @property
    def has_pending(self) -> bool:
        """Whether something noted is not committed yet."""
        return self.staging is not None or self.peek().count > 0 or self.is_behind

    def _count_pending(self) -> int:
        return self.peek().count + (self.batch.count if self.staging is not None else 0)

    @property
    def is_working(self) -> bool:
        """Whether slices are needed until what is pending is committed, and nothing holds them up."""
        if self.machine in STANDING or self.retry_at > self.clock.now():
            return False
        return (self.has_pending and self.is_hurried) or self.machine in (S_.STARTING, S_.SCANNING, S_.COMMITTING)

    def close(self) -> None:
        """Let go of the repository; what is pending stays on disk and is found by the next scan."""
        self.drop_staging()
        self.close_worktree()
        self.end_hurry()
        refuse(self)

    # -- the slices ---------------------------------------------------------------------------------------------------

    def wake_at(self, now: float) -> float | None:
        """Return when `tick` has something to do, or None when only a message can bring work."""
        if self.machine is S_.PAUSED:
            return self.paused_until
        if self.retry_at > now:
            return self.retry_at
        if self.machine in (S_.BUSY, S_.HALTED):
            return self.look_again_at
        if self.machine in (S_.STARTING, S_.SCANNING, S_.COMMITTING, S_.INTEGRATING):
            return now
        pending = self.peek()
        if self.machine is S_.CLEAN and (self.performing or self.is_behind):
            return now
        if self.fetched is not None or (self.machine is S_.SETTLING and not pending.count):
            return now
        wanted = [self.due_at(pending.first_at, pending.last_at)] if pending.count else []
        if self.machine is S_.CLEAN:
            aside_at = None if pending.aside_at is None else pending.aside_at + self.config.max_wait
            wanted += [at for at in (self.reconcile_at, self.batch.recheck_at, aside_at) if at is not None]
        return min(wanted, default=None)

    # -- small ones ---------------------------------------------------------------------------------------------------

    def open(self) -> Worktree:
        if self.worktree is None:
            worktree = Worktree(
                self.config.path, self.repo_state_dir, include=self.config.include, exclude=self.config.exclude
            )
            try:
                recovered = recover(worktree)
                if self.identity is None:
                    self.identity = worktree.identity()
                self.board.set_local(self.name, last_commit=worktree.last_commit())
                self.count(worktree)
            except BaseException:
                worktree.close()
                raise
            self.worktree = worktree
            if recovered.summary:
                self.board.publish("recovered", self.name, f"{self.name}: {recovered.summary}")
        return self.worktree

    def count(self, worktree: Worktree) -> None:
        """Show how far the branch is from what the remote was last known to have."""
        branch = worktree.facts().branch
        found = standing(worktree, self.config.path, self.config.remote, branch) if branch else None
        self.has_upstream = found is not None
        ahead, behind = found or (0, 0)
        self.board.set_local(self.name, ahead=ahead, behind=behind)

    def close_worktree(self) -> None:
        if self.worktree is not None:
            self.worktree.close()
            self.worktree = None

    def due_at(self, first_at: float, last_at: float) -> float:
        if self.is_hurried or self.fetched is not None:
            return first_at  # what was fetched waits, and it has nothing to wait for but this
        return due_at(first_at, last_at, self.config.quiet, self.config.max_wait)

    def drop_staging(self) -> None:
        if self.staging is not None:
            self.staging = None
            self.batch.give_back(self.buffer, self.pending_since, self.clock.now())

    def answer_fetch(self, head: str | None, *, is_ahead: bool = False, problem: Problem | None = None) -> None:
        """Answer the exchanger, if it waits: without a head nothing could be taken in now."""
        fetched, self.fetched = self.fetched, None
        self.overtaken = None
        if fetched is not None:
            self.post(self.name, Integrated(self.name, fetched.branch, head, is_ahead, problem))

    def show(self, state: RepoState, reason: str) -> None:
        local = self.board.local(self.name)
        ends = {RepoState.OK: None, RepoState.BUSY: None, RepoState.CONFLICT: self.conflict}
        error = ends.get(state, local.error)
        if (local.state, local.reason, local.error) != (state, reason, error):
            self.board.set_local(self.name, state=state, reason=reason, error=error)

    def show_batch(self) -> None:
        self.board.set_local(self.name, quarantined=self.batch.quarantined, notes=self.notes(), error=self.conflict)

    def notes(self) -> tuple[str, ...]:
        return (*((self.watch_hint,) if self.watch_hint else ()), *self.batch.notes)

    def answer(self) -> None:
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(self.board.status(self.name))
