"""A pull that changes many files of a large work tree, against `git pull` of the same commits, in turns."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks import trees
from benchmarks.harness import Daemon, Place, Spent, median, tip
from benchmarks.table import Row, against

FILES, CHANGED = 20_000, 5_000


def rows(directory: Path, *, is_quick: bool) -> list[Row]:
    """Measure, and return the rows of the table."""
    files, changed, rounds = (4_000, 1_000, 3) if is_quick else (FILES, CHANGED, 5)
    ours, git = measure(Place(directory), files, changed, rounds)
    name = f"pull that changes {changed:,} of {files:,} files / git pull"
    return [
        against(name, median([one.wall_s for one in ours]), median([one.wall_s for one in git]), "<= 2.0"),
        against("  CPU", median([one.cpu_s for one in ours]), median([one.cpu_s for one in git]), "<= 2.0"),
    ]


def measure(place: Place, files: int, changed: int, rounds: int) -> tuple[list[Spent], list[Spent]]:
    """Return what gitsync and git took for each pull; the first one, with a cold cache, is left out."""
    root = trees.make(place, place.home / "watched", files)
    server, other, beside = (place.home / name for name in ("server.git", "other", "beside"))
    place.git(root, "clone", "-q", "--bare", str(root), str(server))
    place.git(root, "remote", "add", "origin", str(server))
    place.git(root, "fetch", "-q", "origin")
    place.git(root, "branch", "-q", "--set-upstream-to=origin/main")
    for clone in (other, beside):
        place.git(root, "clone", "-q", str(server), str(clone))
    place.configure([root], quiet="0.3s")
    ours, git = [], []
    with place.daemon() as daemon:
        for turn in range(rounds + 1):
            _publish(place, other, files, changed, turn)
            ours.append(_pull(place, daemon, root, server))
            git.append(place.timed("git", "pull", "-q", "--ff-only", cwd=beside))
    return ours[1:], git[1:]


def _publish(place: Place, other: Path, files: int, changed: int, turn: int) -> None:
    for number in range(turn % (files // changed), files, files // changed):
        (other / trees.path_of(number)).write_bytes(trees.content_of(number, 1000 + turn))
    place.git_commit(other)
    # Under a name that nobody pulls: the objects are there before the branch moves.
    place.git(other, "push", "-q", "origin", "+HEAD:refs/heads/next")


def _pull(place: Place, daemon: Daemon, root: Path, server: Path) -> Spent:
    """Return what it took from the moment at which the server's branch has moved, until the daemon rests again."""
    daemon.wait_resting()
    used = daemon.usage().cpu_s
    wanted = place.git(server, "rev-parse", "next")
    moved = place.timed("git", "update-ref", "refs/heads/main", wanted, cwd=server)
    begun = time.perf_counter()
    at = daemon.wait("the pull", lambda: tip(root).strip() == wanted)
    daemon.wait_resting()
    return Spent(at - begun + moved.wall_s, daemon.usage().cpu_s - used)
