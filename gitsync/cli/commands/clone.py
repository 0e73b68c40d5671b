"""`gitsyncctl clone URL [DIR]`: clone a repository and watch it; take over the mirror of another machine."""

from __future__ import annotations

import os
import sys

from gitsync import text
from gitsync.cli import next_step, old_ini, repos
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.control.commands import BY_NAME
from gitsync.errors import EXIT_ATTENTION, EXIT_OK, UsageError


def run(context: Context, arguments: Json) -> Reply:
    """Have it cloned, and show how things are then."""
    old_ini.make_way(context)
    answer = _ask(context, arguments)
    questions = (answer.get("home") or {}).get("questions") or []
    if questions and not context.output.is_json and sys.stdin.isatty():
        answer = _settle(context, answer, questions[0])
    needs_person = bool(answer.get("refused")) or repos.needs_person(answer.get("home") or {})
    return Reply(answer, next_step.shown(context, _show), EXIT_ATTENTION if needs_person else EXIT_OK)


def _ask(context: Context, arguments: Json) -> Json:
    try:
        return context.ask(arguments)
    except UsageError as error:
        if error.code != "which-directory":
            raise
        # It is not a mirror of home files: as git does, the clone is named after the URL.
        name = str(arguments["url"]).rstrip("/").removesuffix("/.git").replace(":", "/").rpartition("/")[2]
        path = os.path.abspath(name.removesuffix(".git") or "repository")  # noqa: PTH100 - pathlib takes 3 ms to load
        return context.ask({**arguments, "path": path, "watch": True})


def _settle(context: Context, answer: Json, question: Json) -> Json:
    """Ask what this machine is to agree to, and return the answer with the state of home after it."""
    context.output.wrapped(str(question.get("message", "")))
    for path in question.get("paths") or ():
        context.output.wrapped(f"  ~/{path}")
    if input("Agree to it? [y/N] ").strip().lower() not in ("y", "yes"):
        return answer
    resume = Context(BY_NAME["resume"], context.output, context.config, context.socket)
    found = resume.ask({"names": ["home", str(question.get("id", ""))], "accept": True})
    return {**answer, "home": {**(answer.get("home") or {}), **(found.get("repos") or [{}])[0]}}


def _show(output: Output, answer: Json) -> None:
    if answer.get("watched"):
        path = text.tilde(str(answer["path"]))
        output.wrapped(f"cloned {answer['url']} to {path}, on the branch {answer['branch']}")
        output.wrapped(f"watching {path} as {answer['name']}")
        _say_refused(output, answer, str(answer["name"]))
        return
    output.wrapped(f"home is mirrored in {text.tilde(str(answer.get('repo', '')))}, from {answer.get('url', '')}")
    output.painted(repos.home_lines(output, answer.get("home") or {}))
    _say_refused(output, answer, "home")


def _say_refused(output: Output, answer: Json, name: str) -> None:
    if answer.get("refused"):
        output.wrapped(f"no file was written: {answer['refused']}")
        output.wrapped(
            f"to have it taken in, and to answer: gitsyncctl sync {text.as_word(name)} --wait, "
            f"then: gitsyncctl status {text.as_word(name)}"
        )
