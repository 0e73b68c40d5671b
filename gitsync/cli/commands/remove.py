"""`gitsyncctl remove PATH...`: stop tracking home files or directories."""

from __future__ import annotations

from gitsync.cli.commands.add import entry
from gitsync.cli.context import Context
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Have them taken out of the mirror; home keeps them."""
    answer = context.ask(arguments)
    if context.output.is_json:
        context.output.json(answer)
        return EXIT_OK
    for item in answer.get("removed") or []:
        context.output.wrapped(f"no longer tracking {entry(item)}; it stays in home, and its history in the mirror")
    return EXIT_OK
