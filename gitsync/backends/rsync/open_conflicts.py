"""Conflicts of an rsync job that are not resolved yet: they stay in `conflicts` until their copy is gone.

On the thread that owns the job; the paths are remembered in `conflicts.json` of the job's notes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from gitsync.backends import state_file
from gitsync.backends.base import Item, Level
from gitsync.core.conflict import is_conflict_copy
from gitsync.text import escape

CONFLICTS_FILE = "conflicts.json"


def remember_open(state_dir: Path, items: Iterable[Item]) -> None:
    """Note the conflicts among `items`, in addition to those that are open already."""
    found = {item.subject for item in items if item.code == "conflict"}
    if found:
        _write(state_dir, found.union(_read(state_dir)))


def still_open(state_dir: Path, items: Iterable[Item], *listings: Mapping[str, object]) -> list[Item]:
    """Return a report of each conflict that is open and not among `items`; one whose copy is gone is forgotten."""
    noted = _read(state_dir)
    if not noted:
        return []
    copies: dict[str, str] = {}
    for path in sorted(path for listing in listings for path in listing if ".conflict-" in path):
        copied = is_conflict_copy(os.fsencode(path))
        if copied is not None:
            copies[os.fsdecode(copied[0])] = path
    left = noted.intersection(copies)
    _write(state_dir, left)
    known = {item.subject for item in items if item.code == "conflict"}
    return [_still(path, copies[path]) for path in sorted(left - known)]


def _still(path: str, copy: str) -> Item:
    return Item(
        path,
        "conflict",
        f"{escape(path)} was changed on both sides; both versions are kept, the other one is {escape(copy)}",
        f"compare the two, then delete {escape(copy)}",
        Level.ATTENTION,
    )


def _read(state_dir: Path) -> set[str]:
    found = state_file.read(state_dir / CONFLICTS_FILE).get("open")
    return {str(path) for path in found} if isinstance(found, list) else set()


def _write(state_dir: Path, paths: set[str]) -> None:
    state_file.write_changed(state_dir / CONFLICTS_FILE, {"open": sorted(paths)} if paths else {})
