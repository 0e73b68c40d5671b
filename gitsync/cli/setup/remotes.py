"""Asks for the address of a server and whether it answers. On the control command's only thread; changes nothing."""

from __future__ import annotations

import os
from typing import NamedTuple

from gitsync import text
from gitsync.cli.setup import answers
from gitsync.cli.setup.guide import Guide
from gitsync.daemon.checks.remotes import unanswered
from gitsync.errors import OperationError
from gitsync.redaction import redact

REACH_S = 10.0
QUESTION = "The address of its remote? (git@server:notes.git, or a path)"


class Address(NamedTuple):
    """An address that was typed, "" for none, and whether it answered; one that did not is wanted anyway."""

    url: str
    is_answering: bool


def ask_address(guide: Guide, question: str, *, empty: str = "") -> Address:
    """Return an address that answers, or that is wanted although it does not."""
    while True:
        url = guide.ask(question, answers.address, empty=empty)
        if not url or answers_now(guide, url):
            return Address(url, True)
        if guide.is_yes("Use it anyway?"):
            return Address(url, False)


def answers_now(guide: Guide, url: str) -> bool:
    """Ask git whether an address answers, as the daemon will: nobody is there to be asked. Say what it said."""
    with guide.working(f"asking {redact(url)}"):
        trouble = unanswered(url, "the remote", redact(url), REACH_S)
    if trouble is None:
        guide.dialogue.tell(f"{redact(url)} answers", "green")
        return True
    message, hint = trouble.message, trouble.hint
    if url.startswith("/") and not os.path.lexists(url):
        message = f"there is no {text.tilde(url)}"
        hint = f"to have an empty repository there: git init --bare {text.as_word(text.tilde(url))}"
    guide.dialogue.refuse(OperationError(message, hint, code=trouble.code))
    return False
