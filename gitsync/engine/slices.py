"""The slices of work on one repository: scan, settle, stage and commit, integrate, one bounded piece at a time.

Runs on the committer thread. What a repository does next is decided by its machine (`core.states`); each function
here is one state's work and ends by moving the machine.
"""

from __future__ import annotations

import logging
import random

from gitsync.core.safety import mass_deletion
from gitsync.core.schedule import back_off, next_run
from gitsync.core.states import WorktreeEvent, WorktreeState
from gitsync.engine.committing import commit
from gitsync.engine.holds import halt, is_held
from gitsync.engine.integrating import integrate
from gitsync.engine.local import LocalRepository
from gitsync.engine.messages import Committed, WatcherDoubted
from gitsync.errors import GitsyncError, TransientError
from gitsync.model import Problem, RepoState

logger = logging.getLogger(__name__)

# How long one slice of staging may take before another repository has its turn.
SLICE_S = 0.03
RETRY_BASE_S, RETRY_CAP_S = 0.5, 60.0

E_, S_ = WorktreeEvent, WorktreeState


def tick(repo: LocalRepository, now: float) -> None:
    """Do at most one slice of work; trouble becomes this repository's state and nobody else's."""
    if now < repo.retry_at and repo.machine is not S_.PAUSED:
        return
    try:
        _tick(repo, now)
    except TransientError as error:
        _fail(repo, error, now, is_transient=True)
    except GitsyncError as error:
        _fail(repo, error, now, is_transient=False)


def _tick(repo: LocalRepository, now: float) -> None:
    if repo.machine is S_.PAUSED:
        if repo.paused_until is not None and now >= repo.paused_until:
            repo.resume(is_accepted=False)
        return
    if repo.machine is S_.COMMITTING:
        _stage_on(repo, now)
    elif not is_held(repo, now):
        _work(repo, now)
    if repo.machine is S_.CLEAN and not repo.has_pending and repo.fetched is None:
        _come_to_rest(repo)


def _work(repo: LocalRepository, now: float) -> None:
    if repo.machine is S_.STARTING:
        repo.advance(E_.STARTED)
    if repo.machine is S_.SCANNING:
        _scan(repo, now)
    if repo.machine is S_.CLEAN:
        _rest(repo, now)
    if repo.machine is S_.SETTLING:
        _settle(repo, now)


def _rest(repo: LocalRepository, now: float) -> None:
    for path in repo.batch.take_rechecks(now):
        repo.buffer.note([path])
    if repo.reconcile_at is not None and now >= repo.reconcile_at:
        _plan_reconcile(repo, now)
        repo.buffer.note_rescan("periodic reconcile")
    if repo.buffer.peek().count:
        repo.advance(E_.NOTED)
    elif repo.fetched is not None:
        integrate(repo, now)


def _come_to_rest(repo: LocalRepository) -> None:
    repo.is_hurried = repo.is_forced = repo.is_accepted = False
    repo.failures = 0
    repo.show(RepoState.CONFLICT if repo.board.local(repo.name).conflicts else RepoState.OK, "")
    repo.answer()


def _scan(repo: LocalRepository, now: float) -> None:
    worktree = repo.open()
    repo.show(RepoState.SYNCING, "scanning")
    repo.buffer.steal()  # whatever was noted until here, the scan sees
    started = repo.clock.now()
    paths = worktree.scan()
    logger.debug("%s: scanned differing=%d seconds=%.3f", repo.name, len(paths), repo.clock.now() - started)
    _plan_reconcile(repo, now)
    repo.batch.forget_seen()
    if paths:
        repo.buffer.note(paths)
        repo.advance(E_.SCANNED_DIRTY)
    else:
        repo.advance(E_.SCANNED_CLEAN)


def _settle(repo: LocalRepository, now: float) -> None:
    pending = repo.buffer.peek()
    if not pending.count:
        repo.buffer.note_rescan("settling with nothing noted")
        pending = repo.buffer.peek()
    if now < repo.due_at(pending.first_at, pending.last_at):
        repo.show(RepoState.PENDING, "waiting for quiet")
        return
    noted = repo.buffer.steal()
    paths = noted.paths
    if noted.reasons:
        logger.debug("%s: rescan reason=%r", repo.name, ", ".join(sorted(noted.reasons)))
        repo.post(repo.name, WatcherDoubted(repo.name))
        paths |= repo.open().scan()
    repo.pending_since = noted.first_at
    overdue = now >= noted.first_at + repo.config.max_wait
    repo.staging = repo.batch.begin(repo.open(), paths, noted.trees, now, is_forced=overdue or repo.is_forced)
    repo.advance(E_.FELL_DUE)
    repo.show(RepoState.SYNCING, "committing")


def _stage_on(repo: LocalRepository, now: float) -> None:
    assert repo.staging is not None
    if not repo.staging.advance(SLICE_S):
        return
    staging, repo.staging = repo.staging, None
    staged = staging.result()
    try:
        problem = _brake(repo, staged.removed_count)
        if problem is not None or is_held(repo, now):
            if problem is not None:
                halt(repo, problem)
            return
        commits = commit(repo, repo.open(), staged)
    except GitsyncError:
        repo.batch.give_back(repo.buffer, repo.pending_since, now)
        repo.advance(E_.COMMIT_FAILED)
        raise
    repo.batch.settle(staged, repo.buffer, repo.pending_since, now)
    repo.advance(E_.COMMITTED if commits else E_.FOUND_EQUAL)
    repo.failures = 0
    repo.show_batch()
    if commits:
        repo.post(repo.name, Committed(repo.name))


def _brake(repo: LocalRepository, removed: int) -> Problem | None:
    if repo.is_accepted:
        return None
    return mass_deletion(repo.name, repo.open().tracked_count(), removed, repo.config.brake_deletes)


def _fail(repo: LocalRepository, error: GitsyncError, now: float, *, is_transient: bool) -> None:
    repo.failures += 1
    repo.retry_at = now + back_off(repo.failures, random.random(), RETRY_BASE_S, RETRY_CAP_S)
    logger.debug("%s: failed code=%s failures=%d", repo.name, error.code, repo.failures)
    # A single collision (a held index.lock, a tip that moved) is nobody's business but the retry's.
    if not is_transient or repo.failures > 3:
        problem = Problem(error.code, error.message, error.hint)
        repo.board.set_local(repo.name, state=RepoState.ERROR, reason=error.message, error=problem)
    if repo.failures > 3 or not is_transient:
        repo.answer()


def _plan_reconcile(repo: LocalRepository, now: float) -> None:
    every = repo.config.reconcile
    repo.reconcile_at = None if every is None else next_run(now, every, random.random())
