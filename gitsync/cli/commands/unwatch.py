"""`gitsyncctl unwatch DIR|NAME`: stop watching; nothing is deleted."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import old_ini
from gitsync.cli.context import Context
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Have it taken out of the configuration."""
    old_ini.make_way(context)
    answer = context.ask(arguments)
    if context.output.is_json:
        context.output.json(answer)
        return EXIT_OK
    path = text.tilde(str(answer.get("path", "")))
    context.output.wrapped(f"no longer watching {answer.get('name')} ({path}); its files and history stay")
    return EXIT_OK
