"""`gitsyncctl size`: what takes the room in a history."""

from __future__ import annotations

import os

from gitsync import text
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Cell, Output
from gitsync.errors import UsageError

SHOWN = 20


def run(context: Context, arguments: Json) -> Reply:
    """Print the largest files, and how to stop one."""
    if not context.output.is_json:
        arguments = {**arguments, "count": arguments["count"] or SHOWN}
    return Reply(_ask(context, arguments), _show)


def _ask(context: Context, arguments: Json) -> Json:
    try:
        return context.ask(arguments)
    except UsageError as error:
        if error.code != "which-repository":
            raise
        try:
            return context.ask({**arguments, "name": os.getcwd()})  # noqa: PTH109 - pathlib takes 3 ms to load
        except (UsageError, FileNotFoundError):
            raise error from None


def _show(output: Output, answer: Json) -> None:
    output.line(f"{answer['repo']}: {text.size(answer['bytes'])} in history", "bold")
    rows = [
        [
            Cell(text.size(item["bytes"])),
            Cell(text.counted(item["versions"], "version"), "dim"),
            Cell(item["path"], is_path=True),
            Cell("" if item["present"] else "deleted", "dim"),
        ]
        for item in answer["paths"]
    ]
    output.painted(output.table(rows))
