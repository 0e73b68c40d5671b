"""A job of rsync that has nothing to do, against the two listings that rsync itself makes."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks import trees
from benchmarks.harness import BIN, Place, Spent, median
from benchmarks.table import Row, against

FILES = 10_000


def rows(directory: Path, *, is_quick: bool) -> list[Row]:
    """Measure, and return the rows of the table."""
    files, rounds = (2_000, 3) if is_quick else (FILES, 7)
    place = Place(directory)
    here, there = place.home / "here", place.home / "there"
    for number in range(files):
        path = here / trees.path_of(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(trees.content_of(number))
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    there.mkdir()
    place.timed("rsync", "-a", f"{here}/", f"{there}/")
    place.config.parent.mkdir(parents=True, exist_ok=True)
    place.config.write_text(f'[[job]]\nname = "work"\nbackend = "rsync"\npath = "{here}"\nurl = "{there}"\n')
    job, rsync = [], []
    with place.daemon() as daemon:
        for turn in range(rounds + 1):
            used = daemon.usage().cpu_s
            taken = place.timed(BIN / "gitsyncctl", "sync", "work", "--wait")
            ways = (here, there), (there, here)
            listed = [place.timed("rsync", "-an", f"{one}/", f"{other}/") for one, other in ways]
            if turn:  # the first run founds the memory
                job.append(Spent(taken.wall_s, daemon.usage().cpu_s - used))
                rsync.append(listed[0] + listed[1])
    name = f"rsync job with nothing to do, {files:,} files / two rsync -an"
    return [
        against(name, median([one.wall_s for one in job]), median([one.wall_s for one in rsync]), "<= 0.45 s"),
        against("  CPU", median([one.cpu_s for one in job]), median([one.cpu_s for one in rsync])),
    ]
