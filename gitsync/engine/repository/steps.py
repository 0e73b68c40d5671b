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
from gitsync.engine.messages import WatcherDoubted
from gitsync.engine.repository.batch import commit
from gitsync.engine.repository.conflict_copies import follow
from gitsync.engine.repository.integrate import answer_at_once, integrate
from gitsync.engine.repository.preconditions import halt, is_held
from gitsync.engine.repository.repository import HURRIED_TRIES, LocalRepository
from gitsync.engine.repository.requests import perform_next
from gitsync.errors import GitsyncError, HaltError, TransientError
from gitsync.git.staging.worktree import Staged, Staging, TipMovedError
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import Problem, RepoState
from gitsync.watch.buffer import Noted

logger = logging.getLogger(__name__)

# How long one slice of staging may take before another repository has its turn.
SLICE_S = 0.03
RETRY_BASE_S, RETRY_CAP_S = 0.5, 60.0
# A held lock, or a tip that moved: the user's own git is at work, mostly for moments.
COLLISIONS = frozenset({"index-locked", "ref-locked", "tip-moved"})
SOON_S, SOON_TRIES, HELD_RETRY_S = 0.05, 8, 0.4
# What holds it for longer than about a minute is an error, with what to do about it.
HELD_TRIES = 150

E_, S_ = WorktreeEvent, WorktreeState


def tick(repo: LocalRepository, now: float) -> None:
    """Do at most one slice of work; trouble becomes this repository's state and nobody else's."""
    if now < repo.retry_at and repo.machine is not S_.PAUSED:
        return
    try:
        _tick(repo, now)
    except HaltError as error:
        halt(repo, Problem(error.code, error.message, error.hint))
    except UNEXPECTED_ERRORS as trouble:
        _fail(repo, as_error(repo.name, trouble), now)
    if repo.worktree is not None and repo.machine is not S_.COMMITTING:
        repo.worktree.rest()


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
    if repo.fetched is not None and repo.has_pending and repo.machine in (S_.CLEAN, S_.SETTLING):
        answer_at_once(repo)  # mostly nothing is new there, and then what is being edited here may settle
    if repo.machine is S_.CLEAN:
        _rest(repo, now)
    if repo.machine is S_.SETTLING:
        _settle(repo, now)


def _rest(repo: LocalRepository, now: float) -> None:
    if repo.is_behind:
        repo.follow(now)
        return
    if repo.performing and not (repo.is_hurried and repo.peek().count):
        perform_next(repo, now)
        return
    for path in repo.batch.take_rechecks(repo.open, now):
        repo.buffer.note([path])
    if repo.reconcile_at is not None and now >= repo.reconcile_at:
        _plan_reconcile(repo, now)
        repo.buffer.note_rescan("periodic reconcile")
    aside_at = repo.buffer.peek().aside_at
    if aside_at is not None and now >= aside_at + repo.config.max_wait:
        repo.buffer.look_aside()
    if repo.peek().count:
        repo.advance(E_.NOTED)
    elif repo.fetched is not None:
        integrate(repo, now)


def _come_to_rest(repo: LocalRepository) -> None:
    follow(repo)
    repo.is_accepted = False
    repo.failures = 0
    repo.show(RepoState.CONFLICT if repo.board.local(repo.name).conflicts else RepoState.OK, "")
    repo.end_hurry()


def _scan(repo: LocalRepository, now: float) -> None:
    worktree = repo.open()
    repo.show(RepoState.SYNCING, "scanning")
    repo.buffer.steal()  # whatever was noted until here, the scan sees
    started = repo.clock.now()
    paths = worktree.scan()
    logger.debug("%s: scanned differing=%d seconds=%.3f", repo.name, len(paths), repo.clock.now() - started)
    _plan_reconcile(repo, now)
    repo.batch.forget_seen(paths)
    repo.show_batch()
    if repo.scan_beside() or paths:
        repo.buffer.note(paths)
        repo.advance(E_.SCANNED_DIRTY)
    else:
        repo.advance(E_.SCANNED_CLEAN)


def _settle(repo: LocalRepository, now: float) -> None:
    pending = repo.peek()
    if not pending.count:
        repo.buffer.note_rescan("settling with nothing noted")
        pending = repo.peek()
    if now < repo.due_at(pending.first_at, pending.last_at):
        repo.show(RepoState.PENDING, "waiting for quiet")
        return
    noted = repo.buffer.steal()
    try:
        repo.staging = _begin(repo, noted, now)
    except UNEXPECTED_ERRORS:
        repo.buffer.give_back(noted)
        raise
    repo.advance(E_.FELL_DUE)
    repo.show(RepoState.SYNCING, "committing")


def _begin(repo: LocalRepository, noted: Noted, now: float) -> Staging:
    noted = repo.gather(noted, now)
    paths = noted.paths
    if noted.reasons:
        logger.debug("%s: rescan reason=%r", repo.name, ", ".join(sorted(noted.reasons)))
        repo.post(repo.name, WatcherDoubted(repo.name))
        paths |= repo.open().scan()
    repo.pending_since = noted.first_at
    repo.is_batch_hurried = repo.is_hurried
    is_overdue = now >= noted.first_at + repo.config.max_wait
    return repo.batch.begin(repo.open(), paths, noted.trees, now, is_forced=is_overdue or repo.is_hurried)


def _stage_on(repo: LocalRepository, now: float) -> None:
    assert repo.staging is not None
    try:
        if not repo.staging.advance(SLICE_S):
            return
        staged = repo.staging.result()
        if is_held(repo, now):
            return
        problem = _brake(repo, staged)
        if problem is not None:
            halt(repo, problem)
            return
        commits = commit(repo, repo.open(), staged)
    except UNEXPECTED_ERRORS:
        repo.drop_staging()
        if repo.machine is S_.COMMITTING:
            repo.advance(E_.COMMIT_FAILED)
        raise
    repo.staging = None
    repo.batch.settle(staged, repo.buffer, repo.pending_since, now)
    repo.advance(E_.COMMITTED if commits else E_.FOUND_EQUAL)
    repo.failures = 0
    repo.is_accepted = False
    repo.show_batch()
    if repo.has_pending:
        repo.show(RepoState.PENDING, "waiting for quiet")
    if repo.is_batch_hurried:
        _end_hurried_batch(repo, staged)


def _end_hurried_batch(repo: LocalRepository, staged: Staged) -> None:
    repo.hurried_tries += 1
    if not staged.later or repo.hurried_tries >= HURRIED_TRIES:
        repo.end_hurry()


def _brake(repo: LocalRepository, staged: Staged) -> Problem | None:
    if repo.is_accepted:
        return None
    worktree = repo.open()
    problem = mass_deletion(repo.name, worktree.tracked_count(), staged.removed_count, repo.config.brake_deletes)
    if problem is not None:
        # The user's own `git switch` takes files away before it moves HEAD: that is no deletion.
        if worktree.index.lock.is_held():
            raise worktree.index.lock.refusal()
        facts = worktree.facts()
        if (facts.branch, facts.head) != (staged.branch, staged.head):
            raise TipMovedError(f"{repo.name}: HEAD was moved meanwhile", "it is tried again by itself")
    return problem


def _fail(repo: LocalRepository, error: GitsyncError, now: float) -> None:
    is_transient = isinstance(error, TransientError)
    repo.failures += 1
    if not is_transient:
        # Opened anew for the next try: what an interrupted pull left is mended then, and a repaired file is read.
        repo.drop_staging()
        repo.close_worktree()
    is_collision = error.code in COLLISIONS
    if is_collision:
        repo.retry_at = now + (SOON_S * (1 + random.random()) if repo.failures <= SOON_TRIES else HELD_RETRY_S)
    else:
        repo.retry_at = now + back_off(repo.failures, random.random(), RETRY_BASE_S, RETRY_CAP_S)
    logger.debug("%s: failed code=%s failures=%d", repo.name, error.code, repo.failures)
    if is_collision and repo.failures <= HELD_TRIES:
        # git is at work, and the commit comes as soon as it has finished.
        if repo.failures > SOON_TRIES:
            repo.show(RepoState.BUSY, error.message)
            repo.end_hurry()
    elif not is_transient or repo.failures > 3:
        problem = Problem(error.code, error.message, error.hint)
        repo.board.set_local(repo.name, state=RepoState.ERROR, reason=error.message, error=problem)
        repo.end_hurry()


def _plan_reconcile(repo: LocalRepository, now: float) -> None:
    every = repo.config.reconcile
    repo.reconcile_at = None if every is None else next_run(now, every, random.random())
