"""`gitsyncctl resolve`: settle a conflict with one command."""

from __future__ import annotations

import os

from gitsync import text
from gitsync.cli import fast_parse
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import UsageError

# The same for a merge that waits until all of its files are settled.
WAITING = {
    "ours": "what is here stays",
    "theirs": "what is there takes its place",
    "both": "what is there takes its place",
    "done": "what is here stays",
}
WHAT = {
    "ours": "the conflict copy has taken the name",
    "theirs": "the current version stays",
    "both": "both stay",
    "done": "it stays as you have put it right",
}


def run(context: Context, arguments: Json) -> Reply:
    """Settle it, and say what was done, in which commit, and how to take it back."""
    return Reply(_ask(context, arguments), _show)


def _show(output: Output, answer: Json) -> None:
    name, path, choice = (str(answer.get(key, "")) for key in ("repo", "path", "choice"))
    commit, left = answer.get("commit") or {}, int(answer.get("left") or 0)
    what = WAITING if answer.get("is_waiting") else WHAT
    output.wrapped(f"settled {path} in {name}: {what.get(choice, choice)}", "green")
    for pair in answer.get("renamed") or ():
        output.wrapped(f"{pair.get('from', '')} is now {pair.get('to', '')}", indent="  ")
    for copy in answer.get("removed") or ():
        place = f"git -C {text.tilde(str(answer.get('root', '')))} show {str(answer.get('before', ''))[:10]}:{copy}"
        output.wrapped(f"removed {copy}; its content: {place}", indent="  ")
    if commit:
        output.wrapped(f"commit {str(commit.get('id', ''))[:7]} '{commit.get('message', '')}'", indent="  ")
        output.wrapped(f"to take this back: gitsyncctl undo {text.as_word(name)}", "dim", "  ")
    else:
        output.wrapped("it is remembered, and the merge is made when the last file is settled", indent="  ")
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
