"""Remembers what pulls replaced, and which of these files were saved since: maybe from the older text.

Runs on the committer thread; owns `pulled.json` in the repository's state directory. A pull is noted before it changes
the work tree. The next save of such a file is committed as it is, and noted before that, so that a crash in between
does not lose the merge (`merge_saved`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitsync.core import manifest
from gitsync.engine.memory import Memory
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_FILE
from gitsync.git.objects.trees import diff, lookup
from gitsync.git.repository import head_tree
from gitsync.git.staging.worktree import Staged, Worktree

FILE = "pulled.json"
# Pulls that are longer ago, and more files and versions, are not remembered.
KEPT_S, KEPT_PATHS, KEPT_VERSIONS = 14 * 86400.0, 2000, 8
FILE_MODES = (MODE_FILE, MODE_EXECUTABLE)

Record = dict[str, Any]


class StaleSaves:
    """The versions that pulls replaced, by path, and which of these files were saved since.

    A record has `versions` (blobs, oldest first), `arrived` (the blob that replaced them), the `source`, and `at`, the
    wall clock. `saved` is the version that was saved next, and `held` a commit with what had arrived. With `is_again`
    it was merged once: what is taken out again is meant.
    """

    def __init__(self, repo_state_dir: Path) -> None:
        self._memory = Memory(repo_state_dir / FILE)
        self._records = _checked(self._memory.get("paths"))

    def note(self, worktree: Worktree, old: str | None, new: str, source: str, wall: float) -> None:
        """Note the files that a pull is about to change from tree `old` to `new`."""
        if old is None:
            return
        changed = [
            (path, was.id, now.id)
            for path, (was, now) in diff(worktree.store, old, new).items()
            if was is not None and now is not None and was.id != now.id and path != manifest.NAME
            if was.mode in FILE_MODES and now.mode in FILE_MODES
        ]
        for path, was, now in changed[-KEPT_PATHS:]:
            self._note(os.fsdecode(path), was, now, source, wall)
        newest = sorted(self._records.items(), key=lambda item: float(item[1]["at"]))[-KEPT_PATHS:]
        self._keep({path: record for path, record in newest if wall - record["at"] < KEPT_S})

    def _note(self, path: str, was: str, now: str, source: str, wall: float) -> None:
        known = self._records.get(path)
        earlier = known["versions"] if known is not None and known["arrived"] == was else []
        versions = [*(version for version in earlier if version not in (was, now)), was][-KEPT_VERSIONS:]
        self._records[path] = {"versions": versions, "arrived": now, "source": source, "at": wall}

    def expect(self, worktree: Worktree, staged: Staged) -> None:
        """Note which files of a batch are about to be committed as they were saved after a pull."""
        if not self._records:
            return
        tree = None
        found: dict[str, Record] = {}
        for change in staged.changes:
            record = self._records.get(path := os.fsdecode(change.path))
            if record is None or change.entry is None or change.entry.mode not in FILE_MODES:
                continue
            tree = tree or head_tree(worktree)[2]
            was = lookup(worktree.store, tree, change.path)
            if was is not None and was.id == record["arrived"]:
                found[path] = {**record, "saved": change.entry.id, "held": staged.head}
            elif was is not None and was.id == record.get("saved"):
                found[path] = {**record, "saved": change.entry.id}
        if found:
            self._keep({**self._records, **found})

    @property
    def is_due(self) -> bool:
        """Whether a file was saved that a pull had changed."""
        return any("saved" in record for record in self._records.values())

    def saved(self) -> dict[bytes, Record]:
        """Return the records of the files that were saved."""
        return {os.fsencode(path): record for path, record in self._records.items() if "saved" in record}

    def settle(self, merged: Mapping[bytes, str], wall: float) -> None:
        """Forget what was saved; of what was `merged`, to these blobs, remember that it was."""
        rest = {path: record for path, record in self._records.items() if "saved" not in record}
        for path, record in self.saved().items():
            if path in merged:
                once = {"versions": [record["saved"]], "arrived": merged[path], "at": wall, "is_again": True}
                rest[os.fsdecode(path)] = {**once, "source": record["source"]}
        self._keep(rest)

    def _keep(self, records: dict[str, Record]) -> None:
        self._records = records
        self._memory.remember(paths=records or None)


def _checked(found: object) -> dict[str, Record]:
    if not isinstance(found, dict):
        return {}
    return {path: record for path, record in found.items() if _is_record(record)}


def _is_record(found: object) -> bool:
    if not isinstance(found, dict) or not isinstance(found.get("at"), int | float):
        return False
    texts = [found.get("arrived"), found.get("source"), found.get("saved", ""), found.get("held", "")]
    return isinstance(found.get("versions"), list) and all(isinstance(text, str) for text in texts)
