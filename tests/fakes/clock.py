"""A clock that stands still until it is told to move.

Its lie: wall-clock and monotonic time advance together, as they do on a machine that never sleeps.
"""

from __future__ import annotations


class FakeClock:
    """Monotonic time begins at 1000 s, wall-clock time at 1,700,000,000 s."""

    def __init__(self) -> None:
        self._elapsed = 0.0

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return 1000.0 + self._elapsed

    def wall(self) -> float:
        """Return seconds since the epoch."""
        return 1_700_000_000.0 + self._elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._elapsed += seconds
