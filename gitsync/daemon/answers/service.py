"""The answers about gitsync as a service, and what is wrong with it.

Runs on connection threads, or in the control command while no daemon runs.
"""

from __future__ import annotations

from functools import partial

from gitsync.daemon.answers.explaining import explain
from gitsync.daemon.desk import Answer, Desk


def answers(desk: Desk) -> dict[str, Answer]:
    """Return the answers, by method."""
    return {"explain": partial(explain, desk)}
