"""The answers about single files and their history.

Runs on connection threads, or in the control command while no daemon runs.
"""

from __future__ import annotations

from gitsync.daemon.desk import Answer, Desk


def answers(desk: Desk) -> dict[str, Answer]:
    """Return the answers, by method."""
    return {}
