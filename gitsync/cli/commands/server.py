"""`gitsyncctl server init`: make a bare repository that machines meet in."""

from __future__ import annotations

import re

from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.fast_parse import absolute
from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Have it made; a place on this machine is named by its absolute path."""
    place = str(arguments["place"])
    if not re.match(r"[^/]*:", place):
        arguments = {**arguments, "place": absolute(place)}
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    output.wrapped(f"made a bare repository, whose branch is {answer['branch']}")
    if answer["for"]:
        output.wrapped(f"it is the remote origin of {answer['for']} now")
    else:
        output.wrapped("to use it: git -C DIR remote add origin, followed by the next line")
    output.line(str(answer["url"]))
