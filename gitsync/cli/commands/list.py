"""`gitsyncctl list`: tracked home files, watched repositories, jobs."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import reports
from gitsync.cli.context import Context
from gitsync.cli.output import Cell
from gitsync.errors import EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Print one aligned line each."""
    output = context.output
    document = context.ask(arguments)
    if output.is_json:
        output.json(document)
        return EXIT_OK
    home, repos, jobs = (document.get(key) or [] for key in ("home", "repos", "jobs"))
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
    reports.left_out(output, document)
    if not (home or repos or jobs or document.get("left_out")):
        output.wrapped("nothing is watched yet; to watch a git work tree: gitsyncctl watch DIR")
    return EXIT_OK


def _home_path(item: Any) -> str:
    return f"~/{item.get('path', '')}" if isinstance(item, dict) else f"~/{item}"
