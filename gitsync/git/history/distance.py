"""Counts the commits that two machines do not share, and those that exist in one place only. Answers are kept.

Any thread. Nothing is fetched: an object that is not here stays away, also in a partial clone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pygit2

from gitsync.git import program
from gitsync.git.unexpected import UNEXPECTED_ERRORS

MOST_ANSWERS = 2000
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class OnlyHere:
    """Commits that no other place is known to have, and the time of the oldest (seconds since the epoch)."""

    commits: int
    since: float


class Distances:
    """The answers so far, by repository and commits."""

    def __init__(self) -> None:
        self._counted: dict[tuple[Path, str, str], tuple[int, int]] = {}
        self._only: dict[tuple[Path, str, tuple[str, ...]], OnlyHere | None] = {}

    def between(self, root: Path, head: str, other: str) -> tuple[int, int] | None:
        """Return how many commits `head` has that `other` lacks, and the reverse; None where `other` is not here."""
        if head == other:
            return 0, 0
        key = (root, head, other)
        if key not in self._counted:
            if not present(root, [other]):
                return None
            done = program.run(
                "rev-list", "--left-right", "--count", f"{head}...{other}", "--", root=root, deadline_s=PATIENCE_S
            )
            if not done.ok:
                return None
            left, right = done.stdout.split()
            self._make_room()
            self._counted[key] = (int(left), int(right))
        return self._counted.get(key)

    def only_here(self, root: Path, head: str, elsewhere: Sequence[str]) -> OnlyHere | None:
        """Return the commits of `head` that none of the commits `elsewhere` has, None for none."""
        key = (root, head, tuple(sorted(set(elsewhere))))
        if key not in self._only:
            known = [f"^{commit}" for commit in present(root, key[2])]
            done = program.run("log", "--format=%ct", head, *known, "--", root=root, deadline_s=PATIENCE_S)
            times = [int(line) for line in done.stdout.split()] if done.ok else []
            self._make_room()
            self._only[key] = OnlyHere(len(times), float(min(times))) if times else None
        return self._only.get(key)

    def _make_room(self) -> None:
        if len(self._counted) + len(self._only) >= MOST_ANSWERS:
            self._counted.clear()
            self._only.clear()


def present(root: Path, commits: Sequence[str]) -> list[str]:
    """Return those of the commits that are in the repository, without asking any remote."""
    try:
        repo = pygit2.Repository(str(root))
    except UNEXPECTED_ERRORS:
        return []  # the committer meets the same error and reports it
    try:
        return [commit for commit in commits if commit in repo]
    finally:
        repo.free()
