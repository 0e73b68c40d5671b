"""`gitsyncctl set-conf`: identities and remotes as configured."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import reports
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Set them, and say for each repository what was changed."""
    answer = context.ask(arguments)
    return Reply(answer, _show, reports.exit_status(answer))


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
    if answer.get("faults"):
        output.complain("hint", reports.CORRECT)
    if not answer.get("jobs") and not answer.get("faults"):
        output.wrapped("there is no git job to set anything for")
