"""(c): from the start of the process to watches on every directory, to the answering socket, to what was missed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Place, Spent, median, tip
from benchmarks.trees import content_of, path_of

QUIET_S = 0.1


@dataclass(frozen=True, slots=True)
class Starting:
    """Seconds since the process was started, and what a start costs beyond one on an empty repository."""

    watching_s: float
    answering_s: float
    caught_up_s: float
    cpu_s: float
    status: Spent


def measure(place: Place, root: Path, empty: Path, count: int, rounds: int) -> Starting:
    """Start `rounds` times on `root` with one file changed meanwhile, and as often with none; medians."""
    directories = sum(1 for path in root.rglob("*") if path.is_dir() and ".git" not in path.relative_to(root).parts)
    place.configure([empty], quiet=f"{QUIET_S}s")
    bare = median([_cpu_of_a_start(place) for _ in range(rounds)])
    place.configure([root], quiet=f"{QUIET_S}s")
    watching, answering, caught, cpu = [], [], [], []
    status: list[Spent] = []
    for turn in range(rounds):
        (root / path_of(turn % count)).write_bytes(content_of(turn % count, 100 + turn))
        status.append(place.timed("git", "status", "--porcelain", cwd=root))
        before = tip(root)
        with place.starting() as daemon:
            at = daemon.wait("the watches", lambda: daemon.watch_count() > directories, every_s=0.002)
            watching.append(at - daemon.begun)
            # Only as exact as the look before: the socket may have answered while the watches were counted.
            answering.append(daemon.wait_answering() - daemon.begun)
            caught.append(daemon.wait_moved(root / ".git/refs/heads/main", before) - daemon.begun - QUIET_S)
        # The cost of the look alone, without that of a commit.
        cpu.append(_cpu_of_a_start(place) - bare)
    spent = Spent(median([one.wall_s for one in status]), median([one.cpu_s for one in status]))
    return Starting(median(watching), median(answering), median(caught), median(cpu), spent)


def _cpu_of_a_start(place: Place) -> float:
    with place.starting() as daemon:
        daemon.wait_answering()
        time.sleep(0.3)
        daemon.wait_resting()
        return daemon.usage().cpu_s
