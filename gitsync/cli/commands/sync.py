"""`gitsyncctl sync`: commit, pull and push now."""

from __future__ import annotations

from gitsync.cli import reports
from gitsync.cli.context import Context
from gitsync.errors import EXIT_ATTENTION, EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Ask for it, and show how every repository stands then."""
    output = context.output
    answer = context.ask(arguments)
    if output.is_json:
        output.json(answer)
    elif any(answer.get(key) for key in ("repos", "jobs", "faults", "left_out")):
        reports.show(output, answer)
    else:
        output.wrapped("no repository is watched yet; to watch one: gitsyncctl watch DIR")
    return EXIT_ATTENTION if reports.needs_person(answer) else EXIT_OK
