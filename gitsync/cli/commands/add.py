"""`gitsyncctl add PATH...`: track home files or directories."""

from __future__ import annotations

from gitsync import text
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK

# Paths that are left out and named.
NAMED = 5


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
    for item in answer.get("links") or []:
        link, target = f"~/{item['path']}", text.tilde(item["target"])
        output.wrapped(f"~/{item['path']} is a symbolic link: it is tracked, and not {target}, which it leads to")
        output.wrapped(f"to track that as well: gitsyncctl add --follow {text.as_word(link)}", "dim", "  ")
    left_out = answer.get("left_out") or []
    for item in left_out[:NAMED]:
        output.wrapped(f"~/{item['path']} is left out: {item['why']}")
    if left_out[NAMED:]:
        output.wrapped(f"and {len(left_out) - NAMED} more are left out: gitsyncctl status home")
    for item in answer.get("quarantined") or []:
        output.complain("error", f"~/{item['path']} is tracked, but not committed: {item['why']}")
        output.complain("hint", "if it is meant to be in history: gitsyncctl explain, or set secrets in [home]")


def entry(item: Json) -> str:
    """Return an entry as people see it: its path, and the machines that have it."""
    hosts = item.get("hosts") or []
    path = f"~/{item.get('path', '')}{'/' if item.get('directory') else ''}"
    return f"{path} (on {', '.join(hosts)} only)" if hosts else path
