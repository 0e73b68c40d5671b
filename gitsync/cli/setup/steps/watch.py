"""Directories to watch: `gitsyncctl watch`. On the control command's only thread."""

from __future__ import annotations

import os
from functools import partial

from gitsync import text
from gitsync.cli.setup import answers, remotes
from gitsync.cli.setup.dialogue import DIRECTORY
from gitsync.cli.setup.guide import Guide
from gitsync.errors import UsageError
from gitsync.git import program
from gitsync.redaction import redact

TITLE = "directories to watch"
ABOUT = (
    "Every change in such a directory is committed to the git repository in it. With a remote it is pulled and pushed, "
    "too, and so is the same on all your machines."
)


def act(guide: Guide) -> None:
    """Watch one directory after the other, until the person has no more."""
    question = "Which directory is to be watched?"
    while path := guide.ask(question, partial(_checked, guide), empty="none", kind=DIRECTORY):
        _watch(guide, path)
        question = "Another directory?"


def _checked(guide: Guide, answer: str) -> str:
    path = answers.directory(answer)
    real = os.path.realpath(path)
    config = guide.config()
    for repo in config.repositories:
        if os.path.realpath(repo.path) == real:
            raise UsageError(f"{text.tilde(path)} is watched already, as {repo.name}", "name another one")
    answers.is_work_tree(path)
    return path


def _watch(guide: Guide, path: str) -> None:
    shown = text.tilde(path)
    is_there = answers.is_work_tree(path)
    is_new = not os.path.lexists(path)
    # A slip in a name would otherwise come out after its remote was set.
    if is_new and not guide.is_yes(f"{shown} does not exist. Create it?", is_default=True):
        return
    if not is_there:
        what = "a git repository is created in it" if is_new else "it is not a git repository yet and would become one"
        guide.dialogue.tell(f"{shown}: {what}, in a hidden directory .git. What .gitignore names is not committed.")
    has_remote = is_there and _shown_remote(guide, path)
    url, is_answering = "", True
    if not has_remote:
        url, is_answering = remotes.ask_address(guide, remotes.QUESTION, empty="it stays on this machine")
    asked = url if is_answering else ""  # `watch` refuses a remote that does not answer
    words = [shown, *(() if is_there else ("--init",)), *(("--remote", redact(asked)) if asked else ())]
    if not is_answering:
        guide.dialogue.show(f"git -C {text.as_word(shown)} remote add origin {text.as_word(redact(url))}")
    if not guide.is_yes(f"Watch {shown}?", "watch", *words, is_default=True):
        return
    undo = [guide.typed("unwatch", shown)]
    if not is_there:
        undo.append(f"rm -rf {text.as_word(shown + '/.git')}    # and all versions in it")
    elif asked:
        undo.append(f"git -C {text.as_word(shown)} remote remove origin")
    watch = partial(guide.run, "watch", path=path, init=not is_there, remote=asked or None)
    if guide.carry_out(f"watch {shown}", undo, watch) and not is_answering:
        add = partial(program.read, "remote", "add", "origin", "--", url, root=path)
        undo = [f"git -C {text.as_word(shown)} remote remove origin"]
        guide.carry_out(f"set the remote of {shown}", undo, add)


def _shown_remote(guide: Guide, path: str) -> bool:
    """Show where a repository is exchanged already, and whether it answers; return whether there is such a place."""
    done = program.run("remote", root=path, deadline_s=answers.GIT_S)
    names = os.fsdecode(done.stdout).split()
    if not names:
        return False
    name = "origin" if "origin" in names else names[0]
    found = program.run("remote", "get-url", "--", name, root=path, deadline_s=answers.GIT_S)
    url = os.fsdecode(found.stdout).strip()
    guide.dialogue.tell(f"its remote {name} is {redact(url)}")
    remotes.answers_now(guide, url)
    return True
