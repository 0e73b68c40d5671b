"""`gitsyncctl import`: turn the configuration of a program before us into config.toml. The old file stays."""

from __future__ import annotations

from gitsync import places
from gitsync.cli import text
from gitsync.cli.commands.config import apply
from gitsync.cli.context import Context
from gitsync.errors import EXIT_OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Take over what the options name."""
    given = arguments["gitsync"]
    if given is None:
        raise UsageError("import what?", "name the file: gitsyncctl import --gitsync ~/.config/gitsync.ini")
    from pathlib import Path

    from gitsync.config.importing import import_ini

    path = places.config_file(context.config)
    roots = [str(root) for root in import_ini(path, Path(given))]
    if context.output.is_json:
        context.output.json({"config": str(path), "repos": roots})
        return EXIT_OK
    for root in roots:
        context.output.line(f"{text.tilde(root)} is in {text.tilde(str(path))}")
    context.output.line(f"{text.tilde(given)} can go now{apply(context)}" if roots else "there is nothing to take over")
    return EXIT_OK
