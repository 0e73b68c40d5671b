"""`gitsyncctl remove PATH...`: stop tracking home files or directories."""

from __future__ import annotations

from gitsync.cli.commands.add import entry
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Have them taken out of the mirror; home keeps them."""
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    for item in answer.get("removed") or []:
        output.wrapped(told(item, is_dry=bool(answer.get("dry_run"))))


def told(item: Json, *, is_dry: bool) -> str:
    """Return the sentence about an entry that is, or would be, removed."""
    what = "would stop" if is_dry else "no longer"
    return f"{what} tracking {entry(item)}; it stays in home, and its history in the mirror"
