"""`gitsyncctl clone URL [DIR]`: take over the mirror of another machine."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import old_ini, repos
from gitsync.cli.context import Context
from gitsync.errors import EXIT_ATTENTION, EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Have it cloned and brought into home, and show how the home files stand then."""
    output = context.output
    old_ini.make_way(context)
    answer = context.ask(arguments)
    home = answer.get("home") or {}
    if output.is_json:
        output.json(answer)
    else:
        output.wrapped(f"home is mirrored in {text.tilde(str(answer.get('repo', '')))}, from {answer.get('url', '')}")
        output.painted(repos.home_lines(output, home))
    return EXIT_ATTENTION if repos.needs_person(home) else EXIT_OK
