"""Untracked files that a restore replaced: which they were, and their way back when the restore is undone.

Listing runs on the calling thread, writing on the committer's. Owns nothing. Before such a file was replaced, its
content was stored in a commit on top of the one before the restore, with a backup ref of its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

import pygit2

from gitsync.git.applying import atomic_replace
from gitsync.git.applying.backup_blob import IN_THE_WAY, RESCUED
from gitsync.git.applying.journal import temp_name
from gitsync.git.flush import full_fsync
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_LINK
from gitsync.git.objects.refs import backups
from gitsync.git.objects.trees import TreeEntry, diff
from gitsync.git.repository import Mergeable, tree_of
from gitsync.git.staging.worktree import Worktree
from gitsync.text import clean

logger = logging.getLogger(__name__)


def displaced_by(place: Mergeable, before: str) -> dict[bytes, TreeEntry]:
    """Return the untracked files that were replaced by the change that began at commit `before`."""
    found: dict[bytes, TreeEntry] = {}
    for item in backups(place.repo):
        if item.reason != RESCUED:
            continue
        commit = place.repo[item.commit].peel(pygit2.Commit)
        if [str(parent) for parent in commit.parent_ids] == [before] and IN_THE_WAY in commit.message:
            changes = diff(place.store, tree_of(place, before), tree_of(place, item.commit))
            found |= {path: entry for path, (_, entry) in changes.items() if entry is not None}
    return found


def put_back(worktree: Worktree, files: Mapping[bytes, TreeEntry]) -> tuple[bytes, ...]:
    """Write these files where nothing is now, and return their paths; what cannot be written stays in its backup."""
    done: list[bytes] = []
    root = os.open(worktree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path, entry in sorted(files.items()):
            temp = temp_name(b"")
            try:
                _write(root, temp, entry, worktree.store.read(entry.id)[1])
                atomic_replace.move_new(root, temp, path, is_made=True)
                done.append(path)
            except FileExistsError:
                continue  # another version of it is there by now
            except OSError as error:
                logger.warning("cannot put back %s: %s", clean(os.fsdecode(path)), error.strerror)
            finally:
                atomic_replace.remove(root, temp)
    finally:
        os.close(root)
    return tuple(done)


def _write(root: int, temp: bytes, entry: TreeEntry, data: bytes) -> None:
    if entry.mode == MODE_LINK:
        os.symlink(data, temp, dir_fd=root)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    # It may have been private, which git does not keep.
    handle = os.open(temp, flags, 0o700 if entry.mode == MODE_EXECUTABLE else 0o600, dir_fd=root)
    with open(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        full_fsync(stream.fileno())
