"""The commands for gitsync as a service, and what is wrong with it."""

from __future__ import annotations

from gitsync.control.table import Command

ROWS: tuple[Command, ...] = ()
