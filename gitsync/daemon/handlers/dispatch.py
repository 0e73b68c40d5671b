"""Calls the handler that a command's row names, in `gitsync.daemon.handlers`.

Runs on connection threads (and in the control command while no daemon runs). A module of handlers is imported with its
first command, so that an idle daemon stays small, and `status` without a daemon quick.
"""

from __future__ import annotations

from importlib import import_module

from gitsync.control.commands import BY_NAME
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json


class Handlers:
    """Finds the handlers of commands; `dispatch` is called by the control server."""

    def __init__(self, context: HandlerContext) -> None:
        self._context = context
        self._table: dict[str, Answer] = {}

    def dispatch(self, method: str, params: Json) -> Json:
        """Return the reply to one command; `params` were validated already."""
        answer = self._table.get(method)
        if answer is None:
            # Two threads may do this at once: handlers keep no state, so either result is right.
            module = import_module(f"gitsync.daemon.handlers.{BY_NAME[method].handler}")
            self._table.update(module.answers(self._context))
            answer = self._table[method]
        return answer(params)
