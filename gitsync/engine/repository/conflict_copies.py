"""Which conflict copies of conflicts a repository has, followed from commit to commit.

Runs on the committer thread; owns `copies.json` in the notes directory. The whole tree is looked at once in a
repository's life here, later only what differs from the commit that was looked at last: `status` costs nothing by it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from gitsync.engine.memory import Memory
from gitsync.git.merging.conflict_copies import KeptCopy, followed, is_called_copy, kept_copies
from gitsync.git.repository import Readable
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error

if TYPE_CHECKING:
    from gitsync.engine.repository.repository import LocalRepository

logger = logging.getLogger(__name__)

FILE = "copies.json"


class KeptCopies:
    """The conflict copies at the commit `head`; `originals` are the files that they are copies of."""

    def __init__(self, repo_state_dir: Path) -> None:
        self._memory = Memory(repo_state_dir / FILE)
        self.head = self._memory.text("head")
        paths = self._memory.get("paths")
        self._paths = frozenset(os.fsencode(path) for path in paths or () if isinstance(path, str))
        self.failed_at: str | None = ""
        originals = self._memory.get("originals")
        self.originals = tuple(path for path in originals or () if isinstance(path, str))

    def pass_over(self, before: str | None, after: str, paths: Iterable[bytes]) -> None:
        """Go along with a commit of ours that changed `paths`, where no copy is among them."""
        if before is not None and before == self.head and not any(map(is_called_copy, paths)):
            self.head = after

    def find(self, place: Readable, head: str | None) -> tuple[KeptCopy, ...]:
        """Return the copies at `head`, beginning with what is known; raise one of UNEXPECTED_ERRORS."""
        if head is not None and self.head is not None and self.head in place.repo:
            return followed(place, self._paths, self.head, head)
        return kept_copies(place, head)

    def look(self, place: Readable, head: str | None) -> None:
        """Find the copies at `head` and go on from there; raise one of UNEXPECTED_ERRORS."""
        found = self.find(place, head)
        paths = frozenset(copy.path for copy in found)
        is_news = paths != self._paths or self._memory.get("head") is None
        self.head, self._paths = head, paths
        self.originals = tuple(sorted({os.fsdecode(copy.original) for copy in found}))
        if is_news:
            names = sorted(map(os.fsdecode, paths))
            self._memory.remember(head=head, paths=names, originals=list(self.originals))


def follow(repo: LocalRepository) -> None:
    """Show the conflict copies at the branch's head, where that has moved since they were looked for."""
    head, copies = repo.board.local(repo.name).head, repo.copies
    if repo.worktree is None or head in (copies.head, copies.failed_at):
        return
    was = copies.originals
    try:
        copies.look(repo.worktree, head)
    except UNEXPECTED_ERRORS as trouble:
        # Knowing them is no condition of keeping the repository: tried again when the branch has moved on.
        copies.failed_at = head
        logger.warning("%s: cannot look for conflict copies: %s", repo.name, as_error(repo.name, trouble).message)
        return
    if copies.originals != was:
        repo.board.set_local(repo.name, kept=copies.originals)
