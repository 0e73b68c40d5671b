"""A reload that was refused because of a fault: shown until the file is fixed, and then made up for.

Runs on the main thread, which owns it.
"""

from __future__ import annotations

from pathlib import Path

from gitsync.clock import Clock
from gitsync.errors import ConfigError, GitsyncError
from gitsync.model import Problem

LOOK_EVERY_S = 1.0


class RefusedReload:
    """The last refused reload, until one succeeds."""

    def __init__(self, clock: Clock, file: Path) -> None:
        self._clock = clock
        self._file = file
        self._seen: tuple[int, int, int] | None = None
        self._look_at: float | None = None

    def wake_at(self) -> float | None:
        """Return when the file is checked for a change; None while nothing was refused."""
        return self._look_at

    def note(self, error: GitsyncError) -> Problem:
        """Note that a reload was refused, and return the problem as status shows it."""
        self._seen = self._signature()
        self._look_at = self._clock.now() + LOOK_EVERY_S
        message, hint = error.message, error.advice
        if isinstance(error, ConfigError):
            message = error.summary
            hint = "to see all faults: gitsyncctl config check; it is taken over as soon as there are none"
        return Problem(error.code, message, hint)

    def end(self) -> None:
        """Note that a reload succeeded."""
        self._look_at = None

    def is_due(self) -> bool:
        """Whether the file has changed since it was refused, so that it is worth another try."""
        if self._look_at is None or self._look_at > self._clock.now():
            return False
        self._look_at = self._clock.now() + LOOK_EVERY_S
        return self._signature() != self._seen

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            facts = self._file.stat()
        except OSError:
            return None
        return facts.st_mtime_ns, facts.st_size, facts.st_ino
