"""`gitsyncctl log`: the history of everything, of a repository, a directory or a file; the runs of a job."""

from __future__ import annotations

from gitsync import clock, text
from gitsync.cli import reports, times
from gitsync.cli.context import Context
from gitsync.cli.output import Cell
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Print one line a commit or a run, the newest first."""
    output = context.output
    answer = context.ask(arguments)
    if output.is_json:
        output.json(answer)
        return EXIT_OK
    if arguments.get("job"):
        reports.runs(output, answer)
        return EXIT_OK
    now = clock.SystemClock().wall()
    commits = answer.get("commits") or []
    has_many = len({item["repo"] for item in commits}) > 1
    rows = [
        [
            Cell(item["id"][:7], "yellow"),
            Cell(times.told(item["time"], now)),
            Cell(item["repo"] if has_many else "", "bold"),
            Cell(item["message"]),
            Cell(_renamed(item["files"]), "dim"),
        ]
        for item in commits
    ]
    output.painted(output.table(rows))
    if not commits:
        output.line("there is no commit yet")
    if answer.get("more"):
        output.line(f"there are more: -n {4 * len(commits)}", "dim")
    for problem in answer.get("problems") or ():
        output.complain("error", problem["message"])
    return EXIT_OK


def _renamed(files: list[dict[str, Any]]) -> str:
    was = [item["from"] for item in files if "from" in item]
    return f"was {was[0]}" if len(was) == 1 else text.counted(len(was), "renaming") if was else ""
