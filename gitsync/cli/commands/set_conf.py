"""`gitsyncctl set-conf`: identities and remotes as configured."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import reports
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK


def run(context: Context, arguments: Json) -> Reply:
    """Set them, and say for each repository what was changed."""
    answer = context.ask(arguments)
    return Reply(answer, _show, EXIT_ATTENTION if reports.needs_person(answer) else EXIT_OK)


def _show(output: Output, answer: Json) -> None:
    for job in answer.get("jobs") or ():
        items = job.get("items") or []
        where = f"{job.get('name', '')} ({text.tilde(str(job.get('path', '')))})"
        output.wrapped(f"{where}: {'already as configured' if not items else ''}".rstrip())
        for item in items:
            is_urgent = item.get("level") == "attention"
            output.wrapped(str(item.get("message", "")), "red" if is_urgent else "", "  ")
            if item.get("hint"):
                output.wrapped(f"hint: {item['hint']}", "", "  ")
    for fault in answer.get("faults") or ():
        output.complain("error", str(fault))
    if not answer.get("jobs") and not answer.get("faults"):
        output.wrapped("there is no git job to set anything for")
