"""Who you are: git's user.name and user.email. On the control command's only thread."""

from __future__ import annotations

import os
import shlex
from functools import partial

from gitsync.cli.setup import answers
from gitsync.cli.setup.guide import Check, Guide
from gitsync.errors import OperationError
from gitsync.git import program

TITLE = "who you are"
ABOUT = "Each commit says who made it. Git has to know your name and your mail address, for all of its repositories."

_ASKED: tuple[tuple[str, str, Check], ...] = (
    ("user.name", "Your name", answers.person),
    ("user.email", "Your mail address", answers.mail),
)
_EXAMPLES = {"user.name": "Your Name", "user.email": "you@example.org"}


def act(guide: Guide) -> None:
    """Ask for what git does not know yet, and show what it knows."""
    known = {key: _known(key) for key, _, _ in _ASKED}
    if all(known.values()):
        guide.dialogue.tell(f"git knows you as {known['user.name']} <{known['user.email']}>", "green")
        return
    for key, question, check in _ASKED:
        if known[key]:
            guide.dialogue.tell(f"git knows your {key}: {known[key]}", "green")
            continue
        value = guide.ask(question, check, empty="not now")
        if value:
            guide.dialogue.show(f"git config --global {key} {shlex.quote(value)}")
            if guide.is_yes("Run that?", is_default=True):
                setting = partial(_git, "--global", key, value)
                guide.carry_out(f"set git's {key}", [f"git config --global --unset {key}"], setting)
        if not _known(key):
            example = shlex.quote(value or _EXAMPLES[key])
            guide.account.to_do.append((f"tell git your {key}", f"git config --global {key} {example}"))


def _known(key: str) -> str:
    # Not here: this may be a repository with a name of its own.
    done = program.run("config", "--get", key, root="/", deadline_s=answers.GIT_S)
    return os.fsdecode(done.stdout).strip() if done.ok else ""


def _git(*words: str) -> None:
    done = program.run("config", *words, root="/", deadline_s=answers.GIT_S)
    if not done.ok:
        why = done.errors.splitlines()[-1] if done.errors else f"status {done.returncode}"
        raise OperationError(f"git cannot set {words[1]}: {why}", "see: git config --global --list --show-origin")
