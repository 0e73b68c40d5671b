"""The differences between a commit and the work tree, as gitsync would commit them.

Runs on connection threads, or in the control command. Everything is read by children of git with deadlines.
"""

from __future__ import annotations

import os

from gitsync.daemon.handlers.context import HandlerContext
from gitsync.daemon.handlers.resolve_path import ResolvedPath
from gitsync.git.history.diff import Changes, empty_tree, since
from gitsync.git.rules.ignores import IgnoreRules
from gitsync.git.staging.held_back import Acceptance


def uncommitted(
    context: HandlerContext, place: ResolvedPath, commit: str | None = None, paths: list[bytes] | None = None
) -> Changes:
    """Return how the work tree differs from `commit`, else from HEAD, at `paths` (none: everywhere)."""
    history = place.history()
    base = commit or history.head() or empty_tree(history)
    config = next(repo for repo in context.config.repositories if repo.name == place.repo)
    with IgnoreRules(config.path, config.include, config.exclude) as rules:
        limit, holds_secrets = config.max_file_size, config.secrets == "quarantine"
        acceptance = Acceptance(rules, os.fsencode(history.root), limit, holds_secrets, tuple(config.include))
        return since(history, base, paths or [], acceptance)
