"""The answers about conflicts, resolve and undo.

Runs on connection threads, or in the control command while no daemon runs. Looking is done with a handle of its own,
opened and closed here; what changes a repository is done by the committer.
"""

from __future__ import annotations

import logging
import os
from functools import partial

from gitsync.clock import iso
from gitsync.config.options import RepoConfig
from gitsync.core.names import as_word
from gitsync.daemon.conflicting import copies_in, place_of, reading, rules_of, waiting_in
from gitsync.daemon.desk import Answer, Desk, Json
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git.settling import Choice, Settled, not_in_conflict, settle, settle_waiting
from gitsync.git.sides import Conflicted, Version, described
from gitsync.git.sides import waiting as waiting_sides
from gitsync.git.trouble import TROUBLE, as_error
from gitsync.git.undoing import REASON, Undoable, Undone, trial, undo, undoables
from gitsync.git.worktree import Worktree

logger = logging.getLogger(__name__)

WHAT_EACH_DOES = (
    "--theirs keeps what stands under the name, --ours puts the kept copy there, --both keeps both, "
    "--done says that you have put it right yourself"
)


def answers(desk: Desk) -> dict[str, Answer]:
    """Return the answers, by method."""
    return {"conflicts": partial(_conflicts, desk), "resolve": partial(_resolve, desk), "undo": partial(_undo, desk)}


# -- conflicts --------------------------------------------------------------------------------------------------------


def _conflicts(desk: Desk, params: Json) -> Json:
    found: list[Json] = []
    errors: list[Json] = []
    targets = desk.targets(params.get("names", []))
    for repo in targets.repos:
        try:
            found += [_conflict(repo, item) for item in _conflicts_of(desk, repo)]
        except TROUBLE as trouble:
            error = as_error(repo.name, trouble)
            errors.append({"repo": repo.name, "code": error.code, "message": error.message, "hint": error.hint})
    jobs: list[Json] = []
    for job in targets.jobs:
        try:
            jobs += desk.runtime.jobs.conflicts(job)
        except GitsyncError as error:
            errors.append({"repo": job.name, "code": error.code, "message": error.message, "hint": error.hint})
    return {"conflicts": found, "errors": errors, "jobs": jobs}


def _conflicts_of(desk: Desk, repo: RepoConfig) -> list[Conflicted]:
    with reading(desk, repo) as place:
        found = described(place, copies_in(desk, repo, place))
        upstream, paths = waiting_in(repo, place)
        return found if upstream is None else [*waiting_sides(place, paths, upstream), *found]


def _conflict(repo: RepoConfig, item: Conflicted) -> Json:
    return {
        "repo": repo.name,
        "root": str(repo.path),
        "path": os.fsdecode(item.path),
        "copies": [] if item.is_waiting else [os.fsdecode(version.path) for version in item.ours],
        "is_waiting": item.is_waiting,
        "policy": str(rules_of(repo).policy(item.path)),
        "commit": item.commit,
        "time": item.time,
        "with": item.author,
        "ours": _version(item.ours[0]) if item.ours else None,
        "theirs": None if item.theirs is None else _version(item.theirs),
        "others": [_version(version) for version in item.ours[1:]],
    }


def _version(version: Version) -> Json:
    return {
        "path": os.fsdecode(version.path),
        "blob": version.entry.id,
        "mode": f"{version.entry.mode:06o}",
        "size": version.size,
        "text": version.text,
        "commit": version.commit,
        "author": version.author,
        "time": version.time,
        "message": version.message,
        "here": version.is_here,
    }


# -- resolve ----------------------------------------------------------------------------------------------------------


def _resolve(desk: Desk, params: Json) -> Json:
    wanted = [choice for choice in Choice if params.get(str(choice))]
    if len(wanted) != 1:
        what = "say what is to become of it" if not wanted else "only one of these can be done"
        raise UsageError(f"{params['path']}: {what}: --ours, --theirs, --both or --done", WHAT_EACH_DOES)
    repo, path = place_of(desk, params["path"], params.get("repo"))

    def act(worktree: Worktree) -> Settled:
        waits = waiting_in(repo, worktree, is_all=True)[1]
        copies = copies_in(desk, repo, worktree)
        if waits and path not in waits and not any(path in (copy.path, copy.original) for copy in copies):
            raise not_in_conflict(worktree.root, path, {*waits, *(copy.original for copy in copies)})
        if path in waits:
            return settle_waiting(worktree, path, wanted[0], rules_of(repo), author=repo.author)
        return settle(worktree, copies, path, wanted[0], author=repo.author)

    done = desk.perform(repo.name, act)
    return _settled(repo, done)


def _settled(repo: RepoConfig, done: Settled) -> Json:
    return {
        "repo": repo.name,
        "root": str(repo.path),
        "path": os.fsdecode(done.path),
        "choice": str(done.choice),
        "removed": [os.fsdecode(path) for path in done.removed],
        "renamed": [{"from": os.fsdecode(old), "to": os.fsdecode(new)} for old, new in done.renamed],
        "before": done.before,
        "commit": done.commit.to_json() if done.commit else None,
        "left": done.left,
        "is_waiting": done.is_waiting,
    }


# -- undo -------------------------------------------------------------------------------------------------------------


def _undo(desk: Desk, params: Json) -> Json:
    wanted, is_keeping = params.get("commit") or "", bool(params.get("keep"))
    if params.get("list"):
        repos = desk.chosen([params["name"]] if params.get("name") else [])
        changes = [_change(repo, item) for repo in repos for item in _undoables(desk, repo)]
        return {"changes": sorted(changes, key=lambda change: change["time"], reverse=True)}
    repo = _one(desk, params.get("name"))
    if params.get("dry_run"):
        with reading(desk, repo) as place:
            return _undone(repo, trial(place, wanted, is_keeping=is_keeping), is_trial=True)
    done = desk.perform(repo.name, partial(undo, wanted=wanted, is_keeping=is_keeping, author=repo.author))
    return _undone(repo, done, is_trial=False)


def _one(desk: Desk, name: str | None) -> RepoConfig:
    if name is not None:
        return desk.one(name)
    repos = desk.config.repositories
    if not repos:
        raise UsageError("no repository is watched yet", "to watch one: gitsyncctl watch DIR")
    having = [repo for repo in repos if len(repos) == 1 or _has_undoable(desk, repo)]
    if len(having) == 1:
        return having[0]
    if not having:
        raise OperationError(
            f"there is nothing to undo in any of the {len(repos)} repositories",
            "for versions of a file: gitsyncctl restore PATH --list",
            code="nothing-to-undo",
        )
    raise UsageError(
        f"there is something to undo in {len(having)} repositories: {', '.join(repo.name for repo in having)}",
        "name the one in which to undo, as: gitsyncctl undo "
        + as_word(having[0].name)
        + "; for what there is: undo --list",
        code="which-repository",
    )


def _undoables(desk: Desk, repo: RepoConfig) -> list[Undoable]:
    with reading(desk, repo) as place:
        return undoables(place)


def _has_undoable(desk: Desk, repo: RepoConfig) -> bool:
    try:
        return any(not change.is_undone and change.reason != REASON for change in _undoables(desk, repo))
    except TROUBLE as trouble:
        # Its own trouble is told by `status`; nothing of the others depends on it.
        logger.debug("%s: cannot look for what can be undone: %s", repo.name, as_error(repo.name, trouble).message)
        return False


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
        "commit": done.commit.to_json() if done.commit else None,
        "dry_run": is_trial,
    }
