"""(g): a save on one machine until the whole file is on another, through a bare repository on the same file system.

Two daemons, each with a home of its own. The quiet period is short and no wait is left between commit and push; the
second machine hears of the push, and looks at the remote besides.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Place, tip

QUIET_S = 0.2
PULL_S = 0.1
SETTINGS = {"quiet": f"{QUIET_S}s", "push": "0s", "pull": f"{PULL_S}s"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """Seconds since the close, less the quiet period: the commit on A, the remote's branch, the file on B."""

    committed: list[float]
    pushed: list[float]
    arrived: list[float]


def measure(directory: Path, saves: int) -> Exchange:
    """Save `saves` times on A and wait for each on B."""
    here, there = Place(directory / "a"), Place(directory / "b")
    remote = directory / "remote.git"
    remote.mkdir()
    here.git(remote, "init", "-q", "--bare")
    first = here.home / "notes"
    first.mkdir()
    here.git(first, "init", "-q")
    for number in range(100):
        (first / f"note{number}.txt").write_text(f"note {number}\n")
    here.git(first, "add", "-A")
    here.git(first, "commit", "-qm", "first")
    here.git(first, "remote", "add", "origin", str(remote))
    here.git(first, "push", "-qu", "origin", "main")
    second = there.home / "notes"
    there.git(there.home, "clone", "-q", str(remote), str(second))
    here.configure([first], **{**SETTINGS, "pull": "1h"})
    there.configure([second], **SETTINGS)
    found = Exchange([], [], [])
    with here.daemon() as a, there.starting() as b:
        b.wait_answering()
        time.sleep(1.0)
        for turn in range(saves + 1):
            name, text = f"note{turn}.txt", f"changed {turn}\n" * 50
            before = tip(first)
            (first / name).write_text(text)
            closed = time.perf_counter() + QUIET_S
            committed = a.wait_moved(first / ".git/refs/heads/main", before)
            pushed = a.wait_moved(remote / "refs/heads/main", before)
            old = f"note {turn}\n"
            arrived = b.wait_moved(second / name, old)
            if (second / name).read_text() != text:
                raise RuntimeError(f"{name} arrived torn")
            if turn:
                found.committed.append(committed - closed)
                found.pushed.append(pushed - closed)
                found.arrived.append(arrived - closed)
            time.sleep(0.5)
    return found
