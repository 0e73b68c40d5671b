"""`gitsyncctl allow PATH...`: commit files that are held back."""

from __future__ import annotations

from gitsync import text
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Have them committed, once and for all."""
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    for item in answer.get("allowed") or ():
        paths = item.get("paths") or []
        output.wrapped(f"{item.get('repo', '')}: committed {text.counted(len(paths), 'file')}", "green")
        for path in paths:
            output.line(f"  {path}")
