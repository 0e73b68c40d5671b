"""What was saved here while rsync was bringing another version of it. Runs on the job's thread; owns `replaced` in the
job's notes directory.

rsync looks at a file before the transfer, which may take an hour, and not again when it puts the new version in its
place. So it is told to keep what it replaces. What is kept and is not what the listing saw is an edit, and goes beside
the file as a copy; a death in between leaves it to the next run.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from gitsync.backends.base import Item, Level
from gitsync.backends.rsync_contest import copy_of
from gitsync.backends.rsync_program import Rsync
from gitsync.core.names import shown_text
from gitsync.core.pairs import Entry

_NAME = "replaced"


def keeping(rsync: Rsync) -> tuple[str, ...]:
    """Return the options that make rsync keep what it replaces here, unless its user has it kept already."""
    if any(option == "-b" or option.startswith("--backup") for option in rsync.order.job.options):
        return ()
    return ("--backup", "--suffix=", f"--backup-dir={_place(rsync)}")


def look_through(rsync: Rsync, listed: Mapping[str, Entry]) -> list[Item]:
    """Keep beside it every version that was replaced and is not as `listed`; return what a person is told of them.

    Raise OperationError when one cannot be kept: then it is tried again by the next run.
    """
    place = _place(rsync)
    items: list[Item] = []
    for above, _, names in os.walk(place):
        for name in names:
            kept = Path(above, name)
            path = str(kept.relative_to(place))
            facts = kept.lstat()
            entry = listed.get(path)
            if not stat.S_ISREG(facts.st_mode) or (
                entry is not None and (facts.st_size, facts.st_mtime_ns) == (entry.size, entry.exact)
            ):
                continue
            copy = copy_of(rsync.order.job.path, path, kept)
            text = f"{shown_text(path)} was saved here while the server's version came; yours is {shown_text(copy)}"
            items.append(
                Item(path, "conflict", text, f"compare the two, then delete {shown_text(copy)}", Level.ATTENTION)
            )
            kept.unlink()
    shutil.rmtree(place, ignore_errors=True)
    return items


def _place(rsync: Rsync) -> Path:
    return rsync.order.notes_dir / _NAME
