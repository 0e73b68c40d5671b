"""The conflict copies of conflicts in a repository, followed from commit to commit.

Runs on the committer thread; owns `copies.json` in the repository's state directory. The whole tree is searched once,
later only what differs from the commit that was searched last: `status` stays cheap.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gitsync.engine.memory import Memory
from gitsync.git.merging.conflict_copies import KeptCopy, followed, is_called_copy, kept_copies
from gitsync.git.repository import Readable

FILE = "copies.json"


class KeptCopies:
    """The conflict copies at the commit `head`; `originals` are the files that they are copies of."""

    def __init__(self, repo_state_dir: Path) -> None:
        self._memory = Memory(repo_state_dir / FILE)
        self.head = self._memory.text("head")
        paths = self._memory.get("paths")
        self._paths = frozenset(os.fsencode(path) for path in paths or () if isinstance(path, str))
        self._failed_at: str | None = ""
        originals = self._memory.get("originals")
        self.originals = tuple(path for path in originals or () if isinstance(path, str))

    def pass_over(self, before: str | None, after: str, paths: Iterable[bytes]) -> None:
        """Accept a commit or a pull by gitsync that changed `paths`, with no copy among them."""
        if before is not None and before == self.head and not any(map(is_called_copy, paths)):
            self.head = after

    def is_due(self, head: str | None) -> bool:
        """Whether they are to be searched at `head`; where that failed, not before the branch has moved."""
        return head not in (self.head, self._failed_at)

    def find(self, place: Readable, head: str | None) -> tuple[KeptCopy, ...]:
        """Return the copies at `head`, beginning with what is known; raise one of UNEXPECTED_ERRORS."""
        if head is not None and self.head is not None and self.head in place.repo:
            return followed(place, self._paths, self.head, head)
        return kept_copies(place, head)

    def look(self, place: Readable, head: str | None) -> None:
        """Find the copies at `head` and go on from there; raise one of UNEXPECTED_ERRORS."""
        self._failed_at = head
        found = self.find(place, head)
        self._failed_at = ""
        paths = frozenset(copy.path for copy in found)
        is_news = paths != self._paths or self._memory.get("head") is None
        self.head, self._paths = head, paths
        self.originals = tuple(sorted({os.fsdecode(copy.original) for copy in found}))
        if is_news:
            names = sorted(map(os.fsdecode, paths))
            self._memory.remember(head=head, paths=names, originals=list(self.originals))
