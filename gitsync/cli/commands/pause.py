"""`gitsyncctl pause`: hold repositories."""

from __future__ import annotations

from gitsync import text
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Have them held, and say until when."""
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    names = answer.get("paused") or []
    until = answer.get("until")
    how_long = f"until {_local(str(until))}" if until else "until: gitsyncctl resume"
    output.wrapped(
        f"paused {text.list_names(names, answer.get('job_names'))} {how_long}" if names else "there is nothing to pause"
    )


def _local(iso: str) -> str:
    from gitsync import times

    return times.local(iso)
