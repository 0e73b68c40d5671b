"""A save on a disk whose every flush takes five milliseconds more, against a git that flushes as well, and on one where
a flush in ten takes twenty.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from pathlib import Path

from benchmarks import saving, trees
from benchmarks.harness import Place, Spent, median, p90
from benchmarks.table import NONE, Row, against, ms, ratio

SOURCE = Path(__file__).with_name("slow.c")
FLUSH_US = 5_000
ONE_IN, LATE_US = 10, 20_000
FILES = 1_000


def rows(directory: Path, *, is_quick: bool) -> list[Row]:
    """Measure, and return the rows of the table; none where there is no C compiler."""
    if shutil.which("cc") is None:
        return []
    place = Place(directory)
    library, log = directory / "slow.so", directory / "flushes"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    log.touch()
    root = trees.make(place, place.home / "watched", FILES)
    beside = trees.copy(place, root, place.home / "beside")
    place.git(beside, "config", "core.fsync", "all")
    place.env |= {"LD_PRELOAD": str(library), "SLOW_US": str(FLUSH_US), "SLOW_LOG": str(log)}
    place.configure([root], quiet=f"{saving.QUIET_S}s")
    waits, git, before_ref, in_all = [], [], [], []
    with place.daemon() as daemon:
        for turn in range(6 if is_quick else 20):
            already = len(_flushes(log))
            taken = saving.save_one(daemon, root, trees.path_of(turn), turn, turn + 1)
            moved_ns = time.monotonic_ns()
            time.sleep(0.5)
            flushes = _flushes(log)[already:]
            waits.append(taken)
            before_ref.append(sum(at < moved_ns for at in flushes))
            in_all.append(len(flushes))
            (beside / trees.path_of(turn)).write_bytes(trees.content_of(turn, turn + 1))
            git.append(place.git_commit(beside))
    count = f"{median(before_ref):.0f}; {median(in_all):.0f}"
    place.env |= {"SLOW_US": str(LATE_US), "SLOW_ONE_IN": str(ONE_IN)}
    with place.daemon() as daemon:
        late = [
            saving.save_one(daemon, root, trees.path_of(turn), turn, 1000 + turn)
            for turn in range(10 if is_quick else 40)
        ]
    return [
        against(f"{FLUSH_US / 1000:.0f} ms a flush: save / git add + commit, core.fsync=all", *_medians(waits, git)),
        ["  flushes before the ref moves; in all", count, NONE, NONE, "<= 6"],
        [
            f"one flush in {ONE_IN} takes {LATE_US / 1000:.0f} ms more: save, nine of ten below / median",
            ms(p90(late)),
            ms(median(late)),
            ratio(p90(late), median(late)),
            "<= 2",
        ],
    ]


def _medians(waits: list[float], git: list[Spent]) -> tuple[float, float]:
    return median(waits), median([one.wall_s for one in git])


def _flushes(log: Path) -> tuple[int, ...]:
    data = log.read_bytes()
    return struct.unpack(f"={len(data) // 8}q", data[: len(data) // 8 * 8])
