"""Changes that a user asks for: a restore, an undo, a settled conflict.

Runs on the committer thread, between commits: what is pending is committed first, so that a change never takes away
what history does not have. The change itself is a commit like any other and goes through `git.integrate`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from gitsync.core.states import STANDING, WorktreeEvent
from gitsync.engine.messages import Perform
from gitsync.engine.owner import Owner
from gitsync.engine.repository.batch import STAGED_GRACE_S, tell
from gitsync.errors import OperationError
from gitsync.git.applying.apply import OvertakenError
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.text import as_word

if TYPE_CHECKING:
    from gitsync.engine.repository.repository import LocalRepository

logger = logging.getLogger(__name__)
T = TypeVar("T")

E_ = WorktreeEvent
# Files that are being written meet a change again and again; then its user is told.
TRIES = 5


def ask_to_perform(committer: Owner, name: str, act: Callable[[Worktree], T], patience_s: float) -> T:
    """Return what `act` makes of a repository's work tree on the committer thread; runs on the thread of who asks.

    Raise what it raised, or OperationError: then it is not made later either, unless it was being made already.
    """
    is_wanted = True

    def wanted(worktree: Worktree) -> T:
        if not is_wanted:
            raise OperationError(f"{name}: nobody waits for this change any more", code="abandoned")
        return act(worktree)

    try:
        answer: T = committer.ask(Perform(name, wanted), patience_s)
    except OperationError:
        is_wanted = False
        raise
    return answer


def perform(repo: LocalRepository, act: Callable[[Worktree], object], future: Future[Any]) -> None:
    """Let `act` run as soon as nothing is pending; refuse at once where the repository stands still."""
    repo.performing.append((act, future))
    if repo.machine in STANDING:
        refuse(repo)
    else:
        repo.overtakings = 0
        repo.hurry()


def refuse(repo: LocalRepository) -> None:
    """Tell those who want a change made that this is not the time; nothing was changed."""
    while repo.performing:
        _, future = repo.performing.popleft()
        status = repo.board.status(repo.name)
        hint = status.error.hint if status.error else f"gitsyncctl status {as_word(repo.name)}"
        why = status.reason or str(status.state)
        future.set_exception(OperationError(f"{repo.name} cannot be changed now: {why}", hint, code="held"))


def perform_next(repo: LocalRepository, now: float) -> None:
    """Run the change that was asked for first, and tell the exchanger when the branch moved."""
    act, future = repo.performing[0]
    worktree = repo.open()
    before = worktree.facts().head
    repo.advance(E_.INTEGRATION_BEGUN)
    try:
        answer = act(worktree)
    except OvertakenError as overtaken:
        repo.overtakings += 1
        if repo.overtakings < TRIES:
            # Somebody saved one of these files a moment ago: that is committed first, then it is tried again.
            repo.buffer.note(overtaken.paths)
            repo.hurry()
            repo.advance(E_.OVERTAKEN)
            return
        repo.advance(E_.INTEGRATION_REFUSED)
        _end(repo, future, overtaken)
    except UNEXPECTED_ERRORS as trouble:
        repo.advance(E_.INTEGRATION_REFUSED)
        error = as_error(repo.name, trouble)
        if error.code == "half-applied":
            repo.close_worktree()  # opening it again rolls the journal on
        _end(repo, future, error)
    else:
        repo.advance(E_.INTEGRATED)
        made = worktree.last_commit()
        if made is not None and made.id != before:
            tell(repo, made)
            repo.count(worktree)
            _follow(repo, now)
        _end(repo, future, None, answer)


def _follow(repo: LocalRepository, now: float) -> None:
    """Let what was asked for reach home before it is answered; what cannot now is tried again by the next slice."""
    try:
        repo.follow(now)
    except UNEXPECTED_ERRORS as trouble:
        logger.debug("%s: not in home yet: %s", repo.name, as_error(repo.name, trouble).message)


def _end(repo: LocalRepository, future: Future[Any], error: Exception | None, answer: object = None) -> None:
    repo.performing.popleft()
    repo.overtakings = 0
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)


@dataclass(frozen=True, slots=True)
class PathStatus:
    """Seconds from now: since when the path waits (None: it is not noted), when it is due, and until when a path
    that the user staged is left to him."""

    waited_s: float | None
    due_s: float
    staged_left_s: float | None


def path_status(repo: LocalRepository, path: bytes) -> PathStatus:
    """Return what is known of `path` of a repository."""
    now = repo.clock.now()
    pending = repo.peek()
    waited_s: float | None = None
    due_s = 0.0
    if repo.staging is not None and repo.batch.holds(path):
        waited_s = now - repo.pending_since
    elif pending.count and repo.holds(path):
        waited_s = now - pending.first_at
        due_s = max(0.0, repo.due_at(pending.first_at, pending.last_at) - now)
    since = repo.batch.staged_since(path)
    return PathStatus(waited_s, due_s, None if since is None else max(0.0, since + STAGED_GRACE_S - now))
