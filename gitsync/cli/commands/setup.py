"""`gitsyncctl setup`: lead a person from nothing to a running gitsync, by questions. Runs in this process."""

from __future__ import annotations

import sys

from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import OperationError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitsync.cli.setup.dialogue import Dialogue


def run(context: Context, arguments: Json) -> Reply:
    """Ask on the terminal, or in a window; return 1 when something that was wanted could not be done."""
    output = context.output
    if output.is_json:
        raise UsageError(
            "setup asks questions, so it has no --json", "the commands that it calls have: gitsyncctl --help"
        )
    dialogue = _window(output) if arguments["window"] else _terminal(output)
    from gitsync.cli.setup import course
    from gitsync.cli.setup.guide import Guide

    return Reply(status=course.run(Guide(context, dialogue)))


def _terminal(output: Output) -> Dialogue:
    if not (sys.stdin and sys.stdin.isatty() and output.is_terminal):
        raise UsageError(
            "setup asks questions, and there is no terminal",
            "be asked in a window: gitsyncctl setup --window; or do it by commands: gitsyncctl watch DIR --init",
        )
    from gitsync.cli.setup.terminal import Terminal

    return Terminal(output)


def _window(output: Output) -> Dialogue:
    try:
        from gitsync.cli.setup.window import Window
    except ImportError as error:
        if error.name not in ("tkinter", "_tkinter"):
            raise
        raise OperationError(
            "this Python has no tkinter, which draws windows",
            "install it, on Debian: apt install python3-tk; or be asked on the terminal: gitsyncctl setup",
        ) from error
    return Window(output)
