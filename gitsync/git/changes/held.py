"""Writes what a pull could not write, once no other repository is in the way. Runs on the committer thread."""

from __future__ import annotations

import logging

from gitsync.git.changes.missing import write_missing
from gitsync.git.index.raw import CorruptIndexError, NewEntry
from gitsync.git.repository import head_tree
from gitsync.git.staging.worktree import Worktree
from gitsync.text import counted

logger = logging.getLogger(__name__)


def release(worktree: Worktree) -> None:
    """Write the held paths where nothing is, and take a file that was changed since for its user's edit.

    One that is as the pull met it stays held: which of the two versions is wanted, only a person knows. Raise
    OperationError when something cannot be written, TransientError "index-locked".
    """
    held = worktree.held
    free = {path: facts for path, facts in held.paths.items() if path not in held.inside}
    if not free:
        return
    try:
        entries = worktree.index.entries(free)
    except CorruptIndexError:
        return  # it is rebuilt first
    skipped = {path: entry for path, entry in entries.items() if entry is not None and entry.is_skipped}
    now = {path: held.look(path) for path in skipped}
    missing = [path for path, facts in now.items() if not facts]
    write_missing(worktree, missing)
    ready = {
        path: NewEntry(entry.mode, entry.id)
        for path, entry in skipped.items()
        if not now[path] or now[path] != free[path]
    }
    if ready:
        with worktree.index.lock.held() as replace:
            worktree.set_entries(dict(ready), head_tree(worktree)[2], replace)
    held.drop([path for path in free if path not in skipped or path in ready])
    if missing:
        logger.info("%s: wrote %s that a repository was in the way of", worktree.root, counted(len(missing), "file"))
