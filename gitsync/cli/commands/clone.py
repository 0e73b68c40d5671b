"""`gitsyncctl clone URL [DIR]`: take over the mirror of another machine."""

from __future__ import annotations

from gitsync import text
from gitsync.cli import old_ini, repos
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK


def run(context: Context, arguments: Json) -> Reply:
    """Clone it and link it into home, then show the state of the home files."""
    old_ini.make_way(context)
    answer = context.ask(arguments)
    return Reply(answer, _show, EXIT_ATTENTION if repos.needs_person(answer.get("home") or {}) else EXIT_OK)


def _show(output: Output, answer: Json) -> None:
    output.wrapped(f"home is mirrored in {text.tilde(str(answer.get('repo', '')))}, from {answer.get('url', '')}")
    output.painted(repos.home_lines(output, answer.get("home") or {}))
