"""The commands for what went wrong between machines: see it, settle it, take it back."""

from __future__ import annotations

from gitsync.control.table import Command

ROWS: tuple[Command, ...] = ()
