"""Twenty machines on one remote over ssh, each saving a file every few seconds for a minute.

Everything is as it is without a configuration, on as many cores as there are: all daemons, all servers and the machine
that watches them share these. Each machine saves files of its own, so that every version has to be there in the end.
"""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import wires
from benchmarks.harness import Daemon, Place, tip

MACHINES = 20
SECONDS = 60.0
EVERY_S = 3.0
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """Seconds from the last save until all were equal, and what was needed on the way."""

    saves: int
    equal_s: float
    commits: int
    merges: int
    cpu_s: float


def measure(directory: Path, machines: int = MACHINES, seconds: float = SECONDS) -> Fleet:
    """Let the machines save for a while, and wait until all have everything; raise RuntimeError when they never do."""
    directory.mkdir()
    with contextlib.ExitStack() as stack:
        wire = stack.enter_context(wires.laid(directory, "ssh", 100))
        places = [Place(directory / f"m{number}") for number in range(machines)]
        roots = [wire.clone(place) for place in places]
        daemons: list[Daemon] = []
        for place, root in zip(places, roots, strict=True):
            place.configure([root])
            daemons.append(stack.enter_context(place.starting()))
            daemons[-1].wait_answering()
        time.sleep(3.0)
        wanted = _save(roots, seconds)
        last = time.perf_counter()
        equal_s = _wait_equal(wire.remote, roots, wanted, daemons) - last
        cpu_s = sum(daemon.usage().cpu_s for daemon in daemons)
        count = [places[0].git(roots[0], "rev-list", "--count", *which, "main") for which in ((), ("--merges",))]
    return Fleet(sum(version for version in wanted.values()), equal_s, int(count[0]), int(count[1]), cpu_s)


def _save(roots: list[Path], seconds: float) -> dict[str, int]:
    """Save on every machine about every `EVERY_S`; return which version each file has in the end."""
    dice = random.Random(20)
    versions: dict[str, int] = {}
    ends_at = time.perf_counter() + seconds
    next_at = [time.perf_counter() + dice.uniform(0, EVERY_S) for _ in roots]
    while (now := time.perf_counter()) < ends_at:
        number = next_at.index(min(next_at))
        if next_at[number] > now:
            time.sleep(min(next_at[number], ends_at) - now)
            continue
        name = f"machine{number}-{dice.randrange(3)}.txt"
        versions[name] = versions.get(name, 0) + 1
        (roots[number] / name).write_text(f"version {versions[name]}\n")
        next_at[number] = now + EVERY_S * dice.uniform(0.7, 1.3)
    return versions


def _wait_equal(remote: Path, roots: list[Path], wanted: dict[str, int], daemons: list[Daemon]) -> float:
    ends_at = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < ends_at:
        tips = {(remote / "refs/heads/main").read_text(), *map(tip, roots)}
        if len(tips) == 1 and all(_is_complete(root, wanted) for root in roots):
            return time.perf_counter()
        if not all(daemon.is_alive for daemon in daemons):
            raise RuntimeError("a daemon ended by itself")
        time.sleep(0.05)
    raise RuntimeError(f"not equal {PATIENCE_S:.0f} s after the last save: {len(tips)} different commits")


def _is_complete(root: Path, wanted: dict[str, int]) -> bool:
    return all(
        (root / name).exists() and (root / name).read_text() == f"version {version}\n"
        for name, version in wanted.items()
    )
