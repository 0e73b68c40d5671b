"""One repository on this machine: what is noted, what is being committed, what holds it up.

Runs on the committer thread, which owns every `LocalRepository`. It is made of parts, each of which owns what it knows:
`hold` (the state), `batch` (what is being staged), `integration` (what an exchanger waits for), `hurry` and `requests`
(what users asked for), `retry`, and `handle` (the open work tree). Only a part assigns its own attributes.

`steps.tick` does one bounded step of work, and `wake_at` says when there is more, so that no repository holds up
another. Preconditions for work are in `preconditions`.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitsync.clock import Clock
from gitsync.config.options import MIRROR_NAME, RepoConfig
from gitsync.core.debounce import due_at
from gitsync.core.states import STANDING, WorktreeEvent, WorktreeState
from gitsync.engine.board import Board
from gitsync.engine.messages import Fetched, HeadWanted, Opened, Pause, Resume
from gitsync.engine.repository.batch import Batch
from gitsync.engine.repository.conflict_copies import KeptCopies
from gitsync.engine.repository.context import Post, RepositoryContext
from gitsync.engine.repository.handle import WorktreeHandle
from gitsync.engine.repository.hold import Hold
from gitsync.engine.repository.hurry import Hurry
from gitsync.engine.repository.integration import Distance, Integration
from gitsync.engine.repository.requests import Requests
from gitsync.engine.repository.retry import Retry
from gitsync.engine.repository.root import Root
from gitsync.engine.repository.stale_saves import StaleSaves
from gitsync.git.patience import Patience
from gitsync.git.probe import Probe
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import RepoState
from gitsync.text import tilde
from gitsync.watch.buffer import ChangeBuffer, Noted, Pending

logger = logging.getLogger(__name__)

E_, S_ = WorktreeEvent, WorktreeState


class RepositoryHooks:
    """Hooks for the mirror of home files; here as an ordinary repository does it."""

    @property
    def buffer(self) -> ChangeBuffer:
        """Return where changes of the work tree are noted."""
        raise NotImplementedError

    @property
    def is_behind(self) -> bool:
        """Whether the branch has a head that is still to be written somewhere else."""
        return False

    def peek(self) -> Pending:
        """Return how much is noted, and since when."""
        return self.buffer.peek()

    def holds(self, path: bytes) -> bool:
        """Whether `path` is noted."""
        return self.buffer.holds(path)

    def gather(self, noted: Noted, now: float) -> Noted:
        """Return what is to be staged for what was noted."""
        return noted

    def scan_beside(self) -> bool:
        """Compare what is not in the work tree; return whether there is anything."""
        return False

    def follow(self, now: float) -> None:
        """Write the branch's new head to where else it belongs."""

    def revive(self, paths: frozenset[bytes]) -> None:
        """Write these files of the work tree to where else they are missing."""


class LocalRepository(RepositoryHooks):
    """A work tree and everything that is pending in it."""

    def __init__(
        self,
        config: RepoConfig,
        *,
        buffer: ChangeBuffer,
        board: Board,
        clock: Clock,
        repo_state_dir: Path,
        post: Post,
        probe: Probe,
        patience: Patience | None = None,
    ) -> None:
        self.context = RepositoryContext(config, buffer, board, clock, repo_state_dir, post, probe, patience)
        self.handle = WorktreeHandle(KeptCopies(repo_state_dir), Root(repo_state_dir))
        self.hold = Hold(repo_state_dir)
        self.batch = Batch()
        self.integration = Integration(Distance(board, config.name), StaleSaves(repo_state_dir))
        self.hurry = Hurry()
        self.requests = Requests()
        self.retry = Retry()
        kept = self.handle.copies.originals
        self.context.show(path=str(config.path), state=RepoState.SYNCING, reason="starting", kept=kept)
        board.count_pending_by(self.name, self._count_pending)
        is_paused, until = self.hold.remembered_pause(clock)
        if is_paused:
            self._pause(until)

    # -- what its parts know ------------------------------------------------------------------------------------------

    @property
    def config(self) -> RepoConfig:
        """Return the configuration in force."""
        return self.context.config

    @property
    def name(self) -> str:
        """Return the name in the configuration."""
        return self.context.name

    @property
    def board(self) -> Board:
        """Return where the status is shown."""
        return self.context.board

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        return self.context.clock

    @property
    def buffer(self) -> ChangeBuffer:
        """Return where changes of the work tree are noted."""
        return self.context.buffer

    @property
    def machine(self) -> WorktreeState:
        """Return the state of the work tree."""
        return self.hold.state

    @property
    def worktree(self) -> Worktree | None:
        """Return the work tree, None while it is not open."""
        return self.handle.worktree

    # -- what may be asked ------------------------------------------------------------------------------------------

    def advance(self, event: WorktreeEvent) -> None:
        """Move the work tree's state; an illegal move is a bug and raises."""
        self.hold.advance(event)

    def rescan(self, reason: str) -> None:
        """Compare everything again, because `reason` leaves doubt."""
        logger.debug("%s: rescan reason=%r", self.name, reason)
        self.handle.root.doubt()
        self.drop_staging()
        self.retry.try_now()
        self.advance(E_.RESCAN_WANTED)

    def commit_now(self, future: Future[Any], *, is_scanning: bool) -> None:
        """Commit without waiting for quiet; `future` is completed when that is done or cannot be."""
        self.hurry.add(future)
        if self.machine in (S_.PAUSED, S_.HALTED):
            self.answer()
            return
        self.hurry_up()
        if is_scanning:
            self.rescan("asked to sync now")
        elif self.machine is S_.CLEAN and not self.has_pending and self.integration.wanted is None:
            self.end_hurry()

    def exchange(self, wanted: Fetched | HeadWanted) -> None:
        """Take what the exchanger waits for; it is answered at once where the repository is held up."""
        self.integration.begin(wanted)
        if self.machine in STANDING:
            self.integration.answer_all(self.context)

    def pause(self, until: float | None) -> None:
        """Hold the repository until `resume` or the monotonic instant `until`; a restart does not end it."""
        self.hold.remember_pause(until, self.clock)
        self._pause(until)

    def _pause(self, until: float | None) -> None:
        self.drop_staging()
        self.hold.pause(until)
        self.integration.answer_all(self.context)
        self.context.send(Pause(self.name, until))
        self.show(RepoState.PAUSED, "paused by you")
        self.end_hurry()

    def resume(self, message: Resume) -> None:
        """Go on; with `is_accepted` what the questions `ids` (none: the open one) ask is meant, and nothing else."""
        self.retry.try_now()
        if self.hold.resume(is_accepted=message.is_accepted, ids=message.ids) == "root-replaced":
            self.handle.root.forget()
            self.close_worktree()
        self.drop_staging()
        self.advance(E_.RESUMED)
        self.context.show(asked=())
        self.context.send(message)
        self.advance(E_.RESCAN_WANTED)
        if self.machine is S_.SCANNING:
            self.show(RepoState.SYNCING, "resumed")

    def reconfigure(self, config: RepoConfig) -> None:
        """Take changed settings; patterns are read again, so everything is compared once."""
        self.drop_staging()
        self.close_worktree()
        self.context = replace(self.context, config=config)
        self.batch.left_out.forget_all_but_staged()
        self.hold.forget_branch()
        self.integration.answer_all(self.context)
        if self.machine is S_.PAUSED:
            self.context.send(Pause(self.name, self.hold.paused_until))
        self.rescan("the configuration changed")

    def show_watch(self, kind: str, hint: str) -> None:
        """Show how changes are noticed; `hint` says why by polling, and what would end that."""
        self.handle.see_watch(hint)
        self.context.show(watch=kind, notes=self.notes())

    def hurry_up(self) -> None:
        """Commit what is noted at the next steps, without waiting for quiet."""
        self.batch.look_again(self.buffer, self.clock.now())
        self.hurry.begin()
        self.retry.try_now()

    def end_hurry(self) -> None:
        """Answer who waits, because it is done or cannot be, and wait for quiet again."""
        self.hurry.end()
        if self.machine is not S_.CLEAN:
            self.requests.refuse(self.context, has_files_missing=self.hold.has_files_missing)
        self.answer()

    @property
    def has_pending(self) -> bool:
        """Whether something noted is not committed yet."""
        return self.batch.count > 0 or self.peek().count > 0 or self.is_behind or self.integration.stale.is_due

    def _count_pending(self) -> int:
        return self.peek().count + self.batch.count

    @property
    def is_working(self) -> bool:
        """Whether steps are needed until what is pending is committed, and nothing holds them up."""
        if self.machine in STANDING or self.retry.is_waiting(self.clock.now()):
            return False
        return (self.has_pending and self.hurry.is_on) or self.machine in (S_.STARTING, S_.SCANNING, S_.COMMITTING)

    def close(self) -> None:
        """Let go of the repository; what is pending stays on disk and is found by the next scan."""
        self.drop_staging()
        self.close_worktree()
        self.end_hurry()
        self.requests.refuse(self.context)

    # -- the steps ----------------------------------------------------------------------------------------------------

    def wake_at(self, now: float) -> float | None:
        """Return when `tick` has something to do, or None when only a message can bring work."""
        if self.machine is S_.PAUSED:
            return self.hold.paused_until
        if self.retry.is_waiting(now):
            return self.retry.at
        if self.machine is S_.HALTED and self.requests:
            return now
        if self.machine in (S_.BUSY, S_.HALTED):
            return self.hold.look_again_at
        if self.machine in (S_.STARTING, S_.SCANNING, S_.COMMITTING, S_.INTEGRATING):
            return now
        pending = self.peek()
        if self.machine is S_.CLEAN and (self.requests or self.is_behind or self.integration.stale.is_due):
            return now
        if self.machine is S_.SETTLING and not pending.count:
            return now
        wanted = [self.due_at(pending.first_at, pending.last_at)] if pending.count else []
        if self.machine is S_.CLEAN:
            aside_at = None if pending.aside_at is None else pending.aside_at + self.config.max_wait
            wanted += [
                at
                for at in (
                    self.retry.reconcile_at,
                    self.batch.left_out.recheck_at,
                    self.batch.look_at,
                    aside_at,
                    self.integration.due_at(now),
                )
                if at is not None
            ]
        return min(wanted, default=None)

    # -- small ones ---------------------------------------------------------------------------------------------------

    def open(self) -> Worktree:
        """Return the open work tree; raise one of UNEXPECTED_ERRORS when it cannot be opened."""
        if self.worktree is not None:
            return self.worktree
        worktree, recovered = self.handle.open(self.context)
        try:
            self.context.show(branch=worktree.facts().branch or "")
            self.context.show(last_commit=worktree.last_commit())
            self.count(worktree)
        except BaseException:
            self.handle.close()
            self.context.send(Opened(self.name))  # the remote may have what is damaged here
            raise
        if recovered:
            self.board.publish("recovered", self.name, f"{self.name}: {recovered}")
        return worktree

    def count(self, worktree: Worktree) -> None:
        """Show how far the branch is from what the remote was last known to have."""
        self.integration.distance.count(self.config, worktree, worktree.facts().branch)

    def close_worktree(self) -> None:
        """Close the work tree until it is needed."""
        self.handle.close()

    def due_at(self, first_at: float, last_at: float) -> float:
        """Return when what was noted at these instants is to be committed."""
        if self.hurry.is_on or self.integration.is_due(self.clock.now()):
            return first_at  # the exchanger waits for this, and this for nothing
        return due_at(first_at, last_at, self.config.quiet, self.config.max_wait)

    def drop_staging(self) -> None:
        """Give up the batch under way; what is in it is noted again."""
        self.batch.drop(self.buffer, self.clock.now())

    def show(self, state: RepoState, reason: str) -> None:
        """Show a state; an error stays beside it where the state does not end it."""
        local = self.board.local(self.name)
        ends = {RepoState.OK: None, RepoState.BUSY: None, RepoState.CONFLICT: self.integration.conflict}
        error = ends.get(state, local.error)
        if (local.state, local.reason, local.error) != (state, reason, error):
            self.context.show(state=state, reason=reason, error=error)

    def show_batch(self) -> None:
        """Show what the last batches left out."""
        quarantined = self.batch.left_out.quarantined
        self.context.show(quarantined=quarantined, notes=self.notes(), error=self.integration.conflict)

    def show_copies(self) -> None:
        """Show the conflict copies at the branch's head, where that has moved since they were searched."""
        head, copies = self.context.local.head, self.handle.copies
        if self.worktree is None or not copies.is_due(head):
            return
        was = copies.originals
        try:
            copies.look(self.worktree, head)
        except UNEXPECTED_ERRORS as trouble:
            # A repository is kept without knowing them: tried again when the branch has moved on.
            logger.warning("%s: cannot look for conflict copies: %s", self.name, as_error(self.name, trouble).message)
            return
        if copies.originals != was:
            self.context.show(kept=copies.originals)

    def notes(self) -> tuple[str, ...]:
        """Return what a user may want to know, and what holds up nothing."""
        hint = self.handle.watch_hint
        remarks = self.worktree.remarks.lines if self.worktree is not None else ()
        said = self.handle.said.lines(self.clock.wall())
        return (*((hint,) if hint else ()), *self.batch.left_out.notes, *remarks, *said)

    def place(self, path: bytes) -> str:
        """Return where a user has a file, as they would type it."""
        root = "~" if self.name == MIRROR_NAME else tilde(str(self.config.path))
        return f"{root}/{os.fsdecode(path)}"

    def answer(self) -> None:
        """Reply to callers that wait for a commit with the state of the repository."""
        self.hurry.answer(self.board.status(self.name))
