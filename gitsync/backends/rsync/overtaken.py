"""Versions that were saved here while rsync was transferring another version. Runs on the job's thread; owns `replaced`
in the job's notes directory.

rsync looks at a file before the transfer, which may take an hour, and not again when it puts the new version in its
place. So rsync keeps the files that it replaces. What is kept and is not what the listing saw is an edit, and goes
beside the file as a copy; a death in between leaves it to the next run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gitsync.backends.base import Item, Level
from gitsync.backends.rsync.conflicts import not_kept
from gitsync.backends.rsync.copies import copy_of
from gitsync.backends.rsync.listing import is_as_listed
from gitsync.backends.rsync.program import Rsync
from gitsync.core.pairs import LINK, ListedEntry
from gitsync.errors import OperationError
from gitsync.text import escape

_NAME = "replaced"


def keeping(rsync: Rsync) -> tuple[str, ...]:
    """Return the options that make rsync keep what it replaces here, unless its user has it kept already."""
    if rsync.keeps_itself:
        return ()
    return ("--backup", "--suffix=", f"--backup-dir={_place(rsync)}")


def look_through(rsync: Rsync, listed: Mapping[str, ListedEntry], *, is_left: bool = False) -> list[Item]:
    """Make a conflict copy of each version that was replaced and is not as `listed`; return the report about them.

    With `is_left` it is what earlier runs replaced. A version that cannot be kept is tried again by the next run. Raise
    OperationError when there is no room for it.
    """
    place = _place(rsync)
    items: list[Item] = []
    for run in sorted(place.parent.glob("*")) if is_left else [place]:
        # Nothing goes that was not looked at: an rsync whose gitsync died may still be at work.
        for above, directories, names in os.walk(run, topdown=False):
            for name in (*names, *directories):
                kept = Path(above, name)
                if kept.is_dir() and not kept.is_symlink():
                    _remove_empty(kept)
                    continue
                path = str(kept.relative_to(run))
                if not _is_known(kept, listed.get(path)):
                    try:
                        items.append(_kept(rsync.order.job.path, path, kept))
                    except OperationError as error:
                        items.append(not_kept(path, error))
                        continue
                kept.unlink()
        _remove_empty(run)
    return items


def _is_known(kept: Path, entry: ListedEntry | None) -> bool:
    facts = kept.lstat()
    if not (stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode)):
        return True  # no version of anything
    if entry is None:
        return False
    if entry.kind == LINK or stat.S_ISLNK(facts.st_mode):
        return entry.kind == LINK and stat.S_ISLNK(facts.st_mode) and os.fspath(kept.readlink()) == entry.target
    return is_as_listed(facts, entry)


def _kept(root: Path, path: str, kept: Path) -> Item:
    copy = copy_of(root, path, kept)
    text = f"{escape(path)} was saved here while the server's version came; yours is {escape(copy)}"
    return Item(path, "conflict", text, f"compare the two, then delete {escape(copy)}", Level.ATTENTION)


def _remove_empty(directory: Path) -> None:
    with suppress(OSError):  # not empty: the next run looks again
        directory.rmdir()


def _place(rsync: Rsync) -> Path:
    """Return this run's own directory: rsync would delete what another run kept under the same name."""
    return rsync.order.state_dir / _NAME / rsync.run_id
