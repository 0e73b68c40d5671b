"""The versions of one path in a long history, and one of them brought back, against git."""

from __future__ import annotations

from pathlib import Path

from benchmarks import finding
from benchmarks.harness import BIN, Place, Spent, median
from benchmarks.table import Row, against

PATH = "notes/7/7.md"


def rows(directory: Path, *, is_quick: bool) -> list[Row]:
    """Measure, and return the rows of the table."""
    place = Place(directory)
    root = finding.make(place, place.home / "notes")
    place.configure([root], quiet="0.3s")
    logged, followed, plain, restored, checked_out = [], [], [], [], []
    versions = place.git(root, "log", "--format=%H", "-9", "--", PATH).splitlines()
    with place.daemon() as daemon:
        for turn in range(3 if is_quick else 7):
            logged.append(place.timed(BIN / "gitsyncctl", "log", root / PATH))
            followed.append(place.timed("git", "log", "--follow", "--oneline", "--", PATH, cwd=root))
            plain.append(place.timed("git", "log", "--oneline", "--", PATH, cwd=root))
            version = versions[1 + turn % 8]
            restored.append(place.timed(BIN / "gitsyncctl", "restore", root / PATH, "--to", version))
            daemon.wait_resting()
            checked_out.append(_by_git(place, root, version))
            daemon.wait_resting()
    name = f"log of a path in {finding.COMMITS:,} commits"

    def of(spent: list[Spent]) -> float:
        return median([one.wall_s for one in spent])

    return [
        against(f"{name} / git log --follow", of(logged), of(followed), "<= 60 ms"),
        against("  / git log", of(logged), of(plain)),
        against("restore of a version / git checkout + commit, no fsync", of(restored), of(checked_out)),
    ]


def _by_git(place: Place, root: Path, version: str) -> Spent:
    beside = root.with_name("beside")
    if not beside.exists():
        place.git(root, "clone", "-q", str(root), str(beside))
    taken = place.timed("git", "checkout", "-q", version, "--", PATH, cwd=beside)
    return taken + place.timed("git", "commit", "-qm", "restore", cwd=beside)
