"""`gitsyncctl undo`: take back what gitsync did last."""

from __future__ import annotations

import os

from gitsync import clock, text
from gitsync.cli import times
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Cell, Output
from gitsync.errors import UsageError

# How many paths are named before the rest is only counted.
NAMED = 10


def run(context: Context, arguments: Json) -> Reply:
    """Undo, or show what can be undone."""
    return Reply(_ask(context, arguments), _list if arguments["list"] else _show)


def _ask(context: Context, arguments: Json) -> Json:
    try:
        return context.ask(arguments)
    except UsageError as error:
        if error.code != "which-repository":
            raise
        try:
            here = os.getcwd()  # noqa: PTH109 - pathlib takes 3 ms to load
            # Every terminal starts in the home directory: that does not mean the mirror of home files.
            if here != os.path.realpath(os.path.expanduser("~")):  # noqa: PTH111 - never raises
                return context.ask({**arguments, "name": here})
        except (UsageError, FileNotFoundError) as outside:
            if isinstance(outside, UsageError) and outside.code != "outside":
                raise error from None
        newest = _newest(context, arguments)
        if newest is None or arguments["commit"]:
            raise error from None
        return context.ask({**arguments, "name": newest})


def _newest(context: Context, arguments: Json) -> str | None:
    """Return the repository with the newest change that is not undone yet."""
    answer = context.ask({**arguments, "name": None, "list": True, "dry_run": False, "commit": None})
    changes = [
        change
        for change in answer.get("changes") or []
        if not change.get("is_undone") and change.get("reason") != "undo"
    ]
    return str(changes[0]["repo"]) if changes else None


def _list(output: Output, answer: Json) -> None:
    changes = answer.get("changes") or []
    now = clock.SystemClock().wall()
    rows = [
        [
            Cell(str(change.get("repo", "")), "bold"),
            Cell(str((change.get("commit") or {}).get("id", ""))[:7], "cyan"),
            Cell(_ago(change, now)),
            Cell(str(change.get("reason", ""))),
            Cell(_counted(change)),
            Cell("undone" if change.get("is_undone") else "", "dim"),
            Cell(str((change.get("commit") or {}).get("message", "")), "dim", is_path=True),
        ]
        for change in changes
    ]
    output.painted(output.table(rows))
    if changes:
        output.line("to undo one: gitsyncctl undo NAME --commit ID", "dim")
    else:
        output.line("there is nothing to undo")


def _counted(change: Json) -> str:
    if "branches" in change:
        return text.counted(len(change["branches"]), "branch", "branches")
    return text.counted(len(change.get("paths") or ()), "file")


def _ago(change: Json, now: float) -> str:
    try:
        return text.ago(now - clock.parse_iso(str(change.get("time", ""))))
    except ValueError:
        return str(change.get("time", ""))


def _show(output: Output, answer: Json) -> None:
    if "job" in answer:
        _show_job(output, answer)
        return
    name = str(answer.get("repo", ""))
    change = answer.get("undone") or {}
    commit = answer.get("commit") or {}
    was = change.get("commit") or {}
    age = _ago(change, clock.SystemClock().wall())
    what = f"the {change.get('reason', '')} of {times.local(str(change.get('time', '')))} ({age})"
    verb = "would undo" if answer.get("dry_run") else "undid"
    output.wrapped(f"{name}: {verb} {what}, {str(was.get('id', ''))[:7]} '{was.get('message', '')}'", "green")
    _paths(output, "", answer.get("paths") or [])
    _paths(output, "left as edited since: ", answer.get("kept") or [])
    _paths(output, "there again, not in git: ", answer.get("back") or [])
    if commit:
        short = str(commit.get("id", ""))[:7]
        output.wrapped(f"commit {short} '{commit.get('message', '')}'", indent="  ")
        output.wrapped(f"to take this back: gitsyncctl undo {text.as_word(name)} --commit {short}", "dim", "  ")


def _show_job(output: Output, answer: Json) -> None:
    change, branches = answer.get("undone") or {}, answer.get("branches") or []
    verb = "would undo" if answer.get("dry_run") else "undid"
    when = f"{times.local(str(change.get('time', '')))} ({_ago(change, clock.SystemClock().wall())})"
    counted = text.counted(len(branches), "branch", "branches")
    output.wrapped(f"{answer['job']}: {verb} the run of {when} on {counted}", "green")
    for item in branches:
        count = text.counted(len(item.get("paths") or ()), "file")
        commit = f", commit {str(item['commit'])[:7]}" if item.get("commit") else ""
        output.wrapped(f"{item.get('branch', '')}: {count}{commit}", indent="  ")
    for branch in answer.get("created") or ():
        how = f"gitsyncctl delete-branch {text.as_word(str(answer['job']))} {text.as_word(branch)}"
        output.wrapped(f"{branch} was created by that run and stays; to delete it: {how}", indent="  ")
    _paths(output, "left as edited since: ", answer.get("kept") or [])


def _paths(output: Output, label: str, paths: list[str]) -> None:
    for path in paths[:NAMED]:
        output.line(f"  {label}{path}")
    if len(paths) > NAMED:
        output.line(f"  and {len(paths) - NAMED} more", "dim")
