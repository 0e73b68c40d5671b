"""`gitsyncctl resume`: go on after a pause or a brake."""

from __future__ import annotations

from gitsync.cli.context import Context
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Have them go on."""
    output = context.output
    answer = context.ask(arguments)
    if output.is_json:
        output.json(answer)
        return EXIT_OK
    names = answer.get("resumed") or []
    output.line(f"resumed {', '.join(names)}" if names else "there is nothing to resume")
    return EXIT_OK
