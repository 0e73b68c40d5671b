"""The age of backup refs, counted in days on which gitsync changed the repository.

Runs on the committer thread; owns `ref-ages` in the repository's state directory.

The names of the refs have the time in them, but no ref may be removed because of a clock: one that is a year ahead for
an hour (a flat battery, a virtual machine that was resumed, a wrong time server) would make all of them old at once,
and one that was set back would make the next ones old from the start. The monotonic clock cannot be wrong, but begins
again at each boot. So the file has the dates that were seen here, in the order in which they were seen, each with the
refs that were new on it, and a ref is as old as the number of dates that came after it. A jump of the clock is one date
more, in whichever direction. Where the file is lost, the refs are counted from the start, and stay longer.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from gitsync.git.files import write_new
from gitsync.text import clean

logger = logging.getLogger(__name__)

KEEP_DAYS = 90
_NAME = "ref-ages"
Days = list[tuple[str, list[str]]]


def count(days: Days, refs: Sequence[str], today: str) -> Days:
    """Return `days` with `today`, where the refs that no day has are new on the last one, and the others are dropped.

    Of the days only as many stay as are needed to say that a ref is old.
    """
    seen = {ref for _, those in days for ref in those}
    counted = [(date, [ref for ref in those if ref in set(refs)]) for date, those in days]
    if today not in (date for date, _ in days):
        counted.append((today, []))
    counted[-1][1].extend(ref for ref in refs if ref not in seen)
    surplus, rest = counted[: -KEEP_DAYS - 1], counted[-KEEP_DAYS - 1 :]
    rest[0][1][:0] = [ref for _, those in surplus for ref in those]
    return rest


def ages(days: Days) -> dict[str, int]:
    """Return how many days came after each ref, the oldest ref first."""
    return {ref: len(days) - 1 - place for place, (_, those) in enumerate(days) for ref in those}


def observe(repo_state_dir: Path, refs: Iterable[str], today: str) -> dict[str, int]:
    """Return the ages of `refs` (oldest first), those first that were there first, and remember what is new."""
    before = _read(repo_state_dir / _NAME)
    after = count(before, tuple(refs), today)
    if after != before:
        _write(repo_state_dir / _NAME, after)
    return ages(after)


def _read(path: Path) -> Days:
    try:
        found = json.loads(path.read_bytes())
        return [(str(date), [str(ref) for ref in those]) for date, those in found]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, TypeError) as error:
        logger.debug("%s counts no days: %s; counting from the start", clean(str(path)), error)
        return []


def _write(path: Path, days: Days) -> None:
    """Replace the file; it is not synced, since an emptied one makes the refs only younger."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}-0.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            temporary.unlink()
        write_new(str(temporary), [json.dumps(days).encode("ascii")])
        os.replace(temporary, path)
    except OSError as error:
        logger.debug("cannot write %s: %s", clean(str(path)), error)
