"""`gitsyncctl completion`: the script that makes a shell complete gitsyncctl's command lines."""

from __future__ import annotations

from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.shells import SCRIPTS


def run(context: Context, arguments: Json) -> Reply:
    """Print it as it is."""
    document = {"shell": arguments["shell"], "script": SCRIPTS[arguments["shell"]]}
    return Reply(document, lambda output, answer: output.painted(answer["script"].splitlines()))
