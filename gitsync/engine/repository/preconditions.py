"""The conditions of every piece of work: the root is the same, no git operation is open, the branch is the right one.

Runs on the committer thread, before every piece of work and again between staging and commit.
"""

from __future__ import annotations

import logging
import os

from gitsync.core.questions import brake_question
from gitsync.core.safety import NOT_MOUNTED, open_operation_reason, root_problem
from gitsync.core.states import WorktreeState
from gitsync.engine.messages import Committed, Opened, RootLost, WatcherDoubted
from gitsync.engine.repository.repository import LocalRepository
from gitsync.engine.repository.root import Found
from gitsync.errors import TransientError
from gitsync.git.repository import BARE
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import Problem, RepoState

logger = logging.getLogger(__name__)

# How often a repository that is held up by its user's git operation, or by its root, is looked at again.
BUSY_RECHECK_S = 2.0
VANISHED_RECHECK_S = 3.0
# A halt of these ends by itself when the root that was watched is in its place again.
RETURNING = frozenset({"root-vanished", "root-replaced", NOT_MOUNTED})

S_ = WorktreeState


def is_held(repo: LocalRepository, now: float) -> bool:
    """Look at the root and at the user's own operations; move to halted or busy where they say so."""
    problem = _root_problem(repo)
    if problem is not None:
        again_at = now + VANISHED_RECHECK_S if problem.code in RETURNING else None
        halt(repo, problem, look_again_at=again_at)
        return True
    if repo.machine is S_.HALTED:
        is_root = repo.hold.halt_code in RETURNING
        if not is_root and not repo.hold.deletions.are_back(repo.config.path):
            repo.hold.look_later(now + VANISHED_RECHECK_S if repo.hold.deletions.asked else None)
            return True
        repo.hold.see_root()
        if is_root:
            repo.hold.forget_branch()  # the exchanger goes on when it is announced again
            repo.close_worktree()  # what came back may be another repository in the same directory
        repo.context.send(WatcherDoubted(repo.name))
        repo.context.show(error=None, asked=())
    facts = repo.open().facts()
    repo.handle.root.note_head(facts.head)
    reason = open_operation_reason(facts.open_operation) if facts.open_operation else ""
    if not reason and facts.branch is None:
        reason = open_operation_reason("detached")
    if not reason and repo.config.branch and facts.branch != repo.config.branch:
        reason = f"branch {facts.branch} is checked out; this repository is configured for {repo.config.branch}"
    was = repo.context.local
    repo.context.show(branch=facts.branch or "", head=facts.head)
    if reason:
        repo.drop_staging()
        repo.hold.see_operation(now + BUSY_RECHECK_S)
        repo.integration.answer_all(repo.context)
        repo.show(RepoState.BUSY, reason)
        repo.end_hurry()
        return True
    if repo.machine is S_.BUSY:
        repo.hold.see_operation_end()
    if facts.branch and facts.branch != repo.hold.announced_branch:
        if repo.hold.announced_branch:
            repo.count(repo.open())
        repo.hold.announce(facts.branch)
        repo.context.send(Opened(repo.name))
    elif facts.branch and facts.head and facts.head != was.head:
        repo.context.send(Committed(repo.name, facts.branch, facts.head, is_by_user=True))
    return False


def refresh(repo: LocalRepository, now: float) -> None:
    """Show what a person may have done with git since the last look, where no step is about to look anyway."""
    if repo.worktree is None or repo.machine not in (S_.CLEAN, S_.SETTLING, S_.BUSY, S_.PAUSED):
        return
    head = repo.board.local(repo.name).head
    try:
        if repo.machine is S_.PAUSED:
            repo.context.show(head=repo.worktree.facts().head)  # looked at, and nothing more
        else:
            is_held(repo, now)
        if repo.worktree is not None and repo.board.local(repo.name).head != head:
            repo.context.show(last_commit=repo.worktree.last_commit())
            repo.count(repo.worktree)
        repo.show_copies()
    except UNEXPECTED_ERRORS as trouble:
        error = as_error(repo.name, trouble)
        logger.debug("%s: cannot refresh: %s", repo.name, error.message)
        if error.code == BARE:
            problem = Problem(error.code, error.message, error.hint)
            repo.context.show(state=RepoState.ERROR, reason=error.message, error=problem)
            repo.rescan("core.bare was set")  # which goes on until that is over


def _root_problem(repo: LocalRepository) -> Problem | None:
    path = str(repo.config.path)
    try:
        found = repo.config.path.stat()
        with os.scandir(path) as entries:
            is_empty = all(entry.name == ".git" for entry in entries)
        has_git = os.path.lexists(repo.config.path / ".git")
    except (FileNotFoundError, NotADirectoryError):
        judged = repo.handle.root.judge(path, None)
        return root_problem(repo.name, path, is_away=judged is Found.AWAY, is_missing=True)
    except OSError as error:
        raise TransientError(f"{repo.name}: cannot look at {path}: {error.strerror}", code="unreadable") from error
    tracked = repo.worktree.tracked_count() if is_empty and repo.worktree else 0
    tracked = 0 if repo.hold.consent.covers(tracked) else tracked
    identity = found.st_dev, found.st_ino
    if repo.worktree is not None and not has_git and repo.handle.root.identity == identity:
        return root_problem(repo.name, path, is_missing=True)
    judged = repo.handle.root.judge(path, identity)
    is_away, is_other = judged is Found.AWAY, judged is Found.OTHER
    return root_problem(
        repo.name, path, is_away=is_away, is_other=is_other, is_empty=is_empty and not is_away, tracked=tracked
    )


def halt(
    repo: LocalRepository,
    problem: Problem,
    *,
    look_again_at: float | None = None,
    removed: frozenset[bytes] = frozenset(),
) -> None:
    """Stop this repository until a user, or at `look_again_at` the root itself, has solved the problem.

    `removed` are the files that are not deleted before a user has agreed to it.
    """
    repo.drop_staging()
    if removed:
        repo.hold.deletions.ask(removed)
        look_again_at = repo.clock.now() + VANISHED_RECHECK_S
    was = repo.hold.halt_code
    if repo.hold.halt(problem.code, look_again_at):
        repo.context.send(WatcherDoubted(repo.name))
    if problem.code in RETURNING and problem.code != was:
        repo.handle.root.doubt()
        repo.context.send(RootLost(repo.name))
    if problem.code == NOT_MOUNTED:
        repo.close_worktree()
    repo.integration.answer_all(repo.context)
    question = brake_question(problem, _cause(repo, problem), repo.board.local(repo.name).branch, removed)
    repo.hold.consent.ask(question, removed)
    asked = () if question is None else (question,)
    state = RepoState.OFFLINE if problem.code == NOT_MOUNTED else RepoState.HALTED
    repo.context.show(state=state, reason=problem.message, error=problem, asked=asked)
    repo.end_hurry()


def _cause(repo: LocalRepository, problem: Problem) -> str:
    """Return what makes another question of the same problem: the root that was found, or the number of files."""
    if problem.code != "root-replaced":
        return problem.message
    try:
        found = repo.config.path.stat()
    except OSError:
        return problem.message  # it went meanwhile, which the next look reports
    return f"{problem.message} {found.st_dev} {found.st_ino}"
