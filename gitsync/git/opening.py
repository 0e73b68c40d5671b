"""Opening a repository, or saying why it cannot be one of ours. Runs on the thread that will own the handle."""

from __future__ import annotations

import os
import shlex

import pygit2

from gitsync.errors import OperationError

_UNSUPPORTED = {
    "unknown object format": "SHA-256 object ids",
    "refstorage": "references in reftable form",
    "unsupported repository version": "its repository format version",
    "unsupported extension": "an extension of the repository format",
}


def open_repository(root: str) -> pygit2.Repository:
    """Open the repository whose work tree begins at `root`, with synced writes.

    Raise OperationError: not-a-repository, bare, unsafe (somebody else's), unsupported, worktree-elsewhere.
    """
    pygit2.settings.enable_fsync_gitdir(True)
    try:
        repository = pygit2.Repository(root, pygit2.enums.RepositoryOpenFlag.NO_SEARCH)
    except (pygit2.GitError, KeyError, ValueError, OSError) as error:
        raise _refusal(root, str(error)) from error
    if repository.is_bare or repository.workdir is None:
        raise OperationError(
            f"{root} is a bare repository: it has no files to watch", "name a clone of it", code="bare"
        )
    if os.path.realpath(repository.workdir) != root:
        raise OperationError(
            f"the work tree of the repository {root} is elsewhere: {repository.workdir}",
            "name that directory, or unset core.worktree",
            code="worktree-elsewhere",
        )
    return repository


def is_set(repository: pygit2.Repository, key: str, default: bool) -> bool:
    """Return what the repository's configuration says of a switch, `default` when that is nothing."""
    try:
        return bool(repository.config_snapshot.get_bool(key))
    except (KeyError, ValueError, pygit2.GitError):
        return default


def _refusal(root: str, words: str) -> OperationError:
    place = shlex.quote(root)
    lowered = words.lower()
    if "not owned by" in lowered:
        return OperationError(
            f"{root} belongs to another user", f"if you trust it: git config --global --add safe.directory {place}",
            code="unsafe",
        )  # fmt: skip
    for sign, what in _UNSUPPORTED.items():
        if sign in lowered:
            return OperationError(
                f"{root} uses what gitsync cannot handle yet: {what} ({words})",
                "use a repository of the ordinary format (a fresh `git init` and a fetch make one)",
                code="unsupported",
            )
    above = pygit2.discover_repository(root) if os.path.isdir(root) else None
    if above is not None and os.path.isdir(root):
        return OperationError(
            f"{root} is not where a work tree begins; its repository is {above}",
            "name the top of the work tree",
            code="not-a-repository",
        )
    return OperationError(
        f"{root} is not a git work tree ({words})", f"make it one: git init {place}", code="not-a-repository"
    )
