"""`gitsyncctl delete-branch`: delete a branch here now, and on the server at the next run."""

from __future__ import annotations

from gitsync.cli.context import Context
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Delete it, and say how to have it again."""
    answer = context.ask(arguments)
    if context.output.is_json:
        context.output.json(answer)
    else:
        context.output.wrapped(str(answer.get("message", "")))
        context.output.wrapped(str(answer.get("hint", "")), "dim")
    return EXIT_OK
