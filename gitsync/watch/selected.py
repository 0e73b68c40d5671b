"""A buffer that takes in hints about some paths only: home is full of files that nobody tracks.

Runs on: any thread, as the buffer it is. `coverage` is replaced whole by whoever knows what is tracked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gitsync.core.coverage import Coverage
from gitsync.core.manifest import Manifest
from gitsync.watch.buffer import ChangeBuffer


class SelectedBuffer(ChangeBuffer):
    """Notes what `coverage` is concerned with, and every reason to look at everything."""

    def __init__(self, on_first: Callable[[], None], now: Callable[[], float]) -> None:
        super().__init__(on_first, now)
        self.coverage = Coverage(Manifest(), "")

    def note_batch(self, paths: Iterable[bytes] = (), trees: Iterable[bytes] = (), reasons: Iterable[str] = ()) -> None:
        """Note all three kinds at once, but for what nobody wants to hear of."""
        concerns = self.coverage.concerns
        super().note_batch(filter(concerns, paths), filter(concerns, trees), reasons)
