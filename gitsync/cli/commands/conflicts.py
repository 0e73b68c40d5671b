"""`gitsyncctl conflicts`: what two machines changed differently, with both versions."""

from __future__ import annotations

from functools import partial

from gitsync import clock, text
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
    _of_repos(output, conflicts, is_full=is_full)
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
        output.wrapped(f"settle it: {item['hint']}", indent="  ")


def _of_repos(output: Output, conflicts: list[Json], *, is_full: bool) -> None:
    now = clock.SystemClock().wall()
    for number, conflict in enumerate(conflicts):
        if number:
            output.line()
        path = str(conflict.get("path", ""))
        title = f"{text.escape(str(conflict.get('repo', '')))}: {text.escape(path)}"
        output.painted([f"{output.paint(title, 'bold')}{_when(conflict.get('time'), now)}"])
        theirs, ours = conflict.get("theirs"), conflict.get("ours")
        if conflict.get("is_waiting"):
            output.wrapped("nothing is merged or pushed before this is settled; your files stay as is", "dim", "  ")
        _version(output, "theirs", theirs, now)
        for version in (ours, *(conflict.get("others") or ())):
            _version(output, "ours", version, now)
            _difference(output, theirs, version, is_full=is_full)
        where = text.tilde(f"{conflict.get('root', '')}/{path}")
        output.wrapped(
            f"settle it: gitsyncctl resolve {text.as_word(where)} --theirs | --ours | --both | --done", indent="  "
        )


def _version(output: Output, side: str, version: Json | None, now: float) -> None:
    if version is None:
        output.line(f"  {side:<6}  (removed)", "yellow")
        return
    who = str(version.get("author") or "")
    here = {True: ", on this machine", False: ", on another machine"}.get(version.get("here") or False, "")
    if version.get("here") is None:
        here = ""
    what = f"{version.get('path', '')}  {who}{here}{_when(version.get('time'), now)}"
    output.wrapped(f"{side:<6}  {what}", "yellow", "  ")


def _difference(output: Output, theirs: Json | None, ours: Json | None, *, is_full: bool) -> None:
    """Show what would change if the conflict copy replaced the current version."""
    before, after = (theirs or {}).get("text"), (ours or {}).get("text")
    if (ours is not None and after is None) or (theirs is not None and before is None):
        what = ", ".join(f"{name} {_kind(side)}" for name, side in _named(theirs, ours))
        output.line(f"    not shown line by line: {what}", "dim")
        return
    import difflib  # here: nothing else of this program needs it

    lines = list(difflib.unified_diff(str(before or "").splitlines(), str(after or "").splitlines(), lineterm="", n=1))[
        2:
    ]
    shown = lines if is_full or len(lines) <= EXCERPT else lines[: EXCERPT - 1]
    output.painted([output.paint(f"    {line}", STYLES.get(line[:1], "")) for line in shown])
    if len(shown) < len(lines):
        output.line(f"    {output.mark} {len(lines) - len(shown)} more lines: gitsyncctl conflicts --full", "dim")


def _kind(version: Json) -> str:
    """Describe a version that is binary or long."""
    return "a directory" if version.get("mode") == DIRECTORY else f"{int(version.get('size') or 0)} bytes"


def _named(theirs: Json | None, ours: Json | None) -> list[tuple[str, Json]]:
    return [(name, side) for name, side in (("theirs", theirs), ("ours", ours)) if side is not None]


def _when(iso: str | None, now: float) -> str:
    if not iso:
        return ""
    try:
        return f", {text.ago(now - clock.parse_iso(iso))}"
    except ValueError:
        return f", {text.escape(iso)}"
