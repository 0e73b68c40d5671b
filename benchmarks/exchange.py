"""(g): a save on one machine until the whole file is on another, by way of a bare repository.

Two daemons, each with a home of its own; the quiet period is short, everything else as it is without a configuration.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import wires
from benchmarks.harness import Place, tip

QUIET_S = 0.2


@dataclass(frozen=True, slots=True)
class Exchange:
    """Seconds since the close, less the quiet period: the commit on A, the remote's branch, the file on B.

    `by_hand` is what `git push` here and `git pull` there take by the same way, without the commit before them.
    """

    committed: list[float] = field(default_factory=list)
    pushed: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    by_hand: list[float] = field(default_factory=list)


def measure(directory: Path, kind: str, saves: int) -> Exchange:
    """Save `saves` times on A and wait for each on B."""
    directory.mkdir()
    here, there = Place(directory / "a"), Place(directory / "b")
    found = Exchange()
    with wires.laid(directory, kind, 100) as wire:
        first, second = wire.clone(here), wire.clone(there)
        for place, root in ((here, first), (there, second)):
            place.configure([root], quiet=f"{QUIET_S}s")
        with here.daemon() as a, there.daemon() as b:
            for turn in range(saves + 1):
                name, text = f"note{turn}.txt", f"changed {turn}\n" * 50
                before = tip(first)
                (first / name).write_text(text)
                closed = time.perf_counter() + QUIET_S
                committed = a.wait_moved(first / ".git/refs/heads/main", before)
                pushed = a.wait_moved(wire.remote / "refs/heads/main", before)
                arrived = b.wait_moved(second / name, f"note {turn}\n")
                if (second / name).read_text() != text:
                    raise RuntimeError(f"{name} arrived torn")
                if turn:  # the first one wakes everybody up
                    found.committed.append(committed - closed)
                    found.pushed.append(pushed - closed)
                    found.arrived.append(arrived - closed)
                time.sleep(1.0)
        found.by_hand.extend(_by_hand(Place(directory / "c"), Place(directory / "d"), wire, saves))
    return found


def _by_hand(here: Place, there: Place, wire: wires.Wire, saves: int) -> list[float]:
    first, second = wire.clone(here), wire.clone(there)
    taken = []
    for turn in range(saves):
        (first / "by hand.txt").write_text(f"changed {turn}\n" * 50)
        here.git_commit(first)
        pushed = here.timed("git", "push", "-q", cwd=first)
        taken.append(pushed.wall_s + there.timed("git", "pull", "-q", "--ff-only", cwd=second).wall_s)
    return taken
