"""`gitsyncctl redo`: take back the last undo."""

from __future__ import annotations

from gitsync.cli.commands import undo
from gitsync.cli.context import Context, Json, Reply


def run(context: Context, arguments: Json) -> Reply:
    """Redo, or show what that would come to."""
    return Reply(undo.ask(context, arguments), undo.show)
