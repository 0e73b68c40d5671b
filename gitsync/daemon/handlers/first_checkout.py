"""The first checkout of a fresh clone: where `verify` says so, its commits are checked before a file is written.

Runs on connection threads, or in the control command; owns nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.config import document
from gitsync.config.options import MIRROR_NAME
from gitsync.daemon.handlers.context import HandlerContext
from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.git.remote import signatures

CHECKOUT_S = 800.0


def is_checked(context: HandlerContext, table: str = "defaults") -> bool:
    """Return whether a repository that the configuration gets now, by this table, takes in signed commits only."""
    return document.get(context.config_file, f"{table}.verify") == "signed"


def check_out(context: HandlerContext, root: Path, *, is_checked: bool) -> str:
    """Write the files of a clone that has none yet; return why they were not written, "" when they were.

    With `is_checked`, a clone whose commits are not accepted is left on a branch without commits: the first exchange
    then takes in the remote's branch as it takes in any commit, and asks, or names what has to be put right.
    """
    if not program.run("rev-parse", "--verify", "--quiet", "HEAD", root=root).ok:
        return ""
    if is_checked and (why := _refusal(context, root)):
        program.read("update-ref", "-d", program.read("symbolic-ref", "HEAD", root=root).strip(), root=root)
        return why
    program.read("checkout", "--quiet", root=root, deadline_s=CHECKOUT_S)
    if (reflog := root / ".git/logs/HEAD").exists():
        os.utime(reflog)  # else the index, which is newer, looks like that of a git that is still at work
    return ""


def _refusal(context: HandlerContext, root: Path) -> str:
    board = context.runtime.board
    mirror = board.local(MIRROR_NAME).path
    try:
        signatures.check_lists(root, board.synced(), Path(mirror) if mirror else None)
        if signatures.are_accepted(root, "HEAD"):
            return ""
    except OperationError as error:
        return f"{error.message}; {error.advice}"
    return 'not every commit is signed by a key that git accepts, as verify = "signed" wants'
