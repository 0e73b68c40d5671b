"""A save, a storm of new files and a pull in a repository with attributes, against the same in one without."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import flood, saving, trees
from benchmarks.harness import BIN, Daemon, Place, median, tip

FILES = 1000
ATTRIBUTES = b"""* text=auto
*.sh text eol=lf
*.png binary
"my notes.txt" ident
"""
# As people have them: at the top, and one in a directory for its files.
PLACES = (".gitattributes", "part000/.gitattributes")


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds with attributes, and without them."""

    with_s: float
    without_s: float


def measure(place: Place, saves: int, storms: int, pulls: int, files: int = 2000, pulled: int = 500) -> dict[str, Pair]:
    """Measure in turns, so that what else the machine does falls on both; return the medians by name."""
    roots = [trees.make(place, place.home / name, FILES) for name in ("with", "without")]
    for name in PLACES:
        (roots[0] / name).write_bytes(ATTRIBUTES)
    others = []
    for root in roots:
        place.git_commit(root)
        server, other = place.home / f"{root.name}.git", place.home / f"{root.name}-other"
        place.git(root, "clone", "-q", "--bare", str(root), str(server))
        place.git(root, "remote", "add", "origin", str(server))
        place.git(root, "fetch", "-q", "origin")
        place.git(root, "branch", "-q", "--set-upstream-to=origin/main")
        place.git(root, "clone", "-q", str(server), str(other))
        others.append(other)
    place.configure(roots, quiet=f"{saving.QUIET_S}s", pull="1h")
    found: dict[str, list[list[float]]] = {"save": [[], []], "storm": [[], []], "pull": [[], []]}
    with place.daemon() as daemon:
        for turn in range(saves + 1):
            for which, root in enumerate(roots):
                taken = saving.save_one(daemon, root, trees.path_of(turn), turn, turn + 1)
                time.sleep(0.5)
                if turn:
                    found["save"][which].append(taken)
        for turn in range(storms):
            for which, root in enumerate(roots):
                found["storm"][which].append(_storm(place, daemon, root, f"storm{turn}", files))
        for turn in range(pulls):
            for which, root in enumerate(roots):
                found["pull"][which].append(_pull(place, daemon, root, others[which], turn, pulled))
    return {name: Pair(median(one), median(other)) for name, (one, other) in found.items()}


def _storm(place: Place, daemon: Daemon, root: Path, name: str, files: int) -> float:
    """Return the seconds from the last close until the last of the new files is committed, beyond the quiet period."""
    seen = tip(root)
    flood.write(root / name, files)
    closed = time.perf_counter()
    while True:
        at = daemon.wait_moved(root / ".git/refs/heads/main", seen)
        seen = tip(root)
        if len(place.git(root, "ls-tree", "-r", "--name-only", "HEAD", f"{name}/").splitlines()) == files:
            daemon.wait_resting()
            return at - closed - saving.QUIET_S


def _pull(place: Place, daemon: Daemon, root: Path, other: Path, turn: int, files: int) -> float:
    """Return the seconds from the command until the branch is at what another clone has pushed."""
    place.timed(BIN / "gitsyncctl", "sync", root.name)
    daemon.wait_resting()
    place.git(other, "pull", "-q")
    for number in range(files):
        (other / trees.path_of(number)).write_bytes(trees.content_of(number, 1000 + turn))
    place.git_commit(other)
    place.git(other, "push", "-q")
    wanted = tip(other)
    begun = time.perf_counter()
    place.timed(BIN / "gitsyncctl", "sync", root.name)
    at = daemon.wait("the pull", lambda: tip(root) == wanted)
    daemon.wait_resting()
    return at - begun
