"""`gitsyncctl push`: one direction of a sync, for watched repositories and jobs, with a report."""

from __future__ import annotations

from gitsync.cli.reports import run

__all__ = ["run"]
