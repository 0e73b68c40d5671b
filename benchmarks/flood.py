"""(e): ten thousand new files at once, against git's `add -A && commit` of the same files without fsync."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Place, Spent, tip

NEW_FILES = 10_000
QUIET_S = 0.5


@dataclass(frozen=True, slots=True)
class Flood:
    """Seconds from the last close to the last commit beyond the quiet period; commits made; files missing from them."""

    wall_s: float
    cpu_s: float
    commits: int
    missing: int
    git: Spent


def measure(place: Place, root: Path, beside: Path, files: int = NEW_FILES) -> Flood:
    """Write `files` new files below `root`, which a daemon watches, and below `beside` for git."""
    place.configure([root], quiet=f"{QUIET_S}s")
    with place.daemon() as daemon:
        first = seen = tip(root).strip()
        used = daemon.usage().cpu_s
        written = write(root, files)
        closed = time.perf_counter()

        def missing() -> int:
            return len(written) - len(place.git(root, "ls-tree", "-r", "--name-only", "HEAD", "new").splitlines())

        # git is asked only when the branch has moved: asking all the time would take the core that is measured.
        while True:
            at = daemon.wait_moved(root / ".git/refs/heads/main", seen + "\n")
            seen = tip(root).strip()
            if not missing():
                break
        daemon.wait_resting()
        used = daemon.usage().cpu_s - used
        commits = int(place.git(root, "rev-list", "--count", f"{first}..HEAD"))
        lost = missing()
    write(beside, files)
    return Flood(at - closed - QUIET_S, used, commits, lost, place.git_commit(beside))


def write(root: Path, files: int) -> list[Path]:
    written = []
    for number in range(files):
        path = root / f"new/set{number // 200:03d}/file{number:05d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"new file %d\n" % number * (5 + number % 40))
        written.append(path)
    return written
