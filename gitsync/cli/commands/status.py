"""`gitsyncctl status`: every repository, the home mirror and every job; what needs doing and how."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import repos
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.control import client
from gitsync.errors import EXIT_ATTENTION, EXIT_OK, NotRunningError

# While watching: how long to look at most, and at least, between two looks.
LOOK_S = 2.0
CALM_S = 0.1


def run(context: Context, arguments: Json) -> Reply:
    """Show it once, as one line, or again and again."""
    if arguments["watch"]:
        return _watch(context, arguments)
    return reply(context.ask(arguments), is_short=arguments["short"])


def reply(document: Json, *, is_short: bool = False) -> Reply:
    """Return how a status is shown and what it says of the exit status."""

    def show(output: Output, answer: Json) -> None:
        output.painted(lines(output, answer, is_short=is_short))

    needs_person = any(map(repos.needs_person, repos.entries(document)))
    return Reply(document, show, EXIT_ATTENTION if needs_person else EXIT_OK)


def lines(output: Output, document: Json, *, is_short: bool = False) -> list[str]:
    """Return the status for people, painted."""
    if is_short:
        return [_short(output, document)]
    shown: list[str] = []
    daemon = document.get("daemon")
    version = f"gitsync {document.get('version', '')}".strip()
    if daemon:
        up = text.span(float(daemon.get("uptime_s") or 0))
        shown += output.wrap(f"{version}, running for {up} (PID {daemon.get('pid')})", "dim")
    else:
        shown += output.wrap(f"gitsync is not running: nothing is watched; {client.HOW_TO_START}", "yellow")
    watched = document.get("repos") or []
    shown += repos.repo_lines(output, watched)
    if document.get("home"):
        shown += ["", output.paint("home", "bold"), *repos.home_lines(output, document["home"])]
    if document.get("jobs"):
        shown += ["", output.paint("jobs", "bold"), *repos.job_lines(output, document["jobs"])]
    for line in document.get("left_out") or ():
        shown += output.wrap(f"note: {line}", "dim")
    if not repos.entries(document) and not document.get("left_out"):
        shown.append(output.paint("no repository is watched yet; to watch one: gitsyncctl watch DIR", ""))
    return shown


def _short(output: Output, document: Json) -> str:
    everything = repos.entries(document)
    good, bad, going = ("✓", "!", "…") if output.is_unicode else ("ok", "!", "...")
    needy = [entry for entry in everything if repos.needs_person(entry)]
    if needy:
        shown = ", ".join(f"{entry.get('name')}: {_trouble(entry)}" for entry in needy[:3])
        more = f", {len(needy) - 3} more" if len(needy) > 3 else ""
        return output.paint(f"{bad} {shown}{more}", "red")
    count = text.counted(len(everything), "repo")
    if not document.get("daemon"):
        return output.paint(f"- {count}, not running", "yellow")
    states = [str(entry.get("state")) for entry in everything if entry.get("state") != "ok"]
    if not states:
        return output.paint(f"{good} {count}", "green")
    told = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    is_going = all(state in ("pending", "syncing") for state in states)
    return output.paint(f"{going if is_going else '-'} {count}, {told}", "cyan" if is_going else "yellow")


def _trouble(entry: Json) -> str:
    if entry.get("state") in repos.NEEDS_PERSON:
        return str(entry["state"])
    return "conflict" if entry.get("conflicts") else "not committed"


def _watch(context: Context, arguments: Json) -> Reply:
    """Draw it again on every event and every two seconds, until Ctrl-C."""
    output = context.output
    try:
        while True:
            try:
                stream = client.subscribe(context.address)
            except NotRunningError:
                _draw(context, arguments)
                _pause(LOOK_S)
                continue
            try:
                while not stream.is_over:
                    _draw(context, arguments)
                    _pause(CALM_S)
                    # One wait for the first event; what came with it is one look.
                    if stream.wait(LOOK_S - CALM_S) is not None:
                        while stream.wait(0.001) is not None:
                            pass
            finally:
                stream.close()
    except KeyboardInterrupt:
        if output.is_terminal:
            output.line()  # the next output must not follow ^C on the same line
        return Reply()


def _draw(context: Context, arguments: Json) -> None:
    document = context.ask(arguments)
    if context.output.is_json:
        context.output.json(document)
        context.output.flush()
    else:
        context.output.redraw(lines(context.output, document, is_short=arguments["short"]))


def _pause(seconds: float) -> None:
    from gitsync import clock

    clock.sleep(seconds)
