"""The steps of work on one repository: scan, wait for quiet, stage and commit, integrate, one bounded step at a time.

Runs on the committer thread. The state of a repository (`core.states`) decides the next step: `STEPS` names the
function of each, which ends by moving the state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from gitsync.core.safety import mass_deletion, still_missing
from gitsync.core.states import WorktreeEvent, WorktreeState
from gitsync.engine.messages import Opened, Resume, WatcherDoubted
from gitsync.engine.repository.commit import commit
from gitsync.engine.repository.integrate import answer_at_once, integrate
from gitsync.engine.repository.merge_saved import merge_saved
from gitsync.engine.repository.perform import perform_next
from gitsync.engine.repository.preconditions import halt, is_held
from gitsync.engine.repository.repository import LocalRepository
from gitsync.engine.repository.retry import SOON_TRIES
from gitsync.engine.repository.revive import revive_next
from gitsync.errors import GitsyncError, HaltError, TransientError
from gitsync.git.changes.held import release
from gitsync.git.staging.worktree import Staged, TipMovedError
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import Problem, RepoState
from gitsync.watch.buffer import Noted

logger = logging.getLogger(__name__)

# How long one step of staging may take before another repository has its turn.
STAGING_S = 0.03
# A single failure that passes by itself is not shown: it is over at the next try.
SILENT_FAILURES = 3
# A held lock, or a tip that moved: the user's own git is at work, mostly for moments.
COLLISIONS = frozenset({"index-locked", "ref-locked", "tip-moved"})
# Objects of the repository cannot be read.
DAMAGE = frozenset({"scan", "missing-object", "local-damage"})
# A cause that lasts for longer than about a minute is an error, with what to do about it.
HELD_TRIES = 150
# So often the work tree is opened again, which removes the locks that nobody can hold any more.
SWEEP_TRIES = 10

E_, S_ = WorktreeEvent, WorktreeState


def tick(repo: LocalRepository, now: float) -> None:
    """Do at most one step of work; errors become the state of this repository, and of no other."""
    if repo.retry.is_waiting(now) and repo.machine is not S_.PAUSED:
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
    if repo.machine in (S_.PAUSED, S_.COMMITTING):
        STEPS[repo.machine](repo, now)
    elif not is_held(repo, now):
        for state in AT_ONCE:
            if repo.machine is state:
                STEPS[state](repo, now)
    elif repo.hold.has_files_missing and repo.requests:
        revive_next(repo)
    if repo.machine is S_.CLEAN and not repo.has_pending and repo.integration.wanted is None:
        _come_to_rest(repo)


def _stay_paused(repo: LocalRepository, now: float) -> None:
    until = repo.hold.paused_until
    if until is not None and now >= until:
        repo.resume(Resume(repo.name, is_accepted=False))


def _start(repo: LocalRepository, now: float) -> None:
    repo.advance(E_.STARTED)


def _answer_early(repo: LocalRepository) -> None:
    """Answer an exchanger while something is pending: mostly nothing is new there, and edits may come on."""
    if repo.integration.wanted is not None and repo.has_pending:
        answer_at_once(repo)


def _rest(repo: LocalRepository, now: float) -> None:
    if repo.integration.stale.is_due and not repo.peek().count:
        merge_saved(repo)
        return
    _answer_early(repo)
    if repo.is_behind:
        repo.follow(now)
        return
    if repo.requests and not (repo.hurry.is_on and repo.peek().count):
        perform_next(repo, now)
        return
    for path in repo.batch.left_out.take_rechecks(repo.open, now):
        repo.buffer.note([path])
    if repo.retry.reconcile_at is not None and now >= repo.retry.reconcile_at:
        repo.retry.plan_reconcile(repo.config.reconcile, now)
        repo.buffer.note_rescan("periodic reconcile")
    if repo.batch.look_at is not None and now >= repo.batch.look_at:
        repo.batch.look_again(repo.buffer, now)
    aside_at = repo.buffer.peek().aside_at
    if aside_at is not None and now >= aside_at + repo.config.max_wait:
        repo.buffer.look_aside()
    if repo.peek().count:
        repo.advance(E_.NOTED)
    elif repo.integration.is_due(now):
        integrate(repo, now)


def _come_to_rest(repo: LocalRepository) -> None:
    repo.show_copies()
    repo.hold.consent.end()
    repo.hold.deletions.end_question()
    repo.retry.see_success()
    repo.show(RepoState.CONFLICT if repo.board.local(repo.name).conflicts else RepoState.OK, "")
    repo.end_hurry()


def _scan(repo: LocalRepository, now: float) -> None:
    worktree = repo.open()
    repo.show(RepoState.SYNCING, "scanning")
    repo.buffer.steal()  # the scan sees all that was noted until here
    started = repo.clock.now()
    release(worktree)
    paths = worktree.scan(is_doubted=False)
    logger.debug("%s: scanned differing=%d seconds=%.3f", repo.name, len(paths), repo.clock.now() - started)
    repo.retry.plan_reconcile(repo.config.reconcile, now)
    repo.batch.left_out.forget_seen(paths)
    repo.show_batch()
    if repo.scan_beside() or paths:
        repo.buffer.note(paths)
        repo.advance(E_.SCANNED_DIRTY)
    else:
        repo.advance(E_.SCANNED_CLEAN)


def _settle(repo: LocalRepository, now: float) -> None:
    _answer_early(repo)
    pending = repo.peek()
    if not pending.count:
        repo.buffer.note_rescan("settling with nothing noted")
        pending = repo.peek()
    if now < repo.due_at(pending.first_at, pending.last_at):
        repo.show(RepoState.PENDING, "waiting for quiet")
        return
    noted = repo.buffer.steal()
    try:
        _begin(repo, noted, now)
    except UNEXPECTED_ERRORS:
        repo.buffer.give_back(noted)
        raise
    repo.advance(E_.FELL_DUE)
    repo.show(RepoState.SYNCING, "committing")


def _begin(repo: LocalRepository, noted: Noted, now: float) -> None:
    noted = repo.gather(noted, now)
    if noted.reasons:
        logger.debug("%s: rescan reason=%r", repo.name, ", ".join(sorted(noted.reasons)))
        repo.context.send(WatcherDoubted(repo.name))
        repo.handle.root.doubt()
        noted = replace(noted, paths=noted.paths | repo.open().scan())
    repo.hurry.begin_batch()
    repo.batch.begin(repo.open(), noted, repo.config, now, is_hurried=repo.hurry.is_on)


def _stage_on(repo: LocalRepository, now: float) -> None:
    staging = repo.batch.staging
    assert staging is not None
    try:
        if not staging.advance(STAGING_S):
            return
        staged = staging.result()
        if is_held(repo, now):
            return
        total = repo.hold.deletions.total(repo.open(), staged, repo.clock.wall())
        staged = staged.without(_held_back(repo, staged, total, now))
        problem = _brake(repo, staged, total)
        if problem is not None:
            halt(repo, problem, removed=staged.removed)
            return
        commits = commit(repo, repo.open(), staged)
    except UNEXPECTED_ERRORS:
        repo.drop_staging()
        if repo.machine is S_.COMMITTING:
            repo.advance(E_.COMMIT_FAILED)
        raise
    repo.batch.settle(staged, repo.buffer, now, repo.config.quiet)
    if repo.hurry.is_on:
        repo.batch.look_again(repo.buffer, now)
    repo.advance(E_.COMMITTED if commits else E_.FOUND_EQUAL)
    repo.retry.see_success()
    _note_deletions(repo, staged.removed)
    repo.hold.consent.end()
    repo.show_batch()
    if repo.has_pending:
        repo.show(RepoState.PENDING, "waiting for quiet")
    if repo.hurry.is_over(is_complete=not staged.later):
        repo.end_hurry()


def _held_back(repo: LocalRepository, staged: Staged, total: frozenset[bytes], now: float) -> frozenset[bytes]:
    """Return the deletions that are not to be committed yet, because files are still being removed."""
    if repo.hurry.is_on or repo.config.brake_deletes >= 1:
        return frozenset()
    wall = repo.clock.wall()
    return repo.hold.deletions.hold(staged, total, now, wall, is_overdue=repo.batch.is_overdue)


def _brake(repo: LocalRepository, staged: Staged, total: frozenset[bytes]) -> Problem | None:
    removed, deletions = staged.removed, repo.hold.deletions
    if not removed or repo.hold.consent.covers(len(removed), removed):
        return None
    worktree = repo.open()
    committed = len(total - removed)
    tracked = worktree.tracked_count() + committed
    problem = mass_deletion(repo.name, tracked, len(total), repo.config.brake_deletes, committed)
    if problem is None and (missing := removed & deletions.asked):
        problem = still_missing(repo.name, len(deletions.asked), len(missing))
    if problem is not None:
        # The user's own `git switch` takes files away before it moves HEAD: that is not a deletion.
        if worktree.index.lock.is_held():
            raise worktree.index.lock.refusal()
        facts = worktree.facts()
        if (facts.branch, facts.head) != (staged.branch, staged.head):
            raise TipMovedError(f"{repo.name}: HEAD was moved meanwhile", "it is tried again by itself")
    return problem


def _note_deletions(repo: LocalRepository, removed: frozenset[bytes]) -> None:
    """Count what was committed, unless a person has agreed to it."""
    if removed and repo.hold.consent.covers(len(removed), removed):
        repo.hold.deletions.end()
    else:
        repo.hold.deletions.note(removed, repo.clock.wall())


def _fail(repo: LocalRepository, error: GitsyncError, now: float) -> None:
    is_transient, is_collision = isinstance(error, TransientError), error.code in COLLISIONS
    is_stuck = error.code == "ref-locked" and (repo.retry.failures + 1) % SWEEP_TRIES == 0
    if not is_transient or is_stuck:
        # Opened again for the next try: then what an interrupted pull left is completed, and a repaired file is read.
        repo.drop_staging()
        repo.close_worktree()
    if error.code in DAMAGE:
        repo.integration.answer_all(repo.context)
    repo.retry.see_failure(now, is_collision=is_collision)
    failures = repo.retry.failures
    logger.debug("%s: failed code=%s failures=%d", repo.name, error.code, failures)
    if is_collision and failures <= HELD_TRIES:
        # git is at work, and the commit comes as soon as it has finished.
        if failures > SOON_TRIES:
            repo.show(RepoState.BUSY, error.message)
            repo.end_hurry()
    elif not is_transient or failures > SILENT_FAILURES:
        problem = Problem(error.code, error.message, error.hint)
        repo.context.show(state=RepoState.ERROR, reason=error.message, error=problem)
        if error.code in DAMAGE and failures == 1:
            repo.context.send(Opened(repo.name))  # the remote may have what is damaged here
        repo.end_hurry()


STEPS: dict[WorktreeState, Callable[[LocalRepository, float], None]] = {
    S_.STARTING: _start,
    S_.SCANNING: _scan,
    S_.CLEAN: _rest,
    S_.SETTLING: _settle,
    S_.COMMITTING: _stage_on,
    S_.PAUSED: _stay_paused,
}
# One tick goes through these as far as the state moves along; busy and halted are left by `preconditions.is_held`.
AT_ONCE = (S_.STARTING, S_.SCANNING, S_.CLEAN, S_.SETTLING)
