"""What is worth telling a person who is not looking: one notice when trouble begins or changes, one when it is over.

Pure, so on no thread and owner of nothing: what was told so far and the present status in, notices and what is told now
out. Trouble that lasts says nothing again, not even when a retry makes it look over for a moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gitsync.model import FILTER, Problem, Quarantined, RepoState, RepoStatus
from gitsync.text import as_word, escape

LISTED = 5


class Severity(StrEnum):
    """Whether a person has to act (problem) or may like to know (info)."""

    INFO = "info"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell: a stable kebab-case code, a title, a sentence with names in it, and what to do.

    A recovery has the severity of the trouble it ends: who was told of the one wants to hear of the other.
    """

    code: str
    severity: Severity
    title: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What a person knows about one repository; begin with `Told()`."""

    trouble: str = ""
    hint: str = ""
    severity: Severity = Severity.INFO
    watch: str = "native"
    quarantined: frozenset[Quarantined] = field(default=frozenset())


_TITLES = {
    RepoState.OFFLINE: "the remote cannot be reached",
    RepoState.AUTH: "the remote does not let gitsync in",
    RepoState.CONFLICT: "a conflict",
    RepoState.HALTED: "stopped, and asks you",
    RepoState.ERROR: "an error",
}


def changes(told: Told, now: RepoStatus) -> tuple[Told, list[Notice]]:
    """Return what is known after telling, and the notices to tell."""
    notices = [*_trouble(told, now), *_watching(told, now), *_held_back(told, now)]
    trouble, hint, severity = told.trouble, told.hint, told.severity
    problem = _problem(now)
    if problem is not None:
        trouble, hint, severity = problem.code, problem.hint, _severity(now)
    elif now.state is RepoState.OK:
        trouble, hint, severity = "", "", Severity.INFO
    return Told(trouble, hint, severity, now.watch, frozenset(now.quarantined)), notices


def _problem(status: RepoStatus) -> Problem | None:
    """Return a repository's trouble as one value; the same code and hint are the same trouble."""
    if status.state not in _TITLES:
        return None
    if status.state is RepoState.CONFLICT:
        names = ", ".join(map(escape, status.conflicts[:LISTED])) + (", …" if status.conflicts[LISTED:] else "")
        text = f"{status.name}: both sides changed {names or 'the same place'}"
        return status.error or Problem("conflict", text, f"gitsyncctl status {as_word(status.name)}")
    return status.error or Problem(str(status.state), f"{status.name}: {status.reason or _TITLES[status.state]}")


def _severity(status: RepoStatus) -> Severity:
    # To be offline is daily life, and it ends by itself.
    return Severity.INFO if status.state is RepoState.OFFLINE else Severity.PROBLEM


def _trouble(told: Told, now: RepoStatus) -> list[Notice]:
    problem = _problem(now)
    if problem is not None:
        if (problem.code, problem.hint) == (told.trouble, told.hint):
            return []
        title = f"{now.name}: {_TITLES[now.state]}"
        return [Notice(problem.code, _severity(now), title, problem.message, problem.hint)]
    # Only rest is recovery: syncing, pending, busy and paused may yet end in the same trouble.
    if told.trouble and now.state is RepoState.OK:
        return [Notice("recovered", told.severity, f"{now.name} is well again", f"{now.name}: {told.trouble} is over")]
    return []


def _watching(told: Told, now: RepoStatus) -> list[Notice]:
    if told.watch == now.watch:
        return []
    if now.watch == "polling":
        text = f"{now.name}: changes are found by polling, later than usual"
        hint = next((note for note in now.notes if "sysctl" in note), f"gitsyncctl status {as_word(now.name)}")
        return [Notice("polling", Severity.PROBLEM, f"{now.name}: polling", text, hint)]
    return [Notice("recovered", Severity.PROBLEM, f"{now.name} is well again", f"{now.name}: no more polling")]


def _held_back(told: Told, now: RepoStatus) -> list[Notice]:
    fresh = [item for item in now.quarantined if item not in told.quarantined]
    if not fresh:
        return []
    listed = ", ".join(f"{escape(item.path)} ({item.why})" for item in fresh[:LISTED])
    listed += f" and {len(fresh) - LISTED} more" if fresh[LISTED:] else ""
    title = f"{now.name}: not committed, look first"
    hint = "name them in .gitignore, or commit them yourself with git add and git commit"
    if all(item.why.startswith(FILTER) for item in fresh):
        hint = "gitsyncctl doctor says how to set the filter up"
    return [Notice("quarantined", Severity.PROBLEM, title, f"{now.name}: {listed}", hint)]
