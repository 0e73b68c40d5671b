"""`gitsyncctl watch DIR`: start watching a git work tree."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import next_step, old_ini
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Have it written into the configuration, and say what became of it."""
    if not arguments["dry_run"]:
        old_ini.make_way(context)
    return Reply(context.ask(arguments), next_step.shown(context, _show))


def _show(output: Output, answer: Json) -> None:
    path = text.tilde(str(answer.get("path", "")))
    is_dry = answer.get("dry_run")
    if answer.get("created"):
        output.wrapped(f"{'would make' if is_dry else 'made'} a new git repository in {path}")
    if answer.get("already"):
        output.wrapped(f"{path} is watched already, as {answer.get('name')}")
    else:
        output.wrapped(f"{'would watch' if is_dry else 'watching'} {path} as {answer.get('name')}")
    problem = answer.get("problem")
    if problem:
        output.complain("note", f"not committed yet: {problem.get('message', '')}")
        output.complain("hint", str(problem.get("hint") or "to see its state: gitsyncctl status"))
