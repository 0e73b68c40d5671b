"""`gitsyncctl delete-branch`: delete a branch here now, and on the server at the next run."""

from __future__ import annotations

from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Delete it, and say how to have it again."""
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    output.wrapped(str(answer.get("message", "")))
    output.wrapped(str(answer.get("hint", "")), "dim")
