"""`gitsyncctl diff`: what has changed since the last commit, or since then."""

from __future__ import annotations

from gitsync import clock, times
from gitsync.cli import patches
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK


def run(context: Context, arguments: Json) -> Reply:
    """Print the patch; where there is none, say since when nothing has changed."""
    answer = context.ask(arguments)
    return Reply(answer, _show, EXIT_ATTENTION if answer.get("problems") else EXIT_OK)


def _show(output: Output, answer: Json) -> None:
    now = clock.SystemClock().wall()
    diffs = answer.get("diffs") or []
    for item in diffs:
        base = item["from"]
        where = item["path"] or item["repo"]
        if not item["files"]:
            since = f"{base['commit'][:7]} {base['message']!r}, {times.with_age(base['time'], now)}"
            # For people: a pipe that awaits a patch gets an empty one.
            if output.is_terminal:
                output.wrapped(f"{where}: nothing has changed since {since}", "dim")
                output.wrapped(f"what that commit changed: gitsyncctl show {base['commit'][:7]}", "dim", "  ")
        elif output.is_terminal:
            output.wrapped(f"{where} since {base['commit'][:7]}, {times.with_age(base['time'], now)}", "bold")
        patches.show(output, item)
    output.problems(answer.get("problems") or ())
