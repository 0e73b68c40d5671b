"""Sentences about what happened that `status` lists for a day.

Runs on the committer thread. A restart forgets them; the events have them, too.
"""

from __future__ import annotations

SHOWN_S = 86400.0
KEPT = 10


class DayLines:
    """The newest sentences, and since when they are shown (wall clock)."""

    def __init__(self) -> None:
        self._lines: dict[str, float] = {}

    def say(self, line: str, wall: float) -> None:
        """Show a sentence."""
        self._lines = {**dict(list(self._lines.items())[-KEPT + 1 :]), line: wall}

    def lines(self, wall: float) -> tuple[str, ...]:
        """Return what is shown now."""
        return tuple(line for line, at in self._lines.items() if 0 <= wall - at < SHOWN_S)
