"""`gitsyncctl reload`: read the configuration again."""

from __future__ import annotations

from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Have it read, and say what is different now."""
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    told = [f"{key}: {', '.join(answer[key])}" for key in ("added", "removed", "changed") if answer.get(key)]
    output.wrapped("; ".join(told) or "nothing is different")
