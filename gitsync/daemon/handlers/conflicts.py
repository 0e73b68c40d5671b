"""The answers about conflicts, resolve and undo.

Runs on connection threads, or in the control command while no daemon runs. Looking is done with a handle of its own,
opened and closed here; what changes a repository is done by the committer.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from gitsync.clock import iso
from gitsync.config.options import RepoConfig
from gitsync.core.conflict import Rules
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json, real
from gitsync.engine.repository.conflict_copies import KeptCopies
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git.changes.pending_merge import left, open_paths, waiting, with_choices
from gitsync.git.changes.resolve import Resolution, ResolveResult, not_in_conflict, settle, settle_waiting
from gitsync.git.changes.undo import REASON, Undoable, Undone, trial, undo, undoables
from gitsync.git.merging.conflict_copies import KeptCopy
from gitsync.git.merging.conflict_view import Conflicted, ConflictSide, described
from gitsync.git.merging.conflict_view import waiting as waiting_sides
from gitsync.git.repository import Mergeable, Readable, ReadOnlyRepository, head_tree
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.text import as_word, shown

logger = logging.getLogger(__name__)

WHAT_EACH_DOES = (
    "--theirs keeps what stands under the name, --ours puts the conflict copy there, --both keeps both, "
    "--done says that you have put it right yourself"
)


def answers(desk: HandlerContext) -> dict[str, Answer]:
    """Return the answers, by method."""
    return {"conflicts": partial(_conflicts, desk), "resolve": partial(_resolve, desk), "undo": partial(_undo, desk)}


# -- conflicts --------------------------------------------------------------------------------------------------------


def _conflicts(desk: HandlerContext, params: Json) -> Json:
    found: list[Json] = []
    errors: list[Json] = []
    targets = desk.targets(params.get("names", []))
    for repo in targets.repos:
        try:
            found += [_conflict(repo, item) for item in _conflicts_of(desk, repo)]
        except UNEXPECTED_ERRORS as trouble:
            error = as_error(repo.name, trouble)
            errors.append({"repo": repo.name, "code": error.code, "message": error.message, "hint": error.hint})
    jobs: list[Json] = []
    for job in targets.jobs:
        try:
            jobs += desk.runtime.jobs.conflicts(job)
        except GitsyncError as error:
            errors.append({"repo": job.name, "code": error.code, "message": error.message, "hint": error.hint})
    return {"conflicts": found, "errors": errors, "jobs": jobs}


def _conflicts_of(desk: HandlerContext, repo: RepoConfig) -> list[Conflicted]:
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


def _version(version: ConflictSide) -> Json:
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


def _resolve(desk: HandlerContext, params: Json) -> Json:
    wanted = [choice for choice in Resolution if params.get(str(choice))]
    if len(wanted) != 1:
        what = "say what is to become of it" if not wanted else "only one of these can be done"
        raise UsageError(f"{params['path']}: {what}: --ours, --theirs, --both or --done", WHAT_EACH_DOES)
    repo, path = place_of(desk, params["path"], params.get("repo"))

    def act(worktree: Worktree) -> ResolveResult:
        waits = waiting_in(repo, worktree, is_all=True)[1]
        copies = copies_in(desk, repo, worktree)
        if waits and path not in waits and not any(path in (copy.path, copy.original) for copy in copies):
            raise not_in_conflict(worktree.root, path, {*waits, *(copy.original for copy in copies)})
        if path in waits:
            return settle_waiting(worktree, path, wanted[0], rules_of(repo), author=repo.author)
        return settle(worktree, copies, path, wanted[0], author=repo.author)

    done = desk.perform(repo.name, act)
    return _settled(repo, done)


def _settled(repo: RepoConfig, done: ResolveResult) -> Json:
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


def _undo(desk: HandlerContext, params: Json) -> Json:
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


def _one(desk: HandlerContext, name: str | None) -> RepoConfig:
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


def _undoables(desk: HandlerContext, repo: RepoConfig) -> list[Undoable]:
    with reading(desk, repo) as place:
        return undoables(place)


def _has_undoable(desk: HandlerContext, repo: RepoConfig) -> bool:
    try:
        return any(not change.is_undone and change.reason != REASON for change in _undoables(desk, repo))
    except UNEXPECTED_ERRORS as trouble:
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


@contextmanager
def reading(desk: HandlerContext, repo: RepoConfig) -> Iterator[ReadOnlyRepository]:
    """Give a handle for looking; trouble with it is raised as an OperationError that names the repository."""
    try:
        with ReadOnlyRepository(repo.path, desk.runtime.repo_state_dir(repo)) as place:
            yield place
    except UNEXPECTED_ERRORS as trouble:
        raise as_error(repo.name, trouble) from trouble


def rules_of(repo: RepoConfig) -> Rules:
    """Return what is configured for conflicts of a repository."""
    return Rules.of(repo.conflict, repo.conflict_paths)


def waiting_in(repo: RepoConfig, place: Mergeable, *, is_all: bool = False) -> tuple[str | None, tuple[bytes, ...]]:
    """Return the commit that waits to be merged, None for none, and what a person has to settle for it.

    With `is_all` that is also what was settled already and can be settled otherwise.
    """
    held = waiting(place)
    if held is None:
        return None, ()
    rules = rules_of(repo)
    found = open_paths(place, held, rules) if is_all else left(place, held, with_choices(place, rules, held.theirs))
    return held.theirs, found


def copies_in(desk: HandlerContext, repo: RepoConfig, place: Readable) -> tuple[KeptCopy, ...]:
    """Return the conflict copies in HEAD; raise what `kept_copies` raises."""
    return KeptCopies(desk.runtime.repo_state_dir(repo)).find(place, head_tree(place)[1])


def place_of(desk: HandlerContext, word: str, name: str | None) -> tuple[RepoConfig, bytes]:
    """Return the repository and the path in it that `word` means: absolute, or as a conflict is listed.

    Raise UsageError when there is none, or more than one.
    """
    if word.startswith("/"):
        return _absolute_place(desk, word, name)
    path = os.fsencode(word)
    repos = desk.chosen([name] if name is not None else [])
    holding: list[RepoConfig] = []
    known: set[bytes] = set()
    for repo in repos:
        found = _names(desk, repo)
        known |= found.keys()
        if any(path in each for each in found.values()):
            holding.append(repo)
    if len(holding) == 1:
        return holding[0], path
    if holding:
        names = ", ".join(repo.name for repo in holding)
        raise UsageError(f"{shown(path)} is in conflict in several repositories: {names}", "say which: --repo NAME")
    raise not_in_conflict(name or "the watched repositories", path, known)


def _absolute_place(desk: HandlerContext, word: str, name: str | None) -> tuple[RepoConfig, bytes]:
    for repo in desk.config.repos if name is None else [desk.one(name)]:
        # As it is listed: where a link stands on the way, the other side has a directory.
        below = _below(word, repo)
        if below and any(below in each for each in _names(desk, repo).values()):
            return repo, below
    # The name itself is not followed: a link in conflict is meant, not what it leads to.
    parent, _, last = word.rstrip("/").rpartition("/")
    at = real(parent or "/") / last
    itself = next((repo.name for repo in desk.config.repos if real(repo.path) == at), "")
    if itself:
        raise UsageError(f"{word} is the repository itself", f"name a file of: gitsyncctl conflicts {as_word(itself)}")
    try:
        repo = desk.one(str(at.parent))
    except UsageError as error:
        raise UsageError(f"no watched repository holds {word}", "gitsyncctl list names them") from error
    root = real(repo.path)
    if name is not None and desk.one(name) != repo:
        raise UsageError(f"{word} is not in the repository {name}", f"it is in {repo.name}")
    if not at.is_relative_to(root):  # a mirrored file, by the name it has at home
        root = real(Path.home())
    return repo, os.fsencode(at.relative_to(root))


def _below(word: str, repo: RepoConfig) -> bytes:
    """Return what `word` says after the repository's directory, b"" when it does not begin with that."""
    roots = [f"{root}/" for root in (repo.path, real(repo.path)) if word.startswith(f"{root}/")]
    return os.fsencode(word.removeprefix(roots[0])) if roots else b""


def _names(desk: HandlerContext, repo: RepoConfig) -> dict[bytes, set[bytes]]:
    """Return the files of a repository that are in conflict, each with the names by which it can be settled."""
    with reading(desk, repo) as place:
        copies, waits = copies_in(desk, repo, place), waiting_in(repo, place, is_all=True)[1]
    names = {path: {path} for path in waits}
    for copy in copies:
        names.setdefault(copy.original, {copy.original}).add(copy.path)
    return names
