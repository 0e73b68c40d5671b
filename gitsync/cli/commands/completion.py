"""`gitsyncctl completion`: the script that makes a shell complete gitsyncctl's command lines."""

from __future__ import annotations

from gitsync.cli.context import Context
from gitsync.cli.shells import SCRIPTS
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Print it as it is."""
    output = context.output
    script = SCRIPTS[arguments["shell"]]
    if output.is_json:
        output.json({"shell": arguments["shell"], "script": script})
    else:
        output.painted(script.splitlines())
    return EXIT_OK
