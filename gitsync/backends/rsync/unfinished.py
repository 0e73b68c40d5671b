"""Removes files that rsync had not finished when it was killed, or when the power was cut. On the job's thread.

rsync calls what it receives .NAME.XXXXXX, in the directory of NAME. When it is killed, that stays, and looks like a
file of the user's, which the next run would copy to everybody. So it receives into a hidden directory of this job's, on
the same side, as far as that side is a directory of this machine; on a server, rsync ends in order when the line is
cut.

rsync does not sync what it has written. A power cut may leave a file that has its name and its time, and nothing in it:
it would be newer than the whole one. So a copy is synced before it counts, and a blank file that a run which died was
about to write is removed, with what was known of it: then it is copied once more.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gitsync.backends import state_file
from gitsync.backends.rsync.copies import forget_drafts
from gitsync.backends.rsync.listing import MOVING_FILE
from gitsync.backends.rsync.program import PARTIAL_NAME, Rsync
from gitsync.core.pairs import FILE, ListedEntry
from gitsync.git.applying.atomic_replace import sync_all


@contextmanager
def place(rsync: Rsync, target: str) -> Iterator[tuple[str, ...]]:
    """Make the directory for a copy to `target`; yield the options that make rsync use it."""
    side = _nearby(target)
    if side is None:
        yield ()
        return
    aside = _aside(rsync, side)
    aside.mkdir(mode=0o700, exist_ok=True)
    try:
        yield (f"--temp-dir={aside}",)
    finally:
        with suppress(OSError):  # what is still in it, the next run removes
            aside.rmdir()


def sync(target: str) -> None:
    """Sync the file system of a directory of this machine; raise OSError."""
    side = _nearby(target)
    if side is not None:
        root = os.open(side, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            sync_all(root)
        finally:
            os.close(root)


def forget(rsync: Rsync) -> frozenset[str]:
    """Remove what a run that died had received or copied in part; return the paths of the files that were blank."""
    forget_drafts(rsync.order.job.path)
    noted = state_file.read(rsync.order.state_dir / MOVING_FILE)
    blank: set[str] = set()
    for target, name in ((rsync.here, "taking"), (rsync.there, "sending")):
        side = _nearby(target)
        if side is not None:
            shutil.rmtree(_aside(rsync, side), ignore_errors=True)
            blank.update(path for path, entry in _entries(noted, name).items() if _is_removed(side / path, entry))
    return frozenset(blank)


def _nearby(target: str) -> Path | None:
    """Return the directory of this machine that a side of a copy is, None for a server's."""
    side = Path(target)
    return side if side.is_absolute() and side.is_dir() else None


def _aside(rsync: Rsync, side: Path) -> Path:
    return side / f"{PARTIAL_NAME}-{rsync.id}-new"


def _entries(noted: Mapping[str, Any], name: str) -> dict[str, ListedEntry]:
    try:
        return {path: ListedEntry(*entry) for path, entry in (noted.get(name) or {}).items()}
    except (AttributeError, TypeError):
        return {}


def _is_removed(path: Path, entry: ListedEntry) -> bool:
    """Remove a file that has the time of the one that was to be copied, and no content; return whether it was so."""
    try:
        facts = path.lstat()
        is_alike = stat.S_ISREG(facts.st_mode) and int(facts.st_mtime) == entry.modified
        if entry.kind != FILE or not entry.size or not is_alike or not _is_blank(path):
            return False
        path.unlink()
    except OSError:
        return False
    return True


def _is_blank(path: Path) -> bool:
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            if piece.strip(b"\0"):
                return False
    return True
