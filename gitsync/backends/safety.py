"""Brakes of the jobs that copy files: a directory that is missing or empty, too many deletions.

Runs on the thread of the job that asks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from gitsync.backends.base import Halt, Order
from gitsync.core.questions import id_of
from gitsync.errors import OperationError
from gitsync.model import Problem, Question
from gitsync.text import as_word

# How many paths a question names.
NAMED = 20
HERE, THERE = "here", "on the server"


def refuse_nested(order: Order, there: str) -> None:
    """Raise OperationError where `there`, a path on this machine, and the job's directory are not apart.

    Each run would copy what the last one had copied, one level deeper, until the disk is full.
    """
    here, other = os.path.realpath(order.job.path), os.path.realpath(there)
    if os.path.commonpath([here, other]) in (here, other):
        raise OperationError(
            f"{order.job.name}: {order.job.path} and {there} are one in the other",
            "name two directories that are apart, in path and url",
            code="usage",
        )


def make_here(order: Order, *, had: int) -> Halt | None:
    """Make the local directory where it is wanted for the first time; return the halt of one that had `had` files.

    Raise OperationError where it cannot be made, or nothing may come here.
    """
    path = order.job.path
    if path.is_dir():
        return None
    if had:
        halt = emptied(order, f"{path} is gone", HERE, had)
        if not order.accepts(halt):
            return halt
    if not order.direction.is_receiving:
        raise OperationError(f"{order.job.name}: there is no directory {path}", "make it, or correct path")
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise OperationError(f"{order.job.name}: cannot make {path}: {error.strerror}", "check the path") from error
    return None


def emptied(order: Order, what: str, side: str, had: int) -> Halt:
    """Return the halt of a side (HERE or THERE) that had `had` files and has none."""
    problem = Problem(
        "side-emptied",
        f"{order.job.name}: {what}, and there were files at the last run; is a disk not mounted? Nothing was touched",
        f"bring it back, then: gitsyncctl resume {as_word(order.job.name)}; "
        f"if you mean it: gitsyncctl resume {as_word(order.job.name)} --accept",
    )
    return Halt(problem, Question(id_of("emptied", side), "deletions", problem.message, count=had))


def too_many(order: Order, paths: Sequence[str], count: int, side: str) -> Halt:
    """Return the halt of more deletions, `count` files below `paths`, than the job may do without being asked."""
    problem = Problem(
        "mass-deletion",
        f"{order.job.name}: {count} files would be deleted {side}, more than max_deletes = "
        f"{order.job.max_deletes}; nothing was touched",
        f"if you mean it: gitsyncctl resume {as_word(order.job.name)} --accept",
    )
    named = tuple(sorted(paths))
    question = Question(id_of("deletions", side, *named), "deletions", problem.message, "", count, named[:NAMED])
    return Halt(problem, question)
