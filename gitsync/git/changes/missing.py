"""Writes back files of HEAD that are missing in the work tree, without a commit. Runs on the committer thread.

git itself writes them, with a private index, so that they are as in a checkout; then each is renamed to its place,
which replaces nothing.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterable, Mapping

from gitsync.core.temporary import TEMP_PREFIX
from gitsync.errors import TransientError
from gitsync.git.applying.atomic_replace import move_new
from gitsync.git.files import storage_error
from gitsync.git.flush import full_fsync
from gitsync.git.index.raw import CorruptIndexError, IndexEntry, NewEntry
from gitsync.git.objects.modes import MODE_GITLINK, MODE_LINK
from gitsync.git.objects.trees import TREE, TreeEntry, lookup
from gitsync.git.program import failed
from gitsync.git.repository import head_tree
from gitsync.git.staging.worktree import Worktree
from gitsync.text import clean

logger = logging.getLogger(__name__)

# git-lfs may have to download large files.
CHECKOUT_S = 120.0


def write_missing(worktree: Worktree, paths: Iterable[bytes]) -> None:
    """Write HEAD's version of each of these paths where nothing is now; raise OperationError when that fails."""
    tree, top = head_tree(worktree)[2], os.fsencode(worktree.root) + b"/"
    found = {path: lookup(worktree.store, tree, path) for path in paths if not os.path.lexists(top + path)}
    missing = {path: entry for path, entry in found.items() if entry and entry.mode not in (TREE, MODE_GITLINK)}
    if not missing:
        return
    try:
        with tempfile.TemporaryDirectory(prefix=os.fsdecode(TEMP_PREFIX), dir=worktree.root) as scratch:
            _check_out(worktree, missing, scratch)
            _move(worktree, missing, os.path.basename(os.fsencode(scratch)) + b"/files/")
        _forget_stat(worktree, tree, missing)
    except OSError as error:
        raise storage_error(f"cannot write {clean(str(error.filename or worktree.root))}", error) from error


def _check_out(worktree: Worktree, missing: Mapping[bytes, TreeEntry], scratch: str) -> None:
    own = {"GIT_INDEX_FILE": os.path.join(scratch, "index")}
    prefix = f"--prefix={os.path.join(scratch, 'files')}/"
    names = b"\0".join(missing) + b"\0"
    for argv, given in ((("read-tree", "HEAD"), None), (("checkout-index", "-q", "-z", "--stdin", prefix), names)):
        done = worktree.program.run(*argv, input=given, env=own, deadline_s=CHECKOUT_S)
        if not done.ok:
            raise failed(f"git {argv[0]} failed in {clean(worktree.root)}", done)


def _move(worktree: Worktree, missing: Mapping[bytes, TreeEntry], scratch: bytes) -> None:
    root = os.open(worktree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path, entry in sorted(missing.items()):
            if entry.mode != MODE_LINK:
                _sync(root, scratch + path)
            try:
                move_new(root, scratch + path, path, is_made=True)
            except FileExistsError:
                logger.debug("%s is there by now", clean(os.fsdecode(path)))
    finally:
        os.close(root)


def _forget_stat(worktree: Worktree, tree: str | None, missing: Mapping[bytes, TreeEntry]) -> None:
    """Let git compare the content of these files: one of another size is edited for it, even if line ends differ."""
    try:
        known = worktree.index.entries(missing)
        alike = {path: entry for path, entry in missing.items() if _is_same(known[path], entry)}
        with worktree.index.lock.held() as replace:
            worktree.set_entries({path: NewEntry(*entry) for path, entry in alike.items()}, tree, replace)
    except (TransientError, CorruptIndexError) as error:
        logger.debug("the index was not refreshed: %s", error)


def _is_same(known: IndexEntry | None, entry: TreeEntry) -> bool:
    return known is not None and (known.mode, known.id) == entry


def _sync(root: int, path: bytes) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
    try:
        full_fsync(handle)
    finally:
        os.close(handle)
