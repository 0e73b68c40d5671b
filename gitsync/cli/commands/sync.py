"""`gitsyncctl sync`: commit, pull and push now."""

from __future__ import annotations

from gitsync.cli import reports
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK


def run(context: Context, arguments: Json) -> Reply:
    """Request it, and show the state of every repository afterwards."""
    answer = context.ask(arguments)
    return Reply(answer, _show, EXIT_ATTENTION if reports.needs_person(answer) else EXIT_OK)


def _show(output: Output, answer: Json) -> None:
    if any(answer.get(key) for key in ("repos", "jobs", "faults", "left_out")):
        reports.show(output, answer)
    else:
        output.wrapped("no repository is watched yet; to watch one: gitsyncctl watch DIR")
