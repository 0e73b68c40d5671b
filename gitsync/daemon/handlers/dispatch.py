"""Calls the handler that a command's row names, in `gitsync.daemon.handlers`.

Runs on connection threads (and in the control command while no daemon runs). A module of handlers is loaded with its
first command: an idle daemon should be small, and `status` without a daemon quick.
"""

from __future__ import annotations

from importlib import import_module

from gitsync.control.commands import BY_NAME
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json


class Handlers:
    """Finds the answer to a command; `dispatch` is what the control server calls."""

    def __init__(self, context: HandlerContext) -> None:
        self._context = context
        self._table: dict[str, Answer] = {}

    def dispatch(self, method: str, params: Json) -> Json:
        """Return the answer to one command; `params` are checked against the table already."""
        answer = self._table.get(method)
        if answer is None:
            # Two threads may do so at once: an answer keeps nothing but the context, so that either will do.
            module = import_module(f"gitsync.daemon.handlers.{BY_NAME[method].handler}")
            self._table.update(module.answers(self._context))
            answer = self._table[method]
        return answer(params)
