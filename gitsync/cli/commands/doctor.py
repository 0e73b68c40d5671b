"""`gitsyncctl doctor`: every check with its verdict, and how to fix what is wrong."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import layout, service_view
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import GAP, Cell, Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK, ConfigError
from gitsync.version import VERSION

STYLES = {"ok": "green", "warning": "yellow", "problem": "red"}
NARROW = 60
# How many repositories are named before the rest is only counted.
NAMED = 3
MARKS = {"ok": "✓", "warning": "!", "problem": "✗"}


def run(context: Context, arguments: Json) -> Reply:
    """Show the checks; exit 1 when there is a problem, 0 when there are warnings at most."""
    try:
        document = context.ask(arguments)
    except ConfigError as error:
        found = {
            "id": "configuration",
            "subject": "",
            "state": "problem",
            "message": error.message,
            "fix": error.advice,
        }
        document = {"version": VERSION, "daemon": None, "checks": [found]}
    service = service_view.view(context, document.get("daemon"))
    own = [_version_check(document), *([_service_check(service)] if service else [])]
    checks = document["checks"] = [*own, *(document.get("checks") or ())]
    for check in checks if service and not document.get("daemon") else ():
        if check["id"] == "daemon" and service and service.get("hint"):
            check["fix"] = service["hint"]  # one that is started by hand would keep the service from starting
    is_bad = any(check.get("state") == "problem" for check in checks)
    return Reply(document, _show, EXIT_ATTENTION if is_bad else EXIT_OK)


def _show(output: Output, answer: Json) -> None:
    output.painted(_lines(output, answer["checks"]))


def _service_check(service: Json) -> Json:
    """Return the check of the installed service, where that is not what answers."""
    from gitsync.cli.service.condition import sentence

    state = "problem" if service["needs_user"] else "warning" if service["state"] in ("disabled", "masked") else "ok"
    check = {"id": "service", "subject": "", "state": state, "message": sentence(service), "fix": service["hint"]}
    return {**check, "service": service}


def _version_check(document: Json) -> Json:
    """Return the check that only this program can make: whether the daemon is as old as it is."""
    theirs = str(document.get("version", ""))
    check = {"id": "version", "subject": "", "state": "ok", "message": f"gitsync {VERSION}", "fix": ""}
    if theirs != VERSION:
        check["state"] = "warning"
        check["message"] = f"the daemon is gitsync {theirs}, this command is {VERSION}"
        check["fix"] = service_view.how_to_restart(document)
    return check


def _lines(output: Output, checks: list[Json]) -> list[str]:
    """Return one line per check, passed checks of many repositories in one line, and the problems in full below."""
    shown = _gathered(checks)
    rows = [
        [
            Cell(_verdict(output, str(check.get("state"))), STYLES.get(str(check.get("state")), "red")),
            Cell(str(check.get("id")), "bold"),
            Cell(text.tilde(str(check.get("subject")))),
        ]
        for check in shown
    ]
    messages = [_beside(output, rows, check) for check in shown]
    cells = [[*row, Cell(first, "dim")] for row, (first, _) in zip(rows, messages, strict=True)]
    lines = []
    for check, row, (_, rest) in zip(shown, output.table(cells), messages, strict=True):
        lines += [row, *rest]
        if check.get("state") != "ok":
            style = STYLES.get(str(check.get("state")), "red")
            lines += output.wrap(str(check.get("message")), style, "  ")
            if check.get("fix"):
                lines += output.wrap(f"fix: {check['fix']}", "", "  ")
    return [*lines, *_summary(output, checks)]


def _beside(output: Output, rows: list[list[Cell]], check: Json) -> tuple[str, list[str]]:
    """Return the message of a passed check: its part beside the other cells, and the lines below that."""
    message = text.tildes(str(check.get("message")))
    # On a narrow terminal there is room for what is wrong, and for names.
    if check.get("state") != "ok" or (output.size is not None and output.size[0] < NARROW):
        return "", []
    if output.size is None:
        return message, []
    widths = [max(layout.width(text.escape(row[i].text)) for row in rows) for i in range(len(rows[0]))]
    taken = sum(width + GAP for width in widths if width)
    first, *rest = layout.filled(message, output.size[0], taken)
    return first, [output.paint(" " * taken + line, "dim") for line in rest]


def _verdict(output: Output, state: str) -> str:
    return f"{MARKS.get(state, '?')} {state}" if output.is_unicode else state


def _gathered(checks: list[Json]) -> list[Json]:
    """Return the checks, with passed ones of the same id combined: of fifty repositories, fifty lines say little."""
    gathered: list[Json] = []
    well: dict[str, list[Json]] = {}
    for check in checks:
        same = well.setdefault(str(check.get("id")), []) if check.get("state") == "ok" else []
        same.append(check)
        if len(same) == 1:
            gathered.append(check)
    return [_one(well[check["id"]]) if check.get("state") == "ok" else check for check in gathered]


def _one(well: list[Json]) -> Json:
    if len(well) == 1:
        return well[0]
    subjects = [str(check.get("subject")) for check in well]
    more = f" and {len(subjects) - NAMED} more" if len(subjects) > NAMED else ""
    messages = {str(check.get("message")) for check in well}
    message = messages.pop() if len(messages) == 1 else "all passed"
    return {**well[0], "subject": ", ".join(subjects[:NAMED]) + more, "message": message}


def _summary(output: Output, checks: list[Json]) -> list[str]:
    counts = {state: sum(check.get("state") == state for check in checks) for state in MARKS}
    told = [text.counted(counts["problem"], "problem"), text.counted(counts["warning"], "warning")]
    worst = next((state for state in ("problem", "warning") if counts[state]), "ok")
    summary = f"{', '.join(told)}, {counts['ok']} of {len(checks)} checks passed"
    return ["", *output.wrap(summary, STYLES[worst])]
