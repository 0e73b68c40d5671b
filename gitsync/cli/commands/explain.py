"""`gitsyncctl explain`: why a path is or is not committed."""

from __future__ import annotations

from gitsync import text
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output

_STYLES = {"committed": "green", "will be committed": "cyan"}


def run(context: Context, arguments: Json) -> Reply:
    """Print the verdict, then what to do, then the facts."""
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    verdict = str(answer["verdict"])
    output.wrapped(f"{text.tilde(answer['absolute'])}: {verdict}: {answer['reason']}", _STYLES.get(verdict, "yellow"))
    if answer["hint"]:
        output.wrapped(f"hint: {answer['hint']}", "", "  ")
    for fact in answer["facts"]:
        output.wrapped(fact, "dim", "  ")
