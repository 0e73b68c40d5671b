"""Wakes owners that have no thread while they rest.

Runs on the thread `alarm`, which owns the instants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gitsync.clock import Clock
from gitsync.engine.owner import Owner, Stop, ThreadDied


@dataclass(frozen=True, slots=True)
class _Due:
    owner: Owner
    at: float


class Alarm(Owner):
    """Owns when each owner is to be woken; the last instant that was given counts."""

    def __init__(self, clock: Clock, on_death: Callable[[ThreadDied], None]) -> None:
        super().__init__("alarm", clock, on_death)
        self._at: dict[Owner, float] = {}

    def set(self, owner: Owner, at: float) -> None:
        """Rouse `owner` at that monotonic instant; may be called from any thread."""
        self.post(_Due(owner, at))

    def wake_at(self) -> float | None:
        """Return the first instant."""
        return min(self._at.values(), default=None)

    def step(self, message: object | None, now: float) -> None:
        """Note an instant, and rouse those whose instant has come."""
        if isinstance(message, Stop):
            self.end()
            return
        if isinstance(message, _Due):
            self._at[message.owner] = message.at
        for owner in [owner for owner, at in self._at.items() if at <= now]:
            del self._at[owner]
            owner.rouse()
