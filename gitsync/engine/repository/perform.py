"""Changing a repository for its user: a restore, an undo, a resolved conflict.

Runs on the committer thread, between commits: what is pending is committed first, so that a change never takes away
what history does not have. The change itself is a commit like any other and goes through `git.applying.apply`.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from gitsync.core.states import STANDING, WorktreeEvent
from gitsync.engine.messages import Perform
from gitsync.engine.repository.commit import announce
from gitsync.engine.repository.left_out import STAGED_GRACE_S
from gitsync.engine.repository.repository import LocalRepository
from gitsync.errors import OperationError
from gitsync.git.applying.apply import OvertakenError
from gitsync.git.changes.allow import Allowed
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error

logger = logging.getLogger(__name__)

E_ = WorktreeEvent


def perform(repo: LocalRepository, wanted: Perform, future: Future[Any]) -> None:
    """Make the change as soon as nothing is pending; refuse at once where the repository is held up."""
    repo.requests.add(wanted, future)
    if repo.machine in STANDING:
        repo.requests.refuse(repo.context, has_files_missing=repo.hold.has_files_missing)
    else:
        repo.hurry_up()


def perform_next(repo: LocalRepository, now: float) -> None:
    """Make the change that was asked for first, and announce the commit when the branch moved."""
    wanted = repo.requests.first()
    if now >= wanted.ends_at:
        text = f"{repo.name}: nobody waits for this change any more"
        repo.requests.fail(OperationError(text, code="abandoned"))
        return
    worktree = repo.open()
    before = worktree.facts().head
    repo.advance(E_.INTEGRATION_BEGUN)
    try:
        answer = wanted.act(worktree)
    except OvertakenError as overtaken:
        if repo.requests.see_overtaken():
            # Somebody saved one of these files a moment ago: that is committed first, then it is tried again.
            repo.buffer.note(overtaken.paths)
            repo.hurry_up()
            repo.advance(E_.OVERTAKEN)
            return
        repo.advance(E_.INTEGRATION_REFUSED)
        repo.requests.fail(overtaken)
    except UNEXPECTED_ERRORS as trouble:
        repo.advance(E_.INTEGRATION_REFUSED)
        error = as_error(repo.name, trouble)
        if error.code == "index-locked" and repo.requests.see_collision(now):
            repo.retry.see_failure(now, is_collision=True)
            return
        if error.code == "half-applied":
            repo.close_worktree()  # opening it again rolls the journal on
        repo.requests.fail(error)
    else:
        repo.advance(E_.INTEGRATED)
        repo.retry.see_success()
        made = worktree.last_commit()
        if made is not None and made.id != before:
            announce(repo, made)
            repo.count(worktree)
            _follow(repo, now)
        if isinstance(answer, Allowed):
            repo.buffer.note(answer.paths)  # the next look takes them off the list of files that are held back
        repo.requests.succeed(answer)


def _follow(repo: LocalRepository, now: float) -> None:
    """Write the change to home before it is answered; what cannot be written now is tried again at the next step."""
    try:
        repo.follow(now)
    except UNEXPECTED_ERRORS as trouble:
        logger.debug("%s: not in home yet: %s", repo.name, as_error(repo.name, trouble).message)


@dataclass(frozen=True, slots=True)
class PathStatus:
    """Seconds from now: since when the path waits (None: it is not noted), when it is due, and until when a path
    that the user staged is left to them."""

    waited_s: float | None
    due_s: float
    staged_left_s: float | None


def path_status(repo: LocalRepository, path: bytes) -> PathStatus:
    """Return how long `path` of a repository waits already, and until when."""
    now = repo.clock.now()
    pending = repo.peek()
    waited_s: float | None = None
    due_s = 0.0
    if repo.batch.staging is not None and repo.batch.holds(path):
        waited_s = now - repo.batch.first_at
    elif pending.count and repo.holds(path):
        waited_s = now - pending.first_at
        due_s = max(0.0, repo.due_at(pending.first_at, pending.last_at) - now)
    since = repo.batch.left_out.staged_since(path)
    return PathStatus(waited_s, due_s, None if since is None else max(0.0, since + STAGED_GRACE_S - now))
