"""What grows with the number of files, in a wide work tree and in a deep one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import saving, trees
from benchmarks.harness import BIN, Daemon, Place, median, tip
from benchmarks.table import Table, ms, progress, ratio

SIZES = (1_000, 10_000, 100_000, 300_000)
DEPTH = 30


def deep_path_of(number: int) -> str:
    """Return the path of the file with this number: ten files in a directory, thirty directories one in another."""
    step, at = divmod(number, 10)
    chain, level = divmod(step, DEPTH)
    return "/".join([f"chain{chain:05d}", *(f"level{each:02d}" for each in range(level)), f"note{at}.txt"])


SHAPES: dict[str, Callable[[int], str]] = {"wide": trees.path_of, "deep": deep_path_of}


def table(directory: Path, sizes: tuple[int, ...], *, is_quick: bool) -> Table:
    """Measure each size in each shape."""
    columns = [
        (f"{size:,} {shape}", _column(directory / f"{shape}-{size}", size, name, 5 if is_quick else 15))
        for shape, name in SHAPES.items()
        for size in sizes
    ]
    shown = Table("What grows with what", ["", *(name for name, _ in columns)])
    shown.rows = [[name, *(column[at][1] for _, column in columns)] for at, (name, _) in enumerate(columns[0][1])]
    shown.notes = ["wide: 100 files in a directory, 20 directories in one; deep: 10 files in a directory, 30 levels"]
    return shown


def _column(directory: Path, count: int, name: Callable[[int], str], saves: int) -> list[tuple[str, str]]:
    progress(f"{count:,} files in {directory.name}")
    place = Place(directory)
    root = trees.make(place, place.home / "watched", count, name)
    beside = trees.copy(place, root, place.home / "beside")
    place.configure([root], quiet=f"{saving.QUIET_S}s")
    status = place.timed("git", "status", "--porcelain", cwd=root)
    with place.starting() as daemon:
        answers_s = daemon.wait_answering() - daemon.begun
        daemon.wait_resting()
        started = daemon.usage()
        saved = saving.measure(place, daemon, root, beside, count, saves, name)
        pulled_s = _pull_one(place, daemon, root, name(count // 3))
        asked = place.timed(BIN / "gitsyncctl", "status")
        after = daemon.usage()
    git_s = median([spent.wall_s for spent in saved.git])
    return [
        ("start: the socket answers", ms(answers_s)),
        ("  CPU until it rests", ms(started.cpu_s)),
        ("  git status: CPU", ms(status.cpu_s)),
        ("  memory then", f"{started.rss_mb:.1f} MB"),
        ("save, beyond quiet", ms(median(saved.waits))),
        ("  CPU", ms(saved.cpu_s)),
        ("  git add -A && git commit", ms(git_s)),
        ("  ratio", ratio(median(saved.waits), git_s)),
        ("pull of one file", ms(pulled_s)),
        ("gitsyncctl status", ms(asked.wall_s)),
        ("memory in the end", f"{after.rss_mb:.1f} MB"),
    ]


def _pull_one(place: Place, daemon: Daemon, root: Path, name: str) -> float:
    """Return the seconds of a sync that takes in one file, which another clone has pushed."""
    server, other = place.home / "server.git", place.home / "other"
    place.git(root, "clone", "-q", "--bare", str(root), str(server))
    place.git(root, "remote", "add", "origin", str(server))
    place.git(root, "fetch", "-q", "origin")
    place.git(root, "branch", "-q", "--set-upstream-to=origin/main")
    place.timed(BIN / "gitsyncctl", "reload")
    place.timed(BIN / "gitsyncctl", "sync", root.name)
    daemon.wait_resting()
    place.git(root, "clone", "-q", "--no-checkout", str(server), str(other))
    place.git(other, "read-tree", "HEAD")
    blob = place.git(other, "hash-object", "-w", "--stdin", input=b"pulled\n")
    place.git(other, "update-index", "--cacheinfo", f"100644,{blob},{name}")
    place.git(other, "commit", "-qm", "pulled")
    place.git(other, "push", "-q", "origin", "HEAD:refs/heads/next")
    wanted = place.git(other, "rev-parse", "HEAD")
    begun = time.perf_counter()
    place.git(server, "update-ref", "refs/heads/main", wanted)
    place.timed(BIN / "gitsyncctl", "sync", root.name)
    return daemon.wait("the pull", lambda: tip(root).strip() == wanted) - begun
