"""(d), (i): a daemon with nothing to do: memory, CPU and wake-ups, for one repository and for two hundred."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass

from benchmarks.harness import Daemon, Place, tip

REPOSITORIES = 200
# After this the threads of exchanges have ended, and what is done once in an idle repository is done.
LINGER_S = 40.0


@dataclass(frozen=True, slots=True)
class Idle:
    """Resident MB, what the process holds, and its CPU milliseconds and voluntary context switches while nothing
    happened for `seconds`.
    """

    seconds: float
    rss_mb: float
    cpu_ms: float
    switches: int
    threads: int
    descriptors: int
    instances: int


def measure(daemon: Daemon, seconds: float) -> Idle:
    """Look on for `seconds` while nothing happens."""
    before = daemon.usage()
    time.sleep(seconds)
    after = daemon.usage()
    opened = daemon.descriptors()
    return Idle(
        seconds,
        after.rss_mb,
        (after.cpu_s - before.cpu_s) * 1000,
        after.switches - before.switches,
        daemon.threads(),
        len(opened),
        opened.count("anon_inode:inotify"),
    )


def measure_many(place: Place, seconds: float) -> Idle:
    """Watch many small repositories, save a file in each, and look on while nothing happens."""
    roots = [place.home / "many" / f"repo{number:03d}" for number in range(REPOSITORIES)]
    roots[0].mkdir(parents=True)
    place.git(roots[0], "init", "-q")
    (roots[0] / "first.txt").write_text("first\n")
    place.git(roots[0], "add", "-A")
    place.git(roots[0], "commit", "-qm", "first")
    for root in roots[1:]:
        shutil.copytree(roots[0], root)
    # Without the push delay: the look for a remote after each commit is over before the idle time begins.
    place.configure(roots, quiet="100ms", push="0s")
    with place.daemon() as daemon:
        old = [tip(root) for root in roots]
        for root in roots:
            (root / "second.txt").write_text("second\n")
        daemon.wait("the commits", lambda: all(tip(root) != was for root, was in zip(roots, old, strict=True)), 0.05)
        time.sleep(LINGER_S)
        daemon.wait_resting()
        return measure(daemon, seconds)
