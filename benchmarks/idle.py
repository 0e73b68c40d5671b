"""(d), (i): a daemon with nothing to do: memory, CPU and wake-ups, for one repository and for fifty."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.harness import Daemon, Place

REPOSITORIES = 50


@dataclass(frozen=True, slots=True)
class Idle:
    """Resident MB, and CPU milliseconds and voluntary context switches while nothing happened for `seconds`."""

    seconds: float
    rss_mb: float
    cpu_ms: float
    switches: int
    threads: int


def measure(daemon: Daemon, seconds: float) -> Idle:
    """Look on for `seconds` while nothing happens."""
    before = daemon.usage()
    time.sleep(seconds)
    after = daemon.usage()
    return Idle(
        seconds,
        after.rss_mb,
        (after.cpu_s - before.cpu_s) * 1000,
        after.switches - before.switches,
        daemon.threads(),
    )


def measure_many(place: Place, seconds: float) -> Idle:
    """Watch fifty small repositories, save a file in each, and look on while nothing happens."""
    roots = [place.home / "many" / f"repo{number:02d}" for number in range(REPOSITORIES)]
    for root in roots:
        root.mkdir(parents=True)
        place.git(root, "init", "-q")
        (root / "first.txt").write_text("first\n")
        place.git(root, "add", "-A")
        place.git(root, "commit", "-qm", "first")
    # Without the push delay: the look for a remote after each commit is over before the idle time begins.
    place.configure(roots, quiet="100ms", push="0s")
    with place.daemon() as daemon:
        before = [root / ".git/refs/heads/main" for root in roots]
        old = [ref.read_text() for ref in before]
        for root in roots:
            (root / "second.txt").write_text("second\n")
        daemon.wait("fifty commits", lambda: all(a.read_text() != b for a, b in zip(before, old, strict=True)), 0.05)
        daemon.wait_resting()
        return measure(daemon, seconds)
