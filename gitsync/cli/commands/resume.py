"""`gitsyncctl resume`: go on after a pause or a brake."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import reports
from gitsync.cli.context import Context
from gitsync.errors import EXIT_ATTENTION, EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(context: Context, arguments: dict[str, Any]) -> int:
    """Have them go on."""
    output = context.output
    answer = context.ask(arguments)
    # Without a daemon it has gone on by now, and may have stopped again.
    stopped = [repo["error"] for repo in answer.get("repos") or () if repo.get("state") != "ok" and repo.get("error")]
    jobs = answer.get("jobs") or []
    if output.is_json:
        output.json(answer)
    else:
        names = answer.get("resumed") or []
        output.wrapped(
            f"resumed {text.list_names(names, answer.get('job_names'))}" if names else "there is nothing to resume"
        )
        if jobs:
            reports.show(output, {"jobs": jobs})
        for error in stopped:
            output.complain("error", str(error.get("message", "")))
            output.complain("hint", str(error.get("hint", "")))
    return EXIT_ATTENTION if stopped or reports.needs_person({"jobs": jobs}) else EXIT_OK
