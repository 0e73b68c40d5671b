"""`gitsyncctl sync`: commit, pull and push now."""

from __future__ import annotations

from gitsync.cli import repos
from gitsync.cli.context import Context
from gitsync.errors import EXIT_ATTENTION, EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Ask for it, and show how every repository stands then."""
    output = context.output
    answer = context.ask(arguments)
    found = answer.get("repos") or []
    if output.is_json:
        output.json(answer)
    elif found:
        output.painted(repos.repo_lines(output, found))
    else:
        output.line("no repository is watched yet; to watch one: gitsyncctl watch DIR")
    return EXIT_ATTENTION if any(map(repos.needs_person, found)) else EXIT_OK
