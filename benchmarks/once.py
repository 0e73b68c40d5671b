"""`gitsync --once` with clean repositories, against `git status` in each of them."""

from __future__ import annotations

from pathlib import Path

from benchmarks import trees
from benchmarks.harness import BIN, Place, Spent, median
from benchmarks.table import NONE, Row, against

REPOSITORIES, FILES = 20, 1_000


def rows(directory: Path, *, is_quick: bool) -> list[Row]:
    """Measure, and return the rows of the table."""
    count, rounds = (5, 3) if is_quick else (REPOSITORIES, 5)
    place = Place(directory)
    first = trees.make(place, place.home / "repo0", FILES)
    roots = [first, *(trees.copy(place, first, place.home / f"repo{number}") for number in range(1, count))]
    place.configure(roots)
    once, status = [], []
    for turn in range(rounds + 1):
        taken = place.timed(BIN / "gitsync", "--once", "-q")
        asked = sum((place.timed("git", "status", "--porcelain", cwd=root) for root in roots), Spent(0, 0))
        if turn:
            once.append(taken)
            status.append(asked)
    name = f"gitsync --once, {count} clean repositories of {FILES:,} files / git status in each"
    wall, cpu = (median([getattr(one, what) for one in once]) for what in ("wall_s", "cpu_s"))
    git_wall, git_cpu = (median([getattr(one, what) for one in status]) for what in ("wall_s", "cpu_s"))
    target = f"<= {400 + 10 * count} ms"
    return [against(name, wall, git_wall, target), against("  CPU", cpu, git_cpu, NONE)]
