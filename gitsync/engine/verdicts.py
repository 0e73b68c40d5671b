"""What an exchange's trouble comes to: which of it halts, and as which state the rest is shown.

Pure; used on the exchange threads.
"""

from __future__ import annotations

from gitsync.model import Problem, RepoState

# Trouble that a person has to look at; all else is tried again by itself.
STATES = {
    "offline": RepoState.OFFLINE,
    "timeout": RepoState.OFFLINE,
    "auth": RepoState.AUTH,
    "host-key": RepoState.AUTH,
}
HALTING = frozenset({"unrelated-histories", "remote-rewritten", "remote-branch-gone"})


class Halting(Exception):
    """Going on needs a person's decision; `problem` says which."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def branch_gone(name: str, source: str) -> Halting:
    """Return the halt of a repository whose branch was deleted on the remote; `source` is shown as it is."""
    return Halting(
        Problem(
            "remote-branch-gone",
            f"{name}: the branch {source} was deleted on the remote",
            f"to send it there again: gitsyncctl resume {name} --accept",
        )
    )
