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
    "name": "the current version stays",
    "both": "both stay",
    "done": "it stays as you have put it right",
    "edit": "it is as you have merged it",
}


def run(context: Context, arguments: Json) -> Reply:
    """Resolve it, and say what was done, in which commit, and how to take it back."""
    if arguments["edit"] and not arguments["dry_run"]:
        return Reply(_edited(context, arguments), _show)
    return Reply(_ask(context, arguments), _show_trial if arguments["dry_run"] else _show)


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


def _show_trial(output: Output, answer: Json) -> None:
    from gitsync.cli.commands.conflicts import show_conflict

    show_conflict(output, answer["conflict"])
    choice = str(answer.get("choice", ""))
    what = "what you merge takes the name" if choice == "edit" else WHAT.get(choice, choice)
    output.wrapped(f"would resolve it: {what}; nothing was changed", "green")


def _show(output: Output, answer: Json) -> None:
    name, path, choice = (str(answer.get(key, "")) for key in ("repo", "path", "choice"))
    commit, left = answer.get("commit") or {}, int(answer.get("left") or 0)
    what = WAITING if answer.get("is_waiting") else WHAT
    output.wrapped(f"resolved {path} in {name}: {what.get(choice, choice)}", "green")
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
        # As the list names it: below its repository, wherever the working directory is.
        try:
            return context.ask(arguments)
        except UsageError as other:
            raise (other if other.code == "not-in-conflict" and error.code != other.code else error) from None
