"""The commands for single files and their history."""

from __future__ import annotations

from gitsync.control.table import Command

ROWS: tuple[Command, ...] = ()
