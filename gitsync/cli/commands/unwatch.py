"""`gitsyncctl unwatch DIR|NAME`: stop watching; nothing is deleted."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import old_ini
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Have it taken out of the configuration."""
    old_ini.make_way(context)
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    path = text.tilde(str(answer.get("path", "")))
    output.wrapped(f"no longer watching {answer.get('name')} ({path}); its files and history stay")
