"""`gitsyncctl log`: the history of everything, of a repository, a directory or a file; the runs of a job."""

from __future__ import annotations

from gitsync import clock, text, times
from gitsync.cli import reports
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Cell, Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK


def run(context: Context, arguments: Json) -> Reply:
    """Print one line a commit or a run, the newest first."""
    answer = context.ask(arguments)
    return Reply(
        answer, reports.runs if arguments.get("job") else _show, EXIT_ATTENTION if answer.get("problems") else EXIT_OK
    )


def _show(output: Output, answer: Json) -> None:
    now = clock.SystemClock().wall()
    commits = answer.get("commits") or []
    has_many = len({item["repo"] for item in commits}) > 1 or bool(answer.get("problems"))
    rows = [
        [
            Cell(item["id"][:7], "yellow"),
            Cell(times.short(item["time"], now)),
            Cell(item["repo"] if has_many else "", "bold"),
            Cell(_from(item), "cyan"),
            Cell(f"{item['message']}  {_renamed(item['files'])}".rstrip()),
        ]
        for item in commits
    ]
    output.painted(output.table(rows))
    if not commits:
        output.line("there is no commit yet")
    if answer.get("more"):
        output.line(f"there are more: -n {4 * len(commits)}", "dim")
    output.problems(answer.get("problems") or ())


def _from(item: Json) -> str:
    """Return where a commit comes from, when that is another machine."""
    machine = str(item.get("machine") or "")
    return f"from {machine}" if machine and not item.get("this") else ""


def _renamed(files: list[Json]) -> str:
    was = [item["from"] for item in files if "from" in item]
    return f"was {was[0]}" if len(was) == 1 else text.counted(len(was), "renaming") if was else ""
