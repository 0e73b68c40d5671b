"""A buffer that accepts hints about selected paths only: most files in home are not tracked.

Any thread, like every buffer. The owner of the manifest replaces `coverage` as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gitsync.core.coverage import Coverage
from gitsync.core.manifest import Manifest
from gitsync.core.spelling import spelled_in_home
from gitsync.watch.buffer import ChangeBuffer


class SelectedBuffer(ChangeBuffer):
    """Notes paths that `coverage` is concerned with, and every reason to scan everything."""

    def __init__(self, on_first: Callable[[], None], now: Callable[[], float]) -> None:
        super().__init__(on_first, now)
        self.coverage = Coverage(Manifest(), "")

    def select(self, coverage: Coverage) -> bool:
        """Note what `coverage` is concerned with from now on; return whether other paths are active than before."""
        before, self.coverage = self.coverage, coverage
        return coverage.active != before.active

    def note_batch(self, paths: Iterable[bytes] = (), trees: Iterable[bytes] = (), reasons: Iterable[str] = ()) -> None:
        """Note all three kinds atomically, without the paths that are of no interest."""
        concerns = self.coverage.concerns
        paths, trees = map(spelled_in_home, paths), map(spelled_in_home, trees)
        super().note_batch(filter(concerns, paths), filter(concerns, trees), reasons)
