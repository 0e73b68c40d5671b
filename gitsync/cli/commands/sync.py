"""`gitsyncctl sync`: commit, pull and push now."""

from __future__ import annotations

from gitsync.cli import reports, trials
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK


def run(context: Context, arguments: Json) -> Reply:
    """Request it, and show the state of every repository afterwards."""
    answer = context.ask(arguments)
    is_done = not arguments["dry_run"]
    return Reply(answer, _show, EXIT_ATTENTION if is_done and reports.needs_person(answer) else EXIT_OK)


def _show(output: Output, answer: Json) -> None:
    if answer.get("dry_run"):
        trials.show(output, answer)
    elif any(answer.get(key) for key in ("repos", "jobs", "faults", "left_out")):
        reports.show(output, answer)
    else:
        output.wrapped("no repository is watched yet; to watch one: gitsyncctl watch DIR")
