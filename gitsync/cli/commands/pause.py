"""`gitsyncctl pause`: hold repositories."""

from __future__ import annotations

from gitsync import text
from gitsync.cli.context import Context
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Have them held, and say until when."""
    output = context.output
    answer = context.ask(arguments)
    if output.is_json:
        output.json(answer)
        return EXIT_OK
    names = answer.get("paused") or []
    until = answer.get("until")
    how_long = f"until {_local(str(until))}" if until else "until: gitsyncctl resume"
    output.wrapped(
        f"paused {text.list_names(names, answer.get('job_names'))} {how_long}" if names else "there is nothing to pause"
    )
    return EXIT_OK


def _local(iso: str) -> str:
    from gitsync.cli import times

    return times.local(iso)
