"""The commands' other side: finds the answer to a command in `gitsync.daemon.handlers`, by the command's theme.

Runs on connection threads (and in the control command while no daemon runs). A theme is loaded with its first command:
a daemon that idles should be small, and `status` without a daemon quick.
"""

from __future__ import annotations

from importlib import import_module

from gitsync.daemon.handlers.context import Answer, HandlerContext, Json

THEMES = {
    "repos": ("status", "list", "watch", "unwatch", "sync", "pause", "resume", "events", "reload", "stop"),
    "home": ("init", "clone", "add", "remove"),
    "files": ("restore", "log", "diff", "show"),
    "conflicts": ("conflicts", "resolve", "undo"),
    "jobs": ("pull", "push", "set-conf", "delete-branch"),
    "explain": ("explain",),
    "doctor": ("doctor",),
}


class Handlers:
    """Finds the answer to a command; `dispatch` is what the control server calls."""

    def __init__(self, desk: HandlerContext) -> None:
        self._desk = desk
        self._table: dict[str, Answer] = {}

    def dispatch(self, method: str, params: Json) -> Json:
        """Return the answer to one command; `params` are checked against the table already."""
        answer = self._table.get(method)
        if answer is None:
            theme = next(theme for theme, methods in THEMES.items() if method in methods)
            # Two threads may do so at once: an answer keeps nothing but the desk, so that either will do.
            self._table.update(import_module(f"gitsync.daemon.handlers.{theme}").answers(self._desk))
            answer = self._table[method]
        return answer(params)
