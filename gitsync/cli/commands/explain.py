"""`gitsyncctl explain`: why a path is or is not committed."""

from __future__ import annotations

from gitsync import text
from gitsync.cli.context import Context
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STYLES = {"committed": "green", "will be committed": "cyan"}


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Print the verdict, then what to do, then the facts."""
    output = context.output
    answer = context.ask(arguments)
    if output.is_json:
        output.json(answer)
        return EXIT_OK
    verdict = str(answer["verdict"])
    output.wrapped(f"{text.tilde(answer['absolute'])}: {verdict}: {answer['reason']}", _STYLES.get(verdict, "yellow"))
    if answer["hint"]:
        output.wrapped(f"hint: {answer['hint']}", "", "  ")
    for fact in answer["facts"]:
        output.wrapped(fact, "dim", "  ")
    return EXIT_OK
