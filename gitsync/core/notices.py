"""Desktop notifications: one when a problem begins or changes, one when it is over.

Pure; any thread. Input is what was notified before and the current status; output are the notices and what is notified
now. A problem that lasts is not notified again, not even when a retry makes it look resolved for a moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gitsync.model import FILTER, Problem, Quarantined, RepoState, RepoStatus
from gitsync.text import as_word, escape, tilde

LISTED = 5


class Severity(StrEnum):
    """Whether a person has to act (problem) or may want to know (info)."""

    INFO = "info"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification: a stable kebab-case code, a title, a sentence with names in it, and what to do.

    A recovery has the severity of the problem that it ends, so that both reach the same people.
    """

    code: str
    severity: Severity
    title: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Notified:
    """The last notification about one repository; start with `Notified()`."""

    code: str = ""
    hint: str = ""
    severity: Severity = Severity.INFO
    watch: str = "native"
    held: frozenset[tuple[str, str]] = field(
        default=frozenset()
    )  # the files that are held back, each with the kind why


_TITLES = {
    RepoState.OFFLINE: "the remote cannot be reached",
    RepoState.AUTH: "the remote denied access",
    RepoState.CONFLICT: "a conflict",
    RepoState.HALTED: "stopped, and needs your answer",
    RepoState.ERROR: "an error",
}


def changes(before: Notified, now: RepoStatus) -> tuple[Notified, list[Notice]]:
    """Return the new notified state, and the notices to send."""
    notices = [*_problem_changes(before, now), *_watching(before, now), *_held_back(before, now)]
    code, hint, severity = before.code, before.hint, before.severity
    problem = _problem(now)
    if problem is not None:
        code, hint, severity = problem.code, problem.hint, _severity(now)
    elif now.state is RepoState.OK:
        code, hint, severity = "", "", Severity.INFO
    held = frozenset(map(_held, now.quarantined))
    # While everything is compared again, the files are held back as before, and found one after the other.
    return Notified(code, hint, severity, now.watch, held if now.state is RepoState.OK else before.held | held), notices


def _held(item: Quarantined) -> tuple[str, str]:
    """Return a file and the kind of reason: a large file that grows is held back for the same reason as before."""
    return item.path, item.why.partition(":")[0]


def _problem(status: RepoStatus) -> Problem | None:
    """Return a repository's problem as one value; equal code and hint mean the same problem."""
    if status.state not in _TITLES:
        return None
    if status.state is RepoState.CONFLICT:
        names = ", ".join(map(escape, status.conflicts[:LISTED])) + (", …" if status.conflicts[LISTED:] else "")
        text = f"{status.name}: both sides changed {names or 'the same place'}"
        return status.error or Problem("conflict", text, f"gitsyncctl status {as_word(status.name)}")
    return status.error or Problem(str(status.state), f"{status.name}: {status.reason or _TITLES[status.state]}")


def _severity(status: RepoStatus) -> Severity:
    # Being offline is normal, and ends by itself.
    return Severity.INFO if status.state is RepoState.OFFLINE else Severity.PROBLEM


def _problem_changes(before: Notified, now: RepoStatus) -> list[Notice]:
    problem = _problem(now)
    if problem is not None:
        if (problem.code, problem.hint) == (before.code, before.hint):
            return []
        title = f"{now.name}: {_TITLES[now.state]}"
        return [Notice(problem.code, _severity(now), title, problem.message, problem.hint)]
    # Only the state ok is a recovery: syncing, pending, busy and paused may end in the same problem.
    if before.code and now.state is RepoState.OK:
        return [
            Notice("recovered", before.severity, f"{now.name} has recovered", f"{now.name}: {before.code} is resolved")
        ]
    return []


def _watching(before: Notified, now: RepoStatus) -> list[Notice]:
    if before.watch == now.watch:
        return []
    if now.watch == "polling":
        text = f"{now.name}: changes are detected by polling, with a delay"
        hint = next((note for note in now.notes if "sysctl" in note), f"gitsyncctl status {as_word(now.name)}")
        return [Notice("polling", Severity.PROBLEM, f"{now.name}: polling", text, hint)]
    return [
        Notice(
            "recovered",
            Severity.PROBLEM,
            f"{now.name} has recovered",
            f"{now.name}: changes are detected immediately again",
        )
    ]


def _held_back(before: Notified, now: RepoStatus) -> list[Notice]:
    fresh = [item for item in now.quarantined if _held(item) not in before.held]
    if not fresh:
        return []
    listed = ", ".join(f"{escape(item.path)} ({item.why})" for item in fresh[:LISTED])
    listed += f" and {len(fresh) - LISTED} more" if fresh[LISTED:] else ""
    title = f"{now.name}: not committed, please check"
    first = tilde(f"{now.path}/{fresh[0].path}")
    hint = f"if it is meant: gitsyncctl allow {as_word(first)}; else list it in .gitignore or move it away"
    if all(item.why.startswith(FILTER) for item in fresh):
        hint = "to see how to set up the filter: gitsyncctl doctor"
    return [Notice("quarantined", Severity.PROBLEM, title, f"{now.name}: not committed: {listed}", hint)]
