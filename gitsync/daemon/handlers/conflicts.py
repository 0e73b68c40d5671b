"""Handlers of conflicts and resolve.

Run on connection threads, or in the control command while no daemon runs. Reading uses a handle that is opened and
closed here; changes are made by the committer.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from gitsync.config.options import RepoConfig
from gitsync.core.conflict import Rules
from gitsync.daemon.handlers import conflict_versions
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json, real
from gitsync.engine.repository.conflict_copies import KeptCopies
from gitsync.errors import GitsyncError, UsageError
from gitsync.git.changes.pending_merge import left, open_paths, waiting, with_choices
from gitsync.git.changes.resolve import Resolution, ResolveResult, not_in_conflict, settle, settle_waiting
from gitsync.git.merging.conflict_copies import KeptCopy
from gitsync.git.merging.conflict_view import Conflicted, described
from gitsync.git.merging.conflict_view import waiting as waiting_sides
from gitsync.git.repository import Mergeable, Readable, ReadOnlyRepository, head_tree
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.text import as_word, shown

logger = logging.getLogger(__name__)

CHOICES = ("name", "copy", "both", "edit", "done", "ours", "theirs")
SHOWN_CHOICES = ("keep MACHINE", *CHOICES)
WHAT_EACH_DOES = "to see the versions, and the commands that keep them: gitsyncctl conflicts"


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the handlers by method."""
    return {
        "conflicts": partial(_conflicts, context),
        "resolve": partial(_resolve, context),
    }


# -- conflicts --------------------------------------------------------------------------------------------------------


def _conflicts(context: HandlerContext, params: Json) -> Json:
    found: list[Json] = []
    errors: list[Json] = []
    targets = context.targets(params.get("names", []))
    for repo in targets.repos:
        try:
            found += [_conflict(repo, item) for item in _conflicts_of(context, repo)]
        except UNEXPECTED_ERRORS as trouble:
            error = as_error(repo.name, trouble)
            errors.append({"repo": repo.name, "code": error.code, "message": error.message, "hint": error.hint})
    jobs: list[Json] = []
    for job in targets.jobs:
        try:
            jobs += context.runtime.jobs.conflicts(job)
        except GitsyncError as error:
            errors.append({"repo": job.name, "code": error.code, "message": error.message, "hint": error.hint})
    return {"conflicts": found, "errors": errors, "jobs": jobs}


def _conflicts_of(context: HandlerContext, repo: RepoConfig) -> list[Conflicted]:
    with reading(context, repo) as place:
        found = described(place, copies_in(context, repo, place))
        upstream, paths = waiting_in(repo, place)
        return found if upstream is None else [*waiting_sides(place, paths, upstream), *found]


def _conflict(repo: RepoConfig, item: Conflicted) -> Json:
    return conflict_versions.described(repo, item, str(rules_of(repo).policy(item.path)))


# -- resolve ----------------------------------------------------------------------------------------------------------


def _resolve(context: HandlerContext, params: Json) -> Json:
    wanted = [option for option in (*CHOICES, "keep", "file") if params.get(option)]
    if len(wanted) != 1:
        what = "choose how to resolve it" if not wanted else "these exclude each other"
        raise UsageError(
            f"{params['path']}: {what}: {', '.join(f'--{name}' for name in SHOWN_CHOICES)}", WHAT_EACH_DOES
        )
    repo, path = place_of(context, params["path"], params.get("repo"))
    content = _content(params["file"]) if params.get("file") else b""
    if params.get("dry_run"):
        return _trial(context, repo, path, wanted[0], params)
    if wanted[0] == "edit":
        raise UsageError("--edit needs a terminal", "gitsyncctl resolve PATH --edit")

    def act(worktree: Worktree) -> ResolveResult:
        item = _in_conflict(context, repo, worktree, path)
        choice, copy = _choice(repo, item, path, wanted[0], params)
        if item.is_waiting:
            return settle_waiting(worktree, path, choice, rules_of(repo), author=repo.author, content=content)
        copies = copies_in(context, repo, worktree)
        at = item.path if copy else path
        return settle(worktree, copies, at, choice, author=repo.author, copy=copy, content=content)

    done = context.perform(repo.name, act)
    return _settled(repo, done)


def _trial(context: HandlerContext, repo: RepoConfig, path: bytes, wanted: str, params: Json) -> Json:
    with reading(context, repo) as place:
        item = _in_conflict(context, repo, place, path)
        choice = _choice(repo, item, path, wanted, params)[0]
    return {
        "repo": repo.name,
        "root": str(repo.path),
        "path": os.fsdecode(item.path),
        "choice": str(choice),
        "dry_run": True,
        "conflict": _conflict(repo, item),
    }


def _in_conflict(context: HandlerContext, repo: RepoConfig, place: Mergeable, path: bytes) -> Conflicted:
    """Return the conflict of a file, or of one of its copies; raise UsageError "not-in-conflict" when there is none."""
    upstream, waits = waiting_in(repo, place, is_all=True)
    if path in waits and upstream is not None:
        return waiting_sides(place, (path,), upstream)[0]
    copies = copies_in(context, repo, place)
    originals = {copy.original for copy in copies if path in (copy.path, copy.original)}
    if not originals:
        raise not_in_conflict(place.root, path, {*waits, *(copy.original for copy in copies)})
    return described(place, tuple(copy for copy in copies if copy.original in originals))[0]


def _choice(repo: RepoConfig, item: Conflicted, path: bytes, wanted: str, params: Json) -> tuple[Resolution, bytes]:
    """Return what is to become of the versions, and the path of the copy to take where that is known."""
    if wanted == "keep":
        return conflict_versions.choice_of(conflict_versions.of_machine(repo, item, params["keep"]))
    if wanted in ("ours", "theirs"):
        return conflict_versions.of_this_machine(repo, item, is_wanted=wanted == "ours")
    return (Resolution.EDIT if wanted == "file" else Resolution(wanted)), b""


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "give a file with the text to keep") from error


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


# -- reading ----------------------------------------------------------------------------------------------------------


@contextmanager
def reading(context: HandlerContext, repo: RepoConfig) -> Iterator[ReadOnlyRepository]:
    """Yield a handle for reading; errors are raised as an OperationError that names the repository."""
    try:
        with ReadOnlyRepository(repo.path, context.runtime.repo_state_dir(repo)) as place:
            yield place
    except UNEXPECTED_ERRORS as trouble:
        raise as_error(repo.name, trouble) from trouble


def rules_of(repo: RepoConfig) -> Rules:
    """Return the configured conflict policies of a repository."""
    return Rules.of(repo.conflict, repo.conflict_paths)


def waiting_in(repo: RepoConfig, place: Mergeable, *, is_all: bool = False) -> tuple[str | None, tuple[bytes, ...]]:
    """Return the commit of the pending merge, None for none, and the paths that a person must resolve.

    With `is_all`, also the paths that were resolved already and whose choice can be changed.
    """
    held = waiting(place)
    if held is None:
        return None, ()
    rules = rules_of(repo)
    found = open_paths(place, held, rules) if is_all else left(place, held, with_choices(place, rules, held.theirs))
    return held.theirs, found


def copies_in(context: HandlerContext, repo: RepoConfig, place: Readable) -> tuple[KeptCopy, ...]:
    """Return the conflict copies in HEAD; raise what `kept_copies` raises."""
    return KeptCopies(context.runtime.repo_state_dir(repo)).find(place, head_tree(place)[1])


def place_of(context: HandlerContext, word: str, name: str | None) -> tuple[RepoConfig, bytes]:
    """Return the repository and the path in it that `word` refers to: absolute, or as conflicts are listed.

    Raise UsageError when there is none, or more than one.
    """
    if word.startswith("/"):
        return _absolute_place(context, word, name)
    path = os.fsencode(word)
    repos = context.chosen([name] if name is not None else [])
    holding: list[RepoConfig] = []
    known: set[bytes] = set()
    for repo in repos:
        try:
            found = _names(context, repo)
        except GitsyncError as error:
            if len(repos) == 1:
                raise
            # The file may be in another one; `conflicts` reports this error.
            logger.debug("%s: cannot look for conflicts: %s", repo.name, error.message)
            continue
        known |= found.keys()
        if any(path in each for each in found.values()):
            holding.append(repo)
    if len(holding) == 1:
        return holding[0], path
    if holding:
        names = ", ".join(repo.name for repo in holding)
        raise UsageError(f"{shown(path)} is in conflict in several repositories: {names}", "choose one: --repo NAME")
    raise not_in_conflict(name or "the watched repositories", path, known)


def _absolute_place(context: HandlerContext, word: str, name: str | None) -> tuple[RepoConfig, bytes]:
    for repo in context.config.repos if name is None else [context.one(name)]:
        # As it is listed: the other side may have a directory where this one has a link.
        below = _below(word, repo)
        if below and any(below in each for each in _names(context, repo).values()):
            return repo, below
    # The last component is not resolved: a link in conflict is meant, not its target.
    parent, _, last = word.rstrip("/").rpartition("/")
    at = real(parent or "/") / last
    itself = next((repo.name for repo in context.config.repos if real(repo.path) == at), "")
    if itself:
        raise UsageError(
            f"{word} is the repository itself", f"to list its files: gitsyncctl conflicts {as_word(itself)}"
        )
    try:
        repo = context.one(str(at.parent))
    except UsageError as error:
        raise UsageError(f"no watched repository contains {word}", "to list them: gitsyncctl list") from error
    root = real(repo.path)
    if name is not None and context.one(name) != repo:
        raise UsageError(f"{word} is not in the repository {name}", f"it is in {repo.name}")
    if not at.is_relative_to(root):  # a mirrored file, by its path in home
        root = real(Path.home())
    return repo, os.fsencode(at.relative_to(root))


def _below(word: str, repo: RepoConfig) -> bytes:
    """Return the part of `word` after the repository's directory, b"" when it does not begin with that."""
    roots = [f"{root}/" for root in (repo.path, real(repo.path)) if word.startswith(f"{root}/")]
    return os.fsencode(word.removeprefix(roots[0])) if roots else b""


def _names(context: HandlerContext, repo: RepoConfig) -> dict[bytes, set[bytes]]:
    """Return the conflicting files of a repository, each with the names by which it can be resolved."""
    with reading(context, repo) as place:
        copies, waits = copies_in(context, repo, place), waiting_in(repo, place, is_all=True)[1]
    names = {path: {path} for path in waits}
    for copy in copies:
        names.setdefault(copy.original, {copy.original}).add(copy.path)
    return names
