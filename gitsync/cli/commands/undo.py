"""`gitsyncctl undo`: take back what gitsync did last."""

from __future__ import annotations

import os

from gitsync import clock, text, times
from gitsync.cli import patches
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Cell, Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK

# How many paths are named before the rest is only counted.
NAMED = 10


def run(context: Context, arguments: Json) -> Reply:
    """Undo, or show what can be undone."""
    answer = ask(context, arguments)
    return Reply(answer, _list if arguments["list"] else show, EXIT_ATTENTION if answer.get("problems") else EXIT_OK)


def ask(context: Context, arguments: Json) -> Json:
    """Ask for the repository of the working directory where none is named."""
    if arguments["name"] is not None or arguments["within"] is not None:
        return context.ask(arguments)
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib takes 3 ms to load
    except FileNotFoundError:
        return context.ask(arguments)
    return context.ask({**arguments, "within": here})


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
            Cell(str((change.get("commit") or {}).get("message", "")), "dim"),
        ]
        for change in changes
    ]
    output.painted(output.table(rows))
    if changes:
        output.line("to undo one: gitsyncctl undo NAME --commit ID", "dim")
    else:
        output.line("there is nothing to undo")
    output.problems(answer.get("problems") or ())


def _counted(change: Json) -> str:
    if "branches" in change:
        return text.counted(len(change["branches"]), "branch", "branches")
    return text.counted(len(change.get("paths") or ()), "file")


def _ago(change: Json, now: float) -> str:
    try:
        return text.ago(now - clock.parse_iso(str(change.get("time", ""))))
    except ValueError:
        return str(change.get("time", ""))


def show(output: Output, answer: Json) -> None:
    """Show what was undone or redone, or would be."""
    if "job" in answer:
        _show_job(output, answer)
        return
    name = str(answer.get("repo", ""))
    change = answer.get("undone") or {}
    commit = answer.get("commit") or {}
    was = change.get("commit") or {}
    age = _ago(change, clock.SystemClock().wall())
    what = f"the {change.get('reason', '')} of {times.local(str(change.get('time', '')))} ({age})"
    done, doing = ("redid", "redo") if answer.get("is_redo") else ("undid", "undo")
    verb = f"would {doing}" if answer.get("dry_run") else done
    output.wrapped(f"{name}: {verb} {what}, {str(was.get('id', ''))[:7]} '{was.get('message', '')}'", "green")
    _paths(output, "", answer.get("paths") or [])
    _paths(output, "left as edited since: ", answer.get("kept") or [])
    _paths(output, "there again, not in git: ", answer.get("back") or [])
    if answer.get("dry_run"):
        patches.show(output, answer)
    if commit:
        short = str(commit.get("id", ""))[:7]
        output.wrapped(f"commit {short} '{commit.get('message', '')}'", indent="  ")
        if answer.get("is_redo"):
            output.wrapped(f"back again: gitsyncctl undo {text.as_word(name)}", "dim", "  ")
            return
        output.wrapped(f"one step forward again: gitsyncctl redo {text.as_word(name)}", "dim", "  ")
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
