"""`gitsyncctl resolve`: end a conflict with one command."""

from __future__ import annotations

import os

from gitsync import text
from gitsync.cli import fast_parse
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import OperationError, UsageError

# The same for a merge that waits until all of its files are resolved.
WAITING = {
    "name": "what is here stays",
    "copy": "what is there takes its place",
    "both": "what is there takes its place",
    "done": "what is here stays",
    "edit": "it is as you have merged it",
}
WHAT = {
    "copy": "the conflict copy has taken the name",
    "name": "the version that has the name stays",
    "both": "both stay",
    "done": "it stays as you have put it right",
    "edit": "it is as you have merged it",
}


def run(context: Context, arguments: Json) -> Reply:
    """Resolve it, and say what was done, in which commit, and how to take it back."""
    if arguments["edit"] and not arguments["dry_run"]:
        return Reply(_edited(context, arguments), _show)
    answer = _ask(context, arguments)

    def show(output: Output, answer: Json) -> None:
        (_show_trial if arguments["dry_run"] else _show)(output, answer, arguments["keep"] or "")

    return Reply(answer, show)


def _what(choice: str, machine: str, words: dict[str, str]) -> str:
    """Return what becomes of the file; the version is called by its machine where the person did."""
    if machine and words is WHAT and choice in ("name", "copy"):
        return f"the version from {machine} {'stays' if choice == 'name' else 'has taken the name'}"
    return words.get(choice, choice)


def _edited(context: Context, arguments: Json) -> Json:
    """Let the person merge the versions, and resolve the conflict with the result."""
    from gitsync.cli.merge_versions import discard, merged

    seen = _ask(context, {**arguments, "dry_run": True})
    result = merged(seen["conflict"])
    where = {**arguments, "path": str(seen["path"]), "repo": str(seen["repo"])}
    now = context.ask({**where, "dry_run": True})
    if _blobs(now) != _blobs(seen):
        raise OperationError(
            f"{seen['path']} was changed while you merged it; nothing was changed",
            f"your version is in {result}; merge again: gitsyncctl resolve {text.as_word(arguments['path'])} --edit",
            code="changed-meanwhile",
        )
    answer = context.ask({**where, "edit": False, "file": str(result)})
    discard(result)
    return answer


def _blobs(trial: Json) -> list[str]:
    return [str(version["blob"]) for version in trial["conflict"]["versions"]]


def _show_trial(output: Output, answer: Json, machine: str = "") -> None:
    from gitsync.cli.commands.conflicts import show_conflict

    show_conflict(output, answer["conflict"])
    choice = str(answer.get("choice", ""))
    what = "what you merge takes the name" if choice == "edit" else _what(choice, machine, WHAT)
    output.wrapped(f"would resolve it: {what}; nothing was changed", "green")


def _show(output: Output, answer: Json, machine: str = "") -> None:
    name, path, choice = (str(answer.get(key, "")) for key in ("repo", "path", "choice"))
    commit, left = answer.get("commit") or {}, int(answer.get("left") or 0)
    what = WAITING if answer.get("is_waiting") else WHAT
    output.wrapped(f"resolved {path} in {name}: {_what(choice, machine, what)}", "green")
    for pair in answer.get("renamed") or ():
        output.wrapped(f"{pair.get('from', '')} is now {pair.get('to', '')}", indent="  ")
    for copy in answer.get("removed") or ():
        version = f"{str(answer.get('before', ''))[:10]}:{copy}"
        how = f"gitsyncctl show {text.as_word(version)} --in {text.as_word(name)}"
        output.wrapped(f"removed {copy}; its content: {how}", indent="  ")
    if commit:
        output.wrapped(f"commit {str(commit.get('id', ''))[:7]} '{commit.get('message', '')}'", indent="  ")
        output.wrapped(f"to take this back: gitsyncctl undo {text.as_word(name)}", "dim", "  ")
    else:
        output.wrapped("it is remembered, and the merge is made when the last file is resolved", indent="  ")
    if left:
        output.wrapped(
            f"{text.counted(left, 'file is', 'files are')} still in conflict: gitsyncctl conflicts {text.as_word(name)}"
        )


def _ask(context: Context, arguments: Json) -> Json:
    word = arguments["path"]
    if not word:
        raise UsageError("the path is empty", "name the file that is in conflict")
    expanded = os.path.expanduser(word)  # noqa: PTH111 - pathlib takes 3 ms to load
    here = fast_parse.absolute(expanded)
    if expanded.startswith("/"):
        return context.ask({**arguments, "path": here})
    if arguments["repo"]:
        return context.ask(arguments)
    try:
        return context.ask({**arguments, "path": here})
    except UsageError as error:
        if error.code not in ("usage", "not-in-conflict"):
            raise
        # As the list names it: below its repository, wherever the working directory is.
        try:
            return context.ask(arguments)
        except UsageError as other:
            raise (other if other.code == "not-in-conflict" and error.code != other.code else error) from None
