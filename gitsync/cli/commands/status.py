"""`gitsyncctl status`: every repository, the home mirror and every job; what needs doing and how."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import machines, repos, service_view
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.control import client
from gitsync.core.deferral import sentence
from gitsync.errors import EXIT_ATTENTION, EXIT_OK, ConfigError, NotRunningError
from gitsync.version import VERSION

# While watching: how long to look at most, and at least, between two looks.
LOOK_S = 2.0
CALM_S = 0.1


def run(context: Context, arguments: Json) -> Reply:
    """Show it once, as one line, or again and again."""
    if arguments["watch"]:
        return _watch(context, arguments)
    return reply(_document(context, arguments), is_short=arguments["short"])


def _document(context: Context, arguments: Json) -> Json:
    """Return the status document with the installed service in it, where that is not what answers."""
    try:
        document = service_view.ask(context, arguments)
    except ConfigError:
        # A service that ended because of this fault is the answer to the question.
        service = service_view.view(context, None)
        if service is None or service["state"] not in ("failed", "auto-restart"):
            raise
        document = {"version": VERSION, "daemon": None, "repos": [], "home": None, "jobs": [], "left_out": []}
        return {**document, "service": service}
    service = service_view.view(context, document.get("daemon"))
    return document if service is None else {**document, "service": service}


def reply(document: Json, *, is_short: bool = False) -> Reply:
    """Return how a status is shown and what it says of the exit status."""

    def show(output: Output, answer: Json) -> None:
        output.painted(lines(output, answer, is_short=is_short))

    needs_person = any(map(repos.needs_person, repos.entries(document))) or _is_service_failing(document)
    return Reply(document, show, EXIT_ATTENTION if needs_person else EXIT_OK)


def lines(output: Output, document: Json, *, is_short: bool = False) -> list[str]:
    """Return the status for people, painted."""
    if is_short:
        return [_short(output, document)]
    shown: list[str] = []
    daemon, service = document.get("daemon"), document.get("service")
    version = f"gitsync {document.get('version', '')}".strip()
    if daemon:
        up = text.span(float(daemon.get("uptime_s") or 0))
        shown += output.wrap(f"{version}, running for {up} (PID {daemon.get('pid')})", "dim")
        if older := service_view.outdated(document):
            shown += output.wrap(older, "yellow")
    elif not service:
        shown += output.wrap(f"gitsync is not running: nothing is watched; {client.HOW_TO_START}", "yellow")
    if service:
        shown += _service_lines(output, service, is_running=bool(daemon))
    if refused := document.get("refused_reload"):
        shown += output.wrap(f"the configuration is not taken over: {refused['message']}", "red")
        shown += output.wrap(f"hint: {refused['hint']}")
    if waiting := sentence(document.get("deferred") or ()):
        shown += output.wrap(f"{waiting}; to exchange now: gitsyncctl sync", "yellow")
    watched = document.get("repos") or []
    shown += repos.repo_lines(output, watched)
    if document.get("home"):
        shown += ["", output.paint("home", "bold"), *repos.home_lines(output, document["home"])]
    if document.get("jobs"):
        shown += ["", output.paint("jobs", "bold"), *repos.job_lines(output, document["jobs"])]
    if other := service_view.other_agent(document):
        shown += ["", *output.wrap(other, "yellow")]
    for line in document.get("left_out") or ():
        shown += output.wrap(f"note: {line}", "dim")
    if safe := machines.safe_to_close(repos.entries({**document, "jobs": None})):
        shown += output.wrap(safe, "green")
    is_known = not (service and service.get("state") == "failed")
    if not repos.entries(document) and not document.get("left_out") and is_known:
        shown.append(output.paint("no repository is watched yet; to watch one: gitsyncctl watch DIR", ""))
    return shown


def _is_service_failing(document: Json) -> bool:
    return bool((document.get("service") or {}).get("needs_user") or document.get("refused_reload"))


def _service_lines(output: Output, service: Json, *, is_running: bool) -> list[str]:
    """Return what is shown of a service that does not run, or that a daemon started by hand keeps from running."""
    from gitsync.cli.service.condition import sentence as condition_sentence

    told = condition_sentence(service)
    if is_running:
        return [line for part in (told, service.get("hint")) if part for line in output.wrap(str(part), "yellow")]
    lines = output.wrap(f"gitsync is not running: nothing is watched; {told}", "red")
    return [*lines, *(output.wrap(f"hint: {service['hint']}") if service.get("hint") else [])]


def _short(output: Output, document: Json) -> str:
    everything = repos.entries(document)
    good, bad, going = ("✓", "!", "…") if output.is_unicode else ("ok", "!", "...")
    needy = [entry for entry in everything if repos.needs_person(entry)]
    if needy:
        shown = ", ".join(f"{entry.get('name')}: {_trouble(entry)}" for entry in needy[:3])
        more = f", {len(needy) - 3} more" if len(needy) > 3 else ""
        return output.paint(f"{bad} {shown}{more}", "red")
    service = document.get("service") or {}
    if service.get("needs_user"):
        what = "started by hand, beside the service" if document.get("daemon") else f"the service is {service['state']}"
        return output.paint(f"{bad} gitsync: {what}", "red")
    if document.get("refused_reload"):
        return output.paint(f"{bad} gitsync: the configuration has a fault", "red")
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
    document = _document(context, arguments)
    if context.output.is_json:
        context.output.json(document)
        context.output.flush()
    else:
        context.output.redraw(lines(context.output, document, is_short=arguments["short"]))


def _pause(seconds: float) -> None:
    from gitsync import clock

    clock.sleep(seconds)
