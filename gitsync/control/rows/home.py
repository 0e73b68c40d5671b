"""The commands for the mirror of home files."""

from __future__ import annotations

from gitsync.control.table import Command

ROWS: tuple[Command, ...] = ()
