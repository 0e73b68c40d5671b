"""`gitsyncctl setup`: lead a person from nothing to a running gitsync, by questions. Runs in this process."""

from __future__ import annotations

import sys

from gitsync.cli.context import Context
from gitsync.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Ask on the terminal; return 1 when something that was wanted could not be done."""
    output = context.output
    if output.is_json:
        raise UsageError(
            "setup asks questions, so it has no --json", "the commands that it calls have: gitsyncctl --help"
        )
    if not (sys.stdin and sys.stdin.isatty() and output.is_terminal):
        raise UsageError(
            "setup asks questions, and there is no terminal",
            "do it by commands: gitsyncctl watch DIR --init; gitsyncctl init; gitsyncctl service install",
        )
    from gitsync.cli.setup import course
    from gitsync.cli.setup.guide import Guide
    from gitsync.cli.setup.terminal import Terminal

    return course.run(Guide(context, Terminal(output)))
