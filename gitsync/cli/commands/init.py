"""`gitsyncctl init [DIR]`: make or adopt the mirror of home files."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import old_ini
from gitsync.cli.context import Context
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Have it made, and say where it is and what comes next."""
    output = context.output
    old_ini.make_way(context)
    answer = context.ask(arguments)
    if output.is_json:
        output.json(answer)
        return EXIT_OK
    path = text.tilde(str(answer.get("repo", "")))
    if answer.get("already"):
        output.wrapped(f"home is mirrored in {path} already")
    else:
        how = "made the repository" if answer.get("created") else "adopted the repository"
        output.wrapped(f"{how} {path}, which mirrors home files from now on")
    if not (answer.get("home") or {}).get("tracked"):
        output.wrapped("to track a file or a directory: gitsyncctl add PATH")
    return EXIT_OK
