"""`gitsyncctl list`: tracked home files, watched repositories, jobs."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import reports
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Cell, Output


def run(context: Context, arguments: Json) -> Reply:
    """Print one aligned line each."""
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    home, repos, jobs = (answer.get(key) or [] for key in ("home", "repos", "jobs"))
    output.painted(output.table([[Cell(_home_path(item), is_path=True)] for item in home]))
    output.painted(
        output.table(
            [
                [
                    Cell(str(repo.get("name", "")), "bold"),
                    Cell(str(repo.get("branch") or "")),
                    Cell(str(repo.get("remote") or "local only")),
                    Cell(text.tilde(str(repo.get("path", ""))), "dim", is_path=True),
                ]
                for repo in repos
            ]
        )
    )
    output.painted(
        output.table(
            [
                [Cell(str(job.get("name", "")), "bold"), *(Cell(str(job.get(key, ""))) for key in ("backend", "mode"))]
                for job in jobs
            ]
        )
    )
    reports.left_out(output, answer)
    if not (home or repos or jobs or answer.get("left_out")):
        output.wrapped("nothing is watched yet; to watch a git work tree: gitsyncctl watch DIR")


def _home_path(item: Json) -> str:
    return f"~/{item.get('path', '')}" if isinstance(item, dict) else f"~/{item}"
