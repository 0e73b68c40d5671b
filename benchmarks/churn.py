"""(f): ten saves and two hundred writes to ignored files a second, half of those beside what is watched."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Place
from benchmarks.trees import content_of, path_of

SAVES, IGNORED = 10, 200
QUIET, MAX_WAIT = "2s", "5s"


@dataclass(frozen=True, slots=True)
class Churn:
    """CPU seconds used in `seconds`, and how many commits that made."""

    seconds: float
    cpu_s: float
    commits: int

    @property
    def share(self) -> float:
        """Return the share of one core."""
        return self.cpu_s / self.seconds


def measure(place: Place, root: Path, seconds: float) -> Churn:
    """Write below `root` for `seconds`; half of the ignored writes go to build/, half to *.log in watched places."""
    place.configure([root], quiet=QUIET, max_wait=MAX_WAIT)
    build = root / "build/deep"
    build.mkdir(parents=True, exist_ok=True)
    (root / "trace.log").touch()
    with place.daemon() as daemon:
        first = place.git(root, "rev-parse", "HEAD")
        before = daemon.usage().cpu_s
        begun = time.perf_counter()
        step = 1 / (SAVES + IGNORED)
        for turn in range(int(seconds * (SAVES + IGNORED))):
            time.sleep(max(0.0, begun + turn * step - time.perf_counter()))
            if turn % ((SAVES + IGNORED) // SAVES) == 0:
                (root / path_of(turn % 10)).write_bytes(content_of(turn % 10, 1000 + turn))
            elif turn % 2:
                (build / f"object{turn % 50}.o").write_bytes(b"x" * 500)
            else:
                with (root / "trace.log").open("ab") as stream:
                    stream.write(b"a line\n")
        took = time.perf_counter() - begun
        used = daemon.usage().cpu_s - before
        commits = int(place.git(root, "rev-list", "--count", f"{first}..HEAD"))
    return Churn(took, used, commits)
