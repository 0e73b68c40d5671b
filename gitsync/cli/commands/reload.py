"""`gitsyncctl reload`: read the configuration again."""

from __future__ import annotations

from gitsync.cli.context import Context
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Have it read, and say what is different now."""
    output = context.output
    answer = context.ask(arguments)
    if output.is_json:
        output.json(answer)
        return EXIT_OK
    told = [f"{key}: {', '.join(answer[key])}" for key in ("added", "removed", "changed") if answer.get(key)]
    output.wrapped("; ".join(told) or "nothing is different")
    return EXIT_OK
