"""`gitsyncctl setup`: lead a person from nothing to a running gitsync, by questions. Runs in this process."""

from __future__ import annotations

import sys

from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitsync.cli.setup.dialogue import Dialogue


def run(context: Context, arguments: Json) -> Reply:
    """Ask on the terminal, or open the page; return 1 when something that was wanted could not be done."""
    output = context.output
    if arguments["window"]:
        return _page(context)
    if output.is_json:
        raise UsageError(
            "setup asks questions, so it has no --json", "the commands that it calls have: gitsyncctl --help"
        )
    dialogue = _terminal(output)
    from gitsync.cli.setup import course
    from gitsync.cli.setup.guide import Guide

    return Reply(status=course.run(Guide(context, dialogue)))


def _terminal(output: Output) -> Dialogue:
    if not (sys.stdin and sys.stdin.isatty() and output.is_terminal):
        raise UsageError(
            "setup asks questions, and there is no terminal",
            "do it on a page: gitsyncctl setup --window; or do it by commands: gitsyncctl watch DIR --init",
        )
    from gitsync.cli.setup.terminal import Terminal

    return Terminal(output)


def _page(context: Context) -> Reply:
    from gitsync.cli.commands import web

    plain = {"port": None, "listen": None, "password_file": None, "certificate": None, "key": None}
    return web.serve_page(context, {**plain, "no_browser": False}, "/setup")
