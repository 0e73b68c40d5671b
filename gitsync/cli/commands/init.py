"""`gitsyncctl init [DIR]`: make or adopt the mirror of home files."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import next_step, old_ini
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Have it made, and say where it is and what comes next."""
    old_ini.make_way(context)
    return Reply(context.ask(arguments), next_step.shown(context, _show))


def _show(output: Output, answer: Json) -> None:
    path = text.tilde(str(answer.get("repo", "")))
    if answer.get("already"):
        output.wrapped(f"home is mirrored in {path} already")
    else:
        how = "made the repository" if answer.get("created") else "adopted the repository"
        output.wrapped(f"{how} {path}, which mirrors home files from now on")
    if not (answer.get("home") or {}).get("tracked"):
        output.wrapped("to track a file or a directory: gitsyncctl add PATH")
