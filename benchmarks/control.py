"""(h): the control command against a Python that does nothing, with a daemon and without."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import BIN, Place, median


@dataclass(frozen=True, slots=True)
class Control:
    """Median seconds on the clock."""

    python_s: float
    help_s: float
    status_s: float
    alone_s: float


def measure(place: Place, root: Path, rounds: int) -> Control:
    """Run each `rounds` times, in turn, beside a daemon that rests; then `status` without one."""
    place.configure([root])
    python: list[float] = []
    helped: list[float] = []
    status: list[float] = []
    alone: list[float] = []
    with place.daemon():
        for _ in range(rounds):
            python.append(place.timed(sys.executable, "-c", "pass").wall_s)
            helped.append(place.timed(BIN / "gitsyncctl", "--help").wall_s)
            status.append(place.timed(BIN / "gitsyncctl", "status").wall_s)
    for _ in range(rounds):
        alone.append(place.timed(BIN / "gitsyncctl", "status").wall_s)
    return Control(median(python), median(helped), median(status), median(alone))
