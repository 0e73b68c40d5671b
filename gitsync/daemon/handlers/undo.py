"""The answers of undo and redo: which change of gitsync's own is meant, what taking it back comes to, and doing it.

Run on connection threads, or in the control command while no daemon runs. Changes are made by the committer.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import partial

from gitsync.clock import iso
from gitsync.config.options import JobConfig, RepoConfig
from gitsync.daemon.handlers.conflicts import reading
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json, problem, real
from gitsync.daemon.handlers.undo_job import undo_job
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git.changes.undo import Undoable, Undone, Way, is_next, trial, undo, undoables
from gitsync.git.history.diff import of
from gitsync.git.history.log import History

logger = logging.getLogger(__name__)


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the handlers by method."""
    return {"undo": partial(_undo, context), "redo": partial(_redo, context)}


def _undo(context: HandlerContext, params: Json) -> Json:
    jobs = _jobs(context, params.get("name"))
    if jobs:
        return undo_job(context, jobs[0], params)
    if params.get("list"):
        repos = context.chosen([params["name"]] if params.get("name") else [])
        changes: list[Json] = []
        problems: list[Json] = []
        for repo in repos:
            try:
                changes += [_change(repo, item) for item in _undoables(context, repo)]
            except GitsyncError as error:
                if len(repos) == 1:
                    raise
                problems.append(problem(repo.name, error))
        changes.sort(key=lambda change: str(change["time"]), reverse=True)
        return {"changes": changes, "problems": problems}
    way = Way(params.get("commit") or "", is_keeping=bool(params.get("keep")), is_all=bool(params.get("all")))
    return _go(context, _one(context, params, way), way, is_trial=bool(params.get("dry_run")))


def _redo(context: HandlerContext, params: Json) -> Json:
    way = Way(is_redo=True, is_keeping=bool(params.get("keep")), is_all=bool(params.get("all")))
    return _go(context, _one(context, params, way), way, is_trial=bool(params.get("dry_run")))


def _go(context: HandlerContext, repo: RepoConfig, way: Way, *, is_trial: bool) -> Json:
    if not is_trial:
        done = context.perform(repo.name, partial(undo, way=way, author=repo.author))
        return _undone(repo, done, is_trial=False)
    with reading(context, repo) as place:
        done = trial(place, way)
        found = _undone(repo, done, is_trial=True)
        if done.tree is not None and done.head is not None:
            changes = of(History(place.root), done.tree, done.head)
            found |= {"patch": os.fsdecode(changes.patch), "is_cut": changes.is_cut}
    return found


def _jobs(context: HandlerContext, name: str | None) -> list[JobConfig]:
    """Return the job that is meant where no repository is: one that is watched, too, is undone as a repository."""
    if name is None:
        return []
    targets = context.targets([name])
    return [] if targets.repos else targets.jobs


def _one(context: HandlerContext, params: Json, way: Way) -> RepoConfig:
    """Return the repository that is meant: the named one, that of the directory, or that of the newest change."""
    name, within = params.get("name"), params.get("within")
    if name is not None:
        return context.one(name)
    repos = context.config.repositories
    if not repos:
        raise UsageError("no repository is watched yet", "to watch one: gitsyncctl watch DIR")
    holding = [repo for repo in repos if within is not None and real(within).is_relative_to(real(repo.path))]
    if holding:
        return max(holding, key=lambda repo: len(real(repo.path).parts))
    if len(repos) == 1:
        return repos[0]
    found, unread = _next_of_each(context, repos, way)
    if not found:
        which = f"any of the {len(repos)} repositories"
        if unread:
            which = f"the repositories that can be read, and {', '.join(unread)} cannot be"
        raise OperationError(
            f"there is nothing to {way.verb} in {which}",
            "to list the versions of a file: gitsyncctl restore PATH --list",
            code="nothing-to-undo",
        )
    return max(found, key=lambda pair: pair[0])[1]


def _undoables(context: HandlerContext, repo: RepoConfig) -> list[Undoable]:
    with reading(context, repo) as place:
        return undoables(place)


def _next_of_each(
    context: HandlerContext, repos: Sequence[RepoConfig], way: Way
) -> tuple[list[tuple[float, RepoConfig]], list[str]]:
    """Return when the change was made that would be undone or redone, for each repository with one, and the names of
    those that cannot be read: `status` reports their error, and it does not affect the others.
    """
    found: list[tuple[float, RepoConfig]] = []
    unread: list[str] = []
    for repo in repos:
        try:
            change = next((change for change in _undoables(context, repo) if is_next(change, way)), None)
        except GitsyncError as error:
            logger.debug("%s: cannot look for changes to undo: %s", repo.name, error.message)
            unread.append(repo.name)
        else:
            found += [(change.at, repo)] if change is not None else []
    return found, unread


def _change(repo: RepoConfig, change: Undoable) -> Json:
    return {
        "repo": repo.name,
        "root": str(repo.path),
        "commit": change.commit.to_json(),
        "before": change.before,
        "reason": change.reason,
        "time": iso(change.at),
        "paths": list(change.paths),
        "is_undone": change.is_undone,
    }


def _undone(repo: RepoConfig, done: Undone, *, is_trial: bool) -> Json:
    return {
        "repo": repo.name,
        "root": str(repo.path),
        "undone": _change(repo, done.change),
        "paths": list(done.paths),
        "kept": list(done.kept),
        "back": list(done.back),
        "commit": done.commit.to_json() if done.commit else None,
        "dry_run": is_trial,
        "is_redo": done.change.reason == "undo",
    }
