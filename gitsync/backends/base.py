"""The input and output of a job: orders, items, reports. Backends are functions from an order to a report.

A backend runs on the thread of the job that calls it, blocks that thread alone, and starts children by `gitsync.proc`
with a deadline. It goes on over failures: what goes wrong with one branch or one file is an item of the report, and
only what ends the whole run is its problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from gitsync.config.options import JobConfig
from gitsync.core.conflict import Rules
from gitsync.core.questions import ACCEPT
from gitsync.git.probe import Probe, no_probe
from gitsync.git.staging.worktree import Worktree
from gitsync.model import Problem, Question
from gitsync.text import escape


class Direction(StrEnum):
    """Which way a run goes; a job's mode limits it."""

    BOTH = "both"
    PUSH = "push"
    PULL = "pull"

    @property
    def is_sending(self) -> bool:
        """Whether the other side may change."""
        return self is not Direction.PULL

    @property
    def is_receiving(self) -> bool:
        """Whether this side may change."""
        return self is not Direction.PUSH


class Level(StrEnum):
    """How urgent an item is for its user."""

    DONE = "done"
    WAITING = "waiting"  # it goes away by itself: tried again at the next run
    ATTENTION = "attention"  # a person has to do something


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a report: what happened to `subject` (a branch, a tag, a path, or "" for the whole), and what to do.

    `code` is kebab-case and stable: cloned, fast-forwarded, merged, pushed, created, deleted, remote-set, conflict, ...
    """

    subject: str
    code: str
    message: str
    hint: str = ""
    level: Level = Level.DONE

    def to_json(self) -> dict[str, str]:
        """Return the wire form."""
        return {
            "subject": self.subject,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "level": str(self.level),
        }


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a run ended before it touched anything, and the question that its user has to answer."""

    problem: Problem
    question: Question


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a run; `problem` ended it early, and `is_halting` says that it waits for its user.

    `conflicts` are the paths that both sides changed and that no person has resolved yet; `questions` are open.
    """

    items: tuple[Item, ...] = ()
    problem: Problem | None = None
    is_halting: bool = False
    conflicts: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()

    @classmethod
    def halted(cls, items: Sequence[Item], halt: Halt, conflicts: tuple[str, ...] = ()) -> Report:
        """Return the report of a run that waits for the answer to one question."""
        return cls(tuple(items), halt.problem, is_halting=True, conflicts=conflicts, questions=(halt.question,))

    @property
    def needs_person(self) -> bool:
        """Whether its user has to do something."""
        return self.is_halting or any(item.level is Level.ATTENTION for item in self.items)


@dataclass(frozen=True, slots=True)
class Order:
    """One run of one job.

    `state_dir` is the job's own directory for what has to outlast the run (listings, profiles, archives); `deadline_s`
    bounds each exchange with the other side. `answers` are words by the ids of the questions that they answer. `tell`
    shows a line of progress. `borrow(act)` returns what `act` makes of the job's git work tree, on the thread that may
    do that, under the repository's lock; it raises GitsyncError where that cannot be. `rules` decide the conflicts of a
    git job; `is_watched` says that gitsync commits what is edited there. `probe` is called between the steps of a run.
    `died_at` is when the last run began, in seconds since the epoch, where that did not get to its end.
    """

    job: JobConfig
    direction: Direction
    state_dir: Path
    deadline_s: float
    answers: Mapping[str, str] = field(default_factory=dict)
    is_cancelled: Callable[[], bool] = lambda: False
    tell: Callable[[str], None] = lambda line: None
    rules: Rules = field(default_factory=Rules)
    is_watched: bool = False
    borrow: Callable[[Callable[[Worktree], Any]], Any] | None = field(default=None)
    probe: Probe = no_probe
    died_at: float | None = None

    def accepts(self, halt: Halt) -> bool:
        """Whether its user has said that what this is about is meant."""
        return self.answers.get(halt.question.id) == ACCEPT


def memory_lost(order: Order, what: str) -> Item:
    """Return the item of a run without the memory of the last one; `what` says how that was lost."""
    return Item(
        "",
        "memory-lost",
        f"{order.job.name}: {what}, so nothing is known of earlier runs: nothing was deleted, and what was deleted on "
        "one side since the last run is back",
        f"delete again what should not be back; the state directory is {order.state_dir}",
        Level.ATTENTION,
    )


def first_run(order: Order) -> Item:
    """Return the item of a run that found files on both sides, and no record of an earlier run."""
    text = f"{order.job.name}: no record of an earlier run: what one side lacked was copied there, nothing was deleted"
    return Item("", "first-run", text)


# Other processes may go on using a directory for as long as they like.
_OTHERS_DOING = frozenset({"busy", "busy-remote", "edited", "vanished", "cancelled"})
PATIENT_RUNS = 3


def urgent_at_last(items: Sequence[Item], before: Any) -> tuple[tuple[Item, ...], dict[str, int]]:
    """Return the items, of which those that wait for the third run are a person's, and how often each has waited.

    `before` is what this returned of the last run; invalid data is ignored.
    """
    seen = before if isinstance(before, dict) else {}
    found: list[Item] = []
    waited: dict[str, int] = {}
    for item in items:
        if item.level is Level.WAITING and item.code not in _OTHERS_DOING:
            key = f"{item.code} {item.subject}"
            last = seen.get(key)
            waited[key] = (last if isinstance(last, int) else 0) + 1
            if waited[key] >= PATIENT_RUNS:
                item = replace(item, level=Level.ATTENTION)
        found.append(item)
    return tuple(found), waited


def summed(code: str, verb: str, paths: Sequence[str]) -> Item:
    """Return one item for what was done to several paths."""
    names = ", ".join(escape(path) for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return Item(paths[0] if len(paths) == 1 else "", code, f"{verb}: {names}{more}")


class Backend(Protocol):
    """A program that exchanges a directory with a server."""

    def __call__(self, order: Order) -> Report:
        """Do what `order` says and report; raise nothing that a user could meet."""
