"""Collects the faults of a configuration, so that all of them are reported at once. On the calling thread."""

from __future__ import annotations

from pathlib import Path

from gitsync.config.lines import Span, Where
from gitsync.errors import ConfigError
from gitsync.text import escape

FAULTS_MAX = 50


class Faults:
    """The faults of one file, ordered by line."""

    def __init__(self, source: Path, spans: dict[Where, Span] | None = None) -> None:
        self._source = escape(str(source))
        self._spans = spans or {}
        self._found: list[tuple[int, str]] = []

    def add(self, where: Where, what: str, *, label: str = "") -> None:
        """Add a fault at `where`; `label` is the table as a person knows it, and the last part of `where` the key."""
        line = self.line(where)
        key = where[-1] if len(where) > 1 and isinstance(where[-1], str) else ""
        table = f"{label}: " if label else ""
        self.add_line(line, table + (f"key {escape(key)}: " if key else "") + what)

    def add_line(self, line: int, what: str) -> None:
        """Add a fault in a line of the file, 0 for the file itself."""
        place = f"{self._source}:{line}" if line else self._source
        self._found.append((line, f"{place}: {escape(what)}"))

    def line(self, where: Where) -> int:
        """Return the line of the nearest enclosing element that has one, else 0."""
        for length in range(len(where), 0, -1):
            if span := self._spans.get(where[:length]):
                return span.first
        return 0

    def raise_any(self) -> None:
        """Raise ConfigError if there are any faults."""
        if self._found:
            raise self.error()

    def error(self) -> ConfigError:
        """Return the error that lists all faults."""
        lines = [text for _, text in sorted(self._found, key=lambda fault: fault[0])]
        if len(lines) > FAULTS_MAX:
            lines = [*lines[:FAULTS_MAX], f"{self._source}: and {len(lines) - FAULTS_MAX} more"]
        return ConfigError(lines, "fix the file, then check it: gitsyncctl config check")
