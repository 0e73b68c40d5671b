"""The commands for jobs with a server."""

from __future__ import annotations

from gitsync.control.table import Command

ROWS: tuple[Command, ...] = ()
