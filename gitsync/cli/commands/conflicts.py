"""`gitsyncctl conflicts`: what two machines changed differently, with both versions."""

from __future__ import annotations

from functools import partial

from gitsync import clock, text, times
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK

# How many lines of a difference are shown without --full.
EXCERPT = 12
DIRECTORY = "040000"
STYLES = {"-": "red", "+": "green", "@": "cyan"}


def run(context: Context, arguments: Json) -> Reply:
    """Show every conflict; there being any is what the exit status tells."""
    answer = context.ask(arguments)
    is_any = any(answer.get(key) for key in ("conflicts", "jobs", "errors"))
    return Reply(answer, partial(_show, is_full=arguments["full"]), EXIT_ATTENTION if is_any else EXIT_OK)


def _show(output: Output, answer: Json, *, is_full: bool) -> None:
    conflicts, jobs, errors = (answer.get(key) or [] for key in ("conflicts", "jobs", "errors"))
    for number, conflict in enumerate(conflicts):
        if number:
            output.line()
        show_conflict(output, conflict, is_full=is_full)
    for number, item in enumerate(jobs):
        if number or conflicts:
            output.line()
        _of_job(output, item)
    for error in errors:
        output.complain("error", str(error.get("message", "")))
        if error.get("hint"):
            output.complain("hint", str(error["hint"]))
    if not conflicts and not jobs and not errors:
        output.line("nothing is in conflict")


def _of_job(output: Output, item: Json) -> None:
    title = f"{text.escape(str(item.get('job', '')))}: {text.escape(str(item.get('path', '')))}"
    output.painted([f"{output.paint(title, 'bold')}, job by {text.escape(str(item.get('backend', '')))}"])
    output.wrapped(str(item.get("message") or "both sides were left alone"), "yellow", "  ")
    if item.get("hint"):
        output.wrapped(f"to resolve it: {item['hint']}", indent="  ")


def show_conflict(output: Output, conflict: Json, *, is_full: bool = False) -> None:
    """Show one file in conflict: its versions, how each differs from the one with the name, and the ways out."""
    now = clock.SystemClock().wall()
    path = str(conflict.get("path", ""))
    title = f"{conflict.get('repo', '')}: {path}"
    output.wrapped(f"{title}{_when(conflict.get('time'), now)}", "bold")
    if conflict.get("is_waiting"):
        output.wrapped("nothing is merged or pushed before this is resolved; your files stay as is", "dim", "  ")
    versions = conflict.get("versions") or []
    named = next((version for version in versions if version.get("role") == "name"), None)
    if named is None:
        output.line(f"  {text.escape(path)}  (removed)", "yellow")
    for version in versions:
        _version(output, version, now, is_waiting=bool(conflict.get("is_waiting")))
        if version is not named:
            _difference(output, named, version, is_full=is_full)
    if len(versions) == 1 and named is not None:
        output.line("  (removed on the other machine)", "yellow")
    command = f"gitsyncctl resolve {text.as_word(text.tilde(str(conflict.get('place', path))))}"
    if conflict.get("base"):
        base = str(conflict["base"])[:10]
        how = f"gitsyncctl show {text.as_word(f'{base}:{path}')} --in {text.as_word(str(conflict.get('repo', '')))}"
        output.wrapped(f"before both: {how}", "dim", "  ")
    for number, way in enumerate(conflict.get("ways") or ()):
        output.wrapped(f"{'to resolve it:' if not number else '           or:'} {command} {way}", indent="  ")


def label(version: Json) -> str:
    """Return what a version is called: by its machine and time."""
    machine = str(version.get("machine") or "")
    who = f"from {machine}" if machine else f"by {version.get('author') or 'somebody'}"
    here = " (this machine)" if version.get("this") else ""
    when = f", {times.short(str(version['time']), clock.SystemClock().wall())}" if version.get("time") else ""
    return f"{who}{here}{when}"


def _version(output: Output, version: Json, now: float, *, is_waiting: bool) -> None:
    where = str(version.get("path", ""))
    if is_waiting and version.get("role") == "copy":
        where += " (not here yet)"
    output.wrapped(f"{where}  {label(version)}{_when(version.get('time'), now)}", "yellow", "  ")


def _difference(output: Output, named: Json | None, version: Json, *, is_full: bool) -> None:
    """Show what would change if this version took the place of the one with the name."""
    before, after = (named or {}).get("text"), version.get("text")
    if after is None or (named is not None and before is None):
        sides = [side for side in (named, version) if side is not None]
        what = ", ".join(f"{side.get('path', '')} is {_kind(side)}" for side in sides)
        output.line(f"    not shown line by line: {what}", "dim")
        return
    import difflib  # here: nothing else of this program needs it

    lines = list(difflib.unified_diff(str(before or "").splitlines(), str(after).splitlines(), lineterm="", n=1))[2:]
    shown = lines if is_full or len(lines) <= EXCERPT else lines[: EXCERPT - 1]
    output.painted([output.paint(f"    {line}", STYLES.get(line[:1], "")) for line in shown])
    if len(shown) < len(lines):
        output.line(f"    {output.mark} {len(lines) - len(shown)} more lines: gitsyncctl conflicts --full", "dim")


def _kind(version: Json) -> str:
    """Return the kind of a version that is a directory, binary or too long to show."""
    return "a directory" if version.get("mode") == DIRECTORY else f"{int(version.get('size') or 0)} bytes"


def _when(iso: str | None, now: float) -> str:
    if not iso:
        return ""
    try:
        return f", {text.ago(now - clock.parse_iso(iso))}"
    except ValueError:
        return f", {text.escape(iso)}"
