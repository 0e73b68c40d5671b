"""A directory of home that is tracked from now on, and saves in it, against git in a directory of its own."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks import saving, trees
from benchmarks.harness import BIN, Daemon, Place, Spent, median, tip
from benchmarks.table import Row, against

FILES = 2_000


def rows(directory: Path, *, is_quick: bool) -> list[Row]:
    """Measure, and return the rows of the table."""
    files, rounds, saves = (500, 2, 6) if is_quick else (FILES, 3, 20)
    added, git, saved, elsewhere = measure(directory, files, rounds, saves)
    name = f"add of a home directory of {files:,} files / git add + commit, no fsync"
    return [
        against(name, median([one.wall_s for one in added]), median([one.wall_s for one in git]), "<= 1.2"),
        against("  CPU", median([one.cpu_s for one in added]), median([one.cpu_s for one in git])),
        against("save of a home file / of a file elsewhere", median(saved), median(elsewhere), "<= 1.1"),
    ]


def measure(
    directory: Path, files: int, rounds: int, saves: int
) -> tuple[list[Spent], list[Spent], list[float], list[float]]:
    """Add the directory `rounds` times, each time in a new home, and save in the last one."""
    added: list[Spent] = []
    git: list[Spent] = []
    for turn in range(rounds):
        place = Place(directory / str(turn))
        place.configure([], quiet=f"{saving.QUIET_S}s")
        settings, beside, root = place.home / ".settings", place.home / "beside", place.home / "elsewhere"
        _write(settings, files)
        _write(beside, files)
        place.git(beside, "init", "-q")
        trees.make(place, root, 1000)
        place.timed(BIN / "gitsyncctl", "init")
        with place.config.open("a") as stream:
            stream.write(f'\n[[repo]]\npath = "{root}"\nquiet = "{saving.QUIET_S}s"\n')
        mirror = place.home / ".local/share/gitsync/home"
        with place.daemon() as daemon:
            added.append(_add(place, daemon, mirror, settings, files))
            git.append(place.git_commit(beside))
            if turn == rounds - 1:
                saved, elsewhere = _save(daemon, mirror, settings, root, saves)
    return added, git, saved, elsewhere


def _write(top: Path, files: int) -> None:
    for number in range(files):
        path = top / trees.path_of(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(trees.content_of(number))


def _add(place: Place, daemon: Daemon, mirror: Path, settings: Path, files: int) -> Spent:
    used, begun, before = daemon.usage().cpu_s, time.perf_counter(), tip(mirror)
    place.timed(BIN / "gitsyncctl", "add", settings)
    at = daemon.wait("the commit", lambda: tip(mirror) != before)
    daemon.wait_resting()
    found = len(place.git(mirror, "ls-files", settings.name).splitlines())
    if found != files:
        raise RuntimeError(f"{found} of {files} files are in the mirror")
    return Spent(at - begun, daemon.usage().cpu_s - used)


def _save(daemon: Daemon, mirror: Path, settings: Path, root: Path, saves: int) -> tuple[list[float], list[float]]:
    """Save in turns in home and in a work tree; return the seconds beyond the quiet period."""
    found: tuple[list[float], list[float]] = [], []
    for turn in range(saves + 1):
        for times, files, repository in ((found[0], settings, mirror), (found[1], root, root)):
            taken = saving.save_one(daemon, files, trees.path_of(turn), turn, turn + 1, repository)
            time.sleep(0.3)
            if turn:
                times.append(taken)
    return found
