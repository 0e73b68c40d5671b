"""`gitsyncctl watch DIR`: start watching a git work tree."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import old_ini
from gitsync.cli.context import Context
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Have it written into the configuration, and say what became of it."""
    output = context.output
    old_ini.make_way(context)
    answer = context.ask(arguments)
    if output.is_json:
        output.json(answer)
        return EXIT_OK
    path = text.tilde(str(answer.get("path", "")))
    if answer.get("created"):
        output.wrapped(f"made a new git repository in {path}")
    if answer.get("already"):
        output.wrapped(f"{path} is watched already, as {answer.get('name')}")
    else:
        output.wrapped(f"watching {path} as {answer.get('name')}")
    return EXIT_OK
