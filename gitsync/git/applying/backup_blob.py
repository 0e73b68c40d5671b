"""Keeps a version that has lost its place in the work tree to a newer one.

Runs on the committer thread; writes a commit that no branch contains, and a backup ref to it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from gitsync.clock import SystemClock
from gitsync.git.applying.temporaries import Content
from gitsync.git.objects import refs
from gitsync.git.objects.commits import write_commit
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_FILE, MODE_LINK
from gitsync.git.objects.store import BLOB
from gitsync.git.objects.trees import TreeEntry, edit_tree
from gitsync.git.repository import head_of
from gitsync.git.rules.identity import identity_of
from gitsync.git.staging.worktree import Worktree
from gitsync.text import clean

logger = logging.getLogger(__name__)


# The reason in the name of its backup ref.
RESCUED = "rescued"
PULLED = "It was saved while a pull replaced the file, and saved again a moment later."
IN_THE_WAY = "It was not tracked by git, and was replaced by a version that the user asked for."


def rescuer(worktree: Worktree, why: str = PULLED) -> Callable[[bytes, Content], None]:
    """Return a function that stores a version in a commit on top of HEAD, with a backup ref, before it returns."""

    def rescue(path: bytes, content: Content) -> None:
        store = worktree.store
        mode = MODE_LINK if content.is_link else MODE_EXECUTABLE if content.is_executable else MODE_FILE
        # As it is on disk: a failing filter must not prevent the backup.
        blob = store.write(BLOB, content.data)
        _, head = head_of(worktree.repo)
        base = None if head is None else store.read(head)[1][5:45].decode("ascii")
        tree = edit_tree(store, base, {path: TreeEntry(mode, blob)})
        who = identity_of(worktree.root)
        name = clean(os.fsdecode(path))
        message = f"Keep {name}\n\n{why}"
        parents = [] if head is None else [head]
        commit = write_commit(store, tree, parents, message, who.author, who.committer, SystemClock().wall())
        ref = refs.backup(worktree.repo, RESCUED, commit=commit)
        logger.warning("%s: kept a version of %s as %s", clean(worktree.root), name, ref)

    return rescue
