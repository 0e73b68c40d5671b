"""`gitsyncctl clone URL [DIR]`: clone a repository and watch it; take over the mirror of another machine."""

from __future__ import annotations

import os
import sys

from gitsync import text
from gitsync.cli import confirm, next_step, old_ini, repos
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.control.commands import BY_NAME
from gitsync.core.incoming import why_asked
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
    _show_question(context.output, question)
    try:
        is_agreed = confirm.is_yes("Agree to it?")
    except KeyboardInterrupt:
        context.output.complain("note", "nothing was agreed to; to see the question again: gitsyncctl status home")
        raise
    if not is_agreed:
        return answer
    resume = Context(BY_NAME["resume"], context.output, context.config, context.socket)
    resume.ask({"names": ["home", str(question.get("id", ""))], "accept": True})
    status = Context(BY_NAME["status"], context.output, context.config, context.socket)
    return {**answer, "home": status.ask({"names": ["home"]}).get("home")}


def _show_question(output: Output, question: Json) -> None:
    """Show which files would come in, and which of this machine's would be sent."""
    output.wrapped(str(question.get("message", "")))
    incoming, sent = (list(map(str, question.get(key) or ())) for key in ("incoming", "sent"))
    rest = int(question.get("count") or 0) - len(incoming) - len(sent)
    for title, paths in (("would come in:", incoming), ("would be sent from this machine:", sent)):
        if paths:
            output.wrapped(title)
        for path in paths:
            about = _about(path) if paths is incoming else ""
            output.wrapped(f"  ~/{text.shown(os.fsencode(path))}{about and f' ({about})'}")
    if rest > 0:
        output.wrapped(f"  and {text.counted(rest, 'more file', 'more files')}")


def _about(path: str) -> str:
    """Return what a person may want to know of a file that would come in."""
    why = why_asked(os.fsencode(path))
    is_there = os.path.lexists(os.path.expanduser(f"~/{path}"))  # noqa: PTH111 - pathlib takes 3 ms to load
    return "; ".join(filter(None, (why, "another version is here" if is_there else "")))


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
