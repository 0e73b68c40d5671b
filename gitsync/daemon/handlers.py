"""The commands' other side: every answer of `gitsync.daemon.answers` in one table.

Runs on connection threads (and in the control command while no daemon runs).
"""

from __future__ import annotations

from gitsync.daemon.answers import doctor, files, home, jobs, repos, service, trouble
from gitsync.daemon.desk import Answer, Desk, Json


class Handlers:
    """Finds the answer to a command; `dispatch` is what the control server calls."""

    def __init__(self, desk: Desk) -> None:
        self._table: dict[str, Answer] = {}
        for theme in (repos, home, files, trouble, jobs, service, doctor):
            self._table.update(theme.answers(desk))

    def dispatch(self, method: str, params: Json) -> Json:
        """Return the answer to one command; `params` are checked against the table already."""
        return self._table[method](params)
