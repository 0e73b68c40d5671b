"""`gitsyncctl events`: what happened, and with --follow what happens."""

from __future__ import annotations

from gitsync import times
from gitsync.cli.context import Context, Json, Reply
from gitsync.control import client
from gitsync.errors import OperationError

# What only -v shows.
DETAILS = ("state", "progress")
STYLES = {"problem": "red", "recovered": "green", "state": "dim"}


def run(context: Context, arguments: Json) -> Reply:
    """Print one line an event; with --json one object a line."""
    if not arguments["follow"]:
        for event in context.ask(arguments).get("events") or ():
            _show(context, event)
        return Reply()
    # Listen before asking for what was: an event in between is shown twice rather than never, and twice is noticed.
    stream = client.subscribe(context.address)
    try:
        answer = context.ask(arguments)
        shown, names = answer.get("events") or [], answer.get("names") or []
        for event in shown:
            _show(context, event)
        context.output.flush()
        for event in stream:
            if event in shown:
                shown.remove(event)
                continue
            if names and event.get("repo") not in names:
                continue
            if event.get("event") in DETAILS and not arguments["verbose"]:
                continue
            _show(context, event)
            context.output.flush()
    except KeyboardInterrupt:
        return Reply()
    finally:
        stream.close()
    raise OperationError("gitsync has stopped", "start it again with: gitsync")


def _show(context: Context, event: Json) -> None:
    output = context.output
    if output.is_json:
        output.json(event)
        return
    when = times.local(str(event.get("time", "")))
    style = STYLES.get(str(event.get("event")), "")
    message = str(event.get("message", ""))
    told = output.wrap(f"{when}  {message}", style)
    output.painted(told if len(told) > 1 else [f"{output.paint(when, 'dim')}  {output.paint(message, style)}"])
