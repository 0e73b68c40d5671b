"""`gitsyncctl sync`: commit, pull and push now."""

from __future__ import annotations

from gitsync.cli import reports, trials
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_OK


def run(context: Context, arguments: Json) -> Reply:
    """Request it, and show the state of every repository afterwards."""
    answer = context.ask(arguments)
    return Reply(answer, _show, EXIT_OK if arguments["dry_run"] else reports.exit_status(answer))


def _show(output: Output, answer: Json) -> None:
    if answer.get("dry_run"):
        trials.show(output, answer)
    elif any(answer.get(key) for key in ("repos", "jobs", "faults", "left_out")):
        reports.show(output, answer)
    else:
        output.wrapped("no repository is watched yet; to watch one: gitsyncctl watch DIR")
