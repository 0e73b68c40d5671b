"""What the last pull put in place, so that the events of its own writes need no second look. Committer thread.

It counts for the next staging, as long as HEAD has the tree and nobody has written the index since, and for a file
whose stat data are those of the moment when it came to its path. Only files are remembered that were written before
that moment by more than a tick of the clock: a later edit gives them another time. Kept in memory alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from gitsync.git.files import Signature

Identity = tuple[int, ...]


class Placed:
    """The files of the last pull, by path."""

    def __init__(self) -> None:
        self._for: tuple[str, Signature | None] | None = None
        self._files: Mapping[bytes, Identity] = {}

    def note(self, tree: str, index: Signature | None, files: Mapping[bytes, os.stat_result]) -> None:
        """Remember `files` in place of those before; HEAD has `tree` now, and `index` tells the index that names it."""
        self._for = tree, index
        self._files = {path: identity(facts) for path, facts in files.items()}

    def take(self, tree: str | None, index: Signature | None) -> Mapping[bytes, Identity]:
        """Return what each file is known by while it is unchanged, and forget it; nothing for another tree or index."""
        files, self._files = self._files, {}
        return files if self._for == (tree, index) else {}


def identity(facts: os.stat_result | None) -> Identity:
    """Return what tells a file from another one and from itself at another time; () for none."""
    if facts is None:
        return ()
    times = facts.st_mtime_ns, facts.st_ctime_ns
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mode, *times
