"""(a), (b): one saved file, from its close to the moved ref beyond the quiet period, and the CPU that it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Daemon, Place, Spent, tip
from benchmarks.trees import content_of, path_of

QUIET_S = 0.3


@dataclass(frozen=True, slots=True)
class Saving:
    """Seconds for each save, beyond the quiet period; CPU seconds for one save; what git took for each of the same."""

    waits: list[float]
    cpu_s: float
    git: list[Spent]


def measure(
    place: Place,
    daemon: Daemon,
    root: Path,
    beside: Path,
    count: int,
    saves: int,
    name: Callable[[int], str] = path_of,
) -> Saving:
    """Save files in turn below the watched `root` and, for git, below `beside`; `count` files are in each."""
    waits: list[float] = []
    git: list[Spent] = []
    cpu = 0.0
    for turn in range(saves + 1):
        number = (turn * 7919 + count // 2) % count
        used = daemon.usage().cpu_s
        wait = save_one(daemon, root, name(number), number, turn + 1)
        # The index follows the ref; its cost belongs to the save.
        time.sleep(0.25)
        used = daemon.usage().cpu_s - used
        (beside / name(number)).write_bytes(content_of(number, turn + 1))
        spent = place.git_commit(beside)
        if turn:  # the first one warms up: both programs read what the page cache does not hold yet
            waits.append(wait)
            git.append(spent)
            cpu += used
    return Saving(waits, cpu / saves, git)


def save_one(daemon: Daemon, root: Path, name: str, number: int, version: int, repository: Path | None = None) -> float:
    """Save the file `name` and return the seconds from its close to the moved ref, less the quiet period.

    The ref is that of `repository`, where it is not the one in `root`.
    """
    repository = repository or root
    before = tip(repository)
    with (root / name).open("wb") as stream:
        stream.write(content_of(number, version))
    closed = time.perf_counter()
    time.sleep(QUIET_S * 0.9)
    return daemon.wait("the commit", lambda: tip(repository) != before) - closed - QUIET_S
