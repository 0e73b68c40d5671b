"""Two questions about a path that stat data answer: whether it is new, and whether there is nothing to do.

Runs on the committer thread; a `QuickLook` is good for one run over many paths, while both roots are open. A yes is
what `MirrorSync.facts` and the decision after it would come to; a no says nothing, and the path is looked at in full.
"""

from __future__ import annotations

import stat

from gitsync.core.dotfiles import SHARED_BITS, FileKind, Fingerprint
from gitsync.git.objects.trees import NearLookup
from gitsync.mirror.agreed_versions import tree_of, version_of
from gitsync.mirror.mirror_sync import MirrorSync
from gitsync.mirror.observe import Seen


class QuickLook:
    """Looks at paths of one mirror, whose HEAD has the tree `head_tree`.

    A file that is one on both sides counts as in order although another process has it open for writing: what it
    writes shows on both sides at once, and is noted when it does.
    """

    def __init__(self, keeper: MirrorSync, head_tree: str | None) -> None:
        store, agreed = keeper.worktree.store, keeper.agreed
        self._keeper = keeper
        self._head = NearLookup(store, head_tree)
        self._unsettled = agreed.unsettled
        is_same_manifest = keeper.manifest == agreed.manifest(keeper.worktree)
        self._is_current = is_same_manifest and agreed.commit is not None and keeper.head == agreed.commit
        is_known = agreed.commit is not None and store.has(agreed.commit)
        self._agreed = NearLookup(store, tree_of(keeper.worktree, agreed.commit) if is_known else None)

    def new_file(self, path: bytes) -> Seen | None:
        """Return home's file where only home has one, and the mirror gets it as a second name, whatever is in it.

        The mirror itself is not looked at: making the name shows whether it has something there. None for all else.
        """
        keeper = self._keeper
        if path in keeper.coverage.directories or path in self._unsettled:
            return None
        if self._head.of(path) is not None or self._agreed.of(path) is not None:
            return None
        seen = keeper.home.glance(path)
        return seen if seen is not None and keeper.wants_link(path, seen) else None

    def is_in_order(self, path: bytes) -> bool:
        """Whether both names of a tracked path are one file, and HEAD has its content and its permissions."""
        keeper = self._keeper
        if keeper.coverage.entry(path) is None or path in keeper.coverage.directories:
            return False
        home = keeper.home.stat(path)
        if home is None or not stat.S_ISREG(home.st_mode):
            return False
        mirror = keeper.mirror.stat(path)
        if mirror is None or (mirror.st_dev, mirror.st_ino) != (home.st_dev, home.st_ino):
            return False
        head = self._version_in_head(path)
        if head.kind is not FileKind.FILE or head.id != keeper.contents.blob_of(home):
            return False
        if head.mode != stat.S_IMODE(home.st_mode) & SHARED_BITS or not keeper.wants_link_on(home.st_dev, path):
            return False
        keeper.shared.note(path, home.st_ino, is_linked=True)
        return True

    def is_agreed(self, path: bytes) -> bool:
        """Whether what HEAD has of a path is what both sides had when they were last alike, permissions too."""
        if self._is_current and path not in self._unsettled:
            return True
        return self._keeper.base(path) == self._version_in_head(path)

    def _version_in_head(self, path: bytes) -> Fingerprint:
        return version_of(self._head.of(path), self._keeper.manifest.modes.get(path))
