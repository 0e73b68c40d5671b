"""`gitsyncctl add PATH...`: track home files or directories."""

from __future__ import annotations

from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK


def run(context: Context, arguments: Json) -> Reply:
    """Have them tracked, and say what is tracked now and what that replaced."""
    answer = context.ask(arguments)
    return Reply(answer, _show, EXIT_ATTENTION if answer.get("quarantined") else EXIT_OK)


def _show(output: Output, answer: Json) -> None:
    for item in answer.get("added") or []:
        output.wrapped(f"{'would track' if answer.get('dry_run') else 'tracking'} {entry(item)}")
    verb = "would go" if answer.get("dry_run") else "is removed"
    for item in answer.get("replaced") or []:
        output.wrapped(f"~/{item['path']} is covered by ~/{item['by']}/: its own entry {verb}")
    for item in answer.get("covered") or []:
        if item["path"] == item["by"]:
            output.wrapped(f"~/{item['path']} is tracked already")
        else:
            output.wrapped(f"~/{item['path']} is covered by ~/{item['by']}/, which is tracked already")
    for item in answer.get("quarantined") or []:
        output.complain("error", f"~/{item['path']} is tracked, but not committed: {item['why']}")
        output.complain("hint", "if it is meant to be in history: gitsyncctl explain, or set secrets in [home]")


def entry(item: Json) -> str:
    """Return an entry as people see it: its path, and the machines that have it."""
    hosts = item.get("hosts") or []
    path = f"~/{item.get('path', '')}{'/' if item.get('directory') else ''}"
    return f"{path} (on {', '.join(hosts)} only)" if hosts else path
