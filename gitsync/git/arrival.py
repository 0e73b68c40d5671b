"""The last part of an integration: the branch moves to the new commit, and the index follows.

Runs on the committer thread; moves one branch by compare-and-swap under the index's lock, and sets the entries of the
paths that changed and of no others.
"""

from __future__ import annotations

import logging
import os

from gitsync.errors import OperationError
from gitsync.git import swap
from gitsync.git.applier import Applier
from gitsync.git.commits import TipMovedError, lock_of, move_branch
from gitsync.git.content import MODE_GITLINK
from gitsync.git.heads import head_of, open_operation
from gitsync.git.indexformat import CorruptIndexError, NewEntry
from gitsync.git.locks import storage_error
from gitsync.git.survey import Changes
from gitsync.git.trees import TreeEntry, diff
from gitsync.git.worktree import Worktree

logger = logging.getLogger(__name__)


def arrive(worktree: Worktree, applier: Applier, message: str) -> None:
    """Move the branch of the applier's journal to its target, read it back, and let the index follow.

    Raise TipMovedError when HEAD is not at the journal's base, or an operation of the user's was begun, or he staged
    one of the paths meanwhile; TransientError for locks; OperationError when it cannot be stored. The branch has not
    moved then.
    """
    noted = applier.journal
    changes = diff(worktree.store, noted.base_tree, noted.target_tree)
    prints = {step.path: step.target for step in noted.steps}
    branch = noted.ref.removeprefix("refs/heads/")
    _place_submodules(worktree, changes)
    with worktree.index.lock.held() as replace:
        if head_of(worktree.repo) != (branch, noted.base) or open_operation(worktree.repo):
            raise TipMovedError(f"HEAD of {worktree.root} was moved meanwhile", "it is tried again by itself")
        _check_unstaged(worktree, changes)
        new = {path: _new_entry(applier, prints, path, entry) for path, (_, entry) in changes.items()}
        worktree.index.intend(noted.base, noted.target, lock_of(worktree.repo, branch))
        move_branch(worktree.repo, branch, noted.base, noted.target, message.partition("\n")[0])
        try:
            worktree.index.update(new, replace)
        except CorruptIndexError as error:
            logger.warning("%s: the index cannot be read (%s): made anew from HEAD", worktree.root, error)
            worktree.index.rebuild(noted.target_tree, replace)
        except OperationError as error:
            # The branch has moved: what is left is done by the note, at the next staging.
            logger.warning("%s: the index has not followed the merge: %s", worktree.root, error.message)
            return
        worktree.index.settle()


def _check_unstaged(worktree: Worktree, changes: Changes) -> None:
    try:
        entries = worktree.index.entries(changes)
    except CorruptIndexError:
        return  # it is made anew
    if worktree.index.is_missing:
        return
    if any((entry and (entry.mode, entry.id)) not in changes[path] for path, entry in entries.items()):
        raise TipMovedError(f"files of {worktree.root} were staged meanwhile", "it is tried again by itself")


def _new_entry(applier: Applier, prints: dict[bytes, str], path: bytes, entry: TreeEntry | None) -> NewEntry | None:
    if entry is None:
        return None
    if entry.mode == MODE_GITLINK or path not in prints:
        return NewEntry(*entry)
    return NewEntry(*entry, applier.stat_of(path, prints[path]))


def _place_submodules(worktree: Worktree, changes: Changes) -> None:
    """Make the empty directory that stands for a new submodule: without it, it would look removed."""
    root = os.open(worktree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path, (_, entry) in changes.items():
            if entry is not None and entry.mode == MODE_GITLINK:
                with swap.parent_of(root, path + b"/.", is_made=True):
                    pass
    except OSError as error:
        raise storage_error(f"cannot make the directory of a submodule in {worktree.root}", error) from error
    finally:
        os.close(root)
