"""`gitsyncctl resume`: go on after a pause or a brake."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import reports
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK


def run(context: Context, arguments: Json) -> Reply:
    """Have them go on."""
    answer = context.ask(arguments)
    needs_person = _stopped(answer) or reports.needs_person({"jobs": answer.get("jobs")})
    return Reply(answer, _show, EXIT_ATTENTION if needs_person else EXIT_OK)


def _stopped(answer: Json) -> list[Json]:
    """Return the errors of repositories that went on, without a daemon, and have stopped again by now."""
    return [repo["error"] for repo in answer.get("repos") or () if repo.get("state") != "ok" and repo.get("error")]


def _show(output: Output, answer: Json) -> None:
    names = answer.get("resumed") or []
    output.wrapped(
        f"resumed {text.list_names(names, answer.get('job_names'))}" if names else "there is nothing to resume"
    )
    if answer.get("jobs"):
        reports.show(output, {"jobs": answer["jobs"]})
    for error in _stopped(answer):
        output.complain("error", str(error.get("message", "")))
        output.complain("hint", str(error.get("hint", "")))
