"""Taking in what was fetched: trial merge first, then the work tree, then the ref.

Runs on the committer thread, between commits, when nothing is pending. What a person is told of a merge is decided
here; how it is done without losing an edit is `gitsync.git.integrate`.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from gitsync.core.states import WorktreeEvent
from gitsync.engine.messages import Fetched, Integrated
from gitsync.errors import GitsyncError
from gitsync.git.integrate import OutcomeKind, apply
from gitsync.git.merge import Plan, PlanKind, plan
from gitsync.git.refs import ahead_behind
from gitsync.git.worktree import Worktree
from gitsync.model import Problem

if TYPE_CHECKING:
    from gitsync.engine.local import LocalRepository

logger = logging.getLogger(__name__)

E_ = WorktreeEvent


def integrate(repository: LocalRepository, now: float) -> None:
    """Bring the branch and the work tree to what the last fetch asks for, and answer the exchanger."""
    fetched = repository.fetched
    assert fetched is not None
    worktree = repository.open()
    facts = worktree.facts()
    if facts.branch != fetched.branch or fetched.upstream is None:
        # Another branch is checked out by now (the next exchange asks about that one), or the remote has none yet.
        is_ahead = facts.branch == fetched.branch and facts.head is not None
        _finish(repository, Integrated(repository.name, fetched.branch, facts.head, is_ahead))
        return
    repository.advance(E_.INTEGRATION_BEGUN)
    try:
        wanted = plan(worktree, fetched.upstream, fetched.was)
        if wanted.kind in (PlanKind.FAST_FORWARD, PlanKind.MERGE):
            _apply(repository, worktree, wanted, fetched, now)
            return
    except GitsyncError:
        repository.advance(E_.INTEGRATION_REFUSED)
        answer_refused(repository, None)
        raise
    repository.advance(E_.INTEGRATION_REFUSED if wanted.kind is not PlanKind.EQUAL else E_.INTEGRATED)
    conflicts = tuple(os.fsdecode(path) for path in wanted.conflicts)
    repository.board.set_local(repository.name, conflicts=conflicts)
    problem = _problem(repository.name, wanted, fetched)
    if problem is not None and wanted.kind is PlanKind.CONFLICT:
        repository.board.set_local(repository.name, error=problem)
    _count(repository, worktree, fetched.upstream)
    is_ahead = wanted.kind is PlanKind.AHEAD
    _finish(repository, Integrated(repository.name, fetched.branch, facts.head, is_ahead, problem))


def answer_refused(repository: LocalRepository, problem: Problem | None) -> None:
    """Tell the exchanger that nothing can be taken in now; it comes back by its schedule."""
    fetched = repository.fetched
    if fetched is not None:
        _finish(repository, Integrated(repository.name, fetched.branch, None, False, problem))


def _apply(repository: LocalRepository, worktree: Worktree, wanted: Plan, fetched: Fetched, now: float) -> None:
    config, name = repository.config, repository.name
    source = f"{fetched.remote}/{fetched.branch}"
    outcome = apply(worktree, wanted, message=f"Merge {source}", author=config.author)
    if outcome.kind is OutcomeKind.EDITED:
        # Somebody saved one of these files a moment ago: that is committed first, then the merge is tried again.
        repository.buffer.note(outcome.paths)
        repository.advance(E_.OVERTAKEN)
        return
    if outcome.kind is OutcomeKind.BLOCKED:
        repository.advance(E_.INTEGRATION_REFUSED)
        problem = outcome.problem or Problem("blocked", f"{name}: {source} cannot be taken in")
        _finish(repository, Integrated(name, fetched.branch, None, False, problem))
        return
    repository.advance(E_.INTEGRATED)
    verb = "merged" if wanted.kind is PlanKind.MERGE else "pulled"
    count = len(outcome.paths)
    text = f"{verb} {source} into {name}: {count} {'file' if count == 1 else 'files'}"
    repository.board.set_local(name, last_commit=worktree.last_commit(), head=outcome.head, conflicts=(), error=None)
    repository.board.publish(verb, name, text, commit=outcome.head)
    assert fetched.upstream is not None
    _count(repository, worktree, fetched.upstream)
    _finish(repository, Integrated(name, fetched.branch, outcome.head, wanted.kind is PlanKind.MERGE))


def _finish(repository: LocalRepository, answer: Integrated) -> None:
    repository.fetched = None
    repository.post(repository.name, answer)


def _count(repository: LocalRepository, worktree: Worktree, upstream: str) -> None:
    repository.has_upstream = True
    ahead, behind = ahead_behind(worktree, upstream)
    repository.board.set_local(repository.name, ahead=ahead, behind=behind)


def _problem(name: str, wanted: Plan, fetched: Fetched) -> Problem | None:
    source = f"{fetched.remote}/{fetched.branch}"
    if wanted.kind is PlanKind.CONFLICT:
        count = len(wanted.conflicts)
        files = "a file was" if count == 1 else f"{count} files were"
        return Problem(
            "conflict",
            f"{name}: {files} changed here and in {source}; nothing was touched, commits go on and wait to be pushed",
            f"settle it with git when you like: git merge {source}",
        )
    if wanted.kind is PlanKind.UNRELATED:
        return Problem(
            "unrelated-histories",
            f"{name}: {source} shares no history with this repository",
            f"check the address: git remote -v; to join the two: git merge --allow-unrelated-histories {source}",
        )
    if wanted.kind is PlanKind.REWRITTEN:
        return Problem(
            "remote-rewritten",
            f"{name}: the history of {source} was rewritten; commits that were there are gone from it",
            f"look at it with git log {source}; to merge it with what is here: gitsyncctl resume {name} --accept",
        )
    return None
