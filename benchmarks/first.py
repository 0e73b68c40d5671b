"""The first commit of a gigabyte, against git's `add -A && commit` of the same files without fsync."""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import Random

from benchmarks import trees
from benchmarks.harness import Place, Spent, tip
from benchmarks.table import Row, against

FILES, EACH = 2_000, 512 << 10
QUIET_S = 0.5


def rows(directory: Path, *, is_quick: bool) -> list[Row]:
    """Measure, and return the rows of the table."""
    files = 100 if is_quick else FILES
    place = Place(directory)
    root, beside = place.home / "watched", place.home / "beside"
    for top in (root, beside):
        top.mkdir()
        place.git(top, "init", "-q")
    place.configure([root], quiet=f"{QUIET_S}s")
    with place.daemon() as daemon:
        used = daemon.usage().cpu_s
        _write(root, files)
        closed = time.perf_counter()
        seen = tip(root)
        while True:
            at = daemon.wait("the commit", lambda before=seen: tip(root) != before)  # type: ignore[misc]
            seen = tip(root)
            if len(place.git(root, "ls-tree", "-r", "--name-only", "HEAD").splitlines()) == files:
                break
        daemon.wait_resting()
        ours = Spent(at - closed - QUIET_S, daemon.usage().cpu_s - used)
    _write(beside, files)
    git = place.git_commit(beside)
    size = files * EACH / 1e9
    name = f"first commit of {size:.2f} GB in {files:,} files / git add + commit, no fsync"
    return [against(name, ours.wall_s, git.wall_s, "<= 1.0"), against("  CPU", ours.cpu_s, git.cpu_s)]


def _write(top: Path, files: int) -> None:
    """Write files of which half is text that compresses well, and half is not, as photos are."""
    chance = Random(19)
    text = b"".join(b"line %d of a long text that says the same again\n" % line for line in range(EACH // 80))
    for number in range(files):
        path = top / trees.path_of(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = EACH // 2
        path.write_bytes(b"%d\n" % number + (text * 2)[:half] + chance.randbytes(half))
    os.sync()
