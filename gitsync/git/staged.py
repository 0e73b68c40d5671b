"""What staging is told and what it comes to: frozen values that any thread may hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitsync.git.indexformat import IndexEntry
from gitsync.git.packs import ObjectWriter
from gitsync.git.trees import TreeEntry
from gitsync.model import ChangeKind, Problem, Quarantined


@dataclass(frozen=True, slots=True)
class StageRules:
    """What may be committed.

    `max_file_size` in bytes and `secrets` ("quarantine", "warn", "off") are for new files; `exempt` are those that a
    person accepted. `is_forced` takes files that somebody is writing as they are. `take_staged` are paths that the user
    staged long enough ago.
    """

    max_file_size: int | None = None
    secrets: str = "quarantine"
    is_forced: bool = False
    take_staged: frozenset[bytes] = frozenset()
    exempt: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class StagedChange:
    """One path that differs from HEAD: `entry` is what it becomes (None: it goes), `old` what HEAD has.

    `stat` is the file's as it was read, None when it proves nothing.
    """

    path: bytes
    kind: ChangeKind
    entry: TreeEntry | None
    old: TreeEntry | None
    stat: os.stat_result | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """What a batch came to, on top of commit `head` of `branch`.

    `later` changed while they were read or are open for writing; `unreadable` has the system's words;
    `staged_by_user` differ between HEAD and index; `ignored` are untracked and ignored files. `seen` are the index
    entries that were met, `batch` tells one batch from another. In `writer` may be contents that the commit
    stores together with itself.
    """

    head: str | None
    branch: str | None
    changes: tuple[StagedChange, ...] = ()
    later: frozenset[bytes] = frozenset()
    unreadable: tuple[tuple[bytes, str], ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    staged_by_user: frozenset[bytes] = frozenset()
    ignored: frozenset[bytes] = frozenset()
    problems: tuple[Problem, ...] = ()
    seen: Mapping[bytes, IndexEntry | None] = field(default_factory=dict, repr=False, compare=False)
    batch: object = field(default_factory=object, repr=False, compare=False)
    writer: ObjectWriter | None = field(default=None, repr=False, compare=False)

    @property
    def removed_count(self) -> int:
        """Return how many files go whose content stays nowhere in what this batch adds or changes."""
        kept = {change.entry.id for change in self.changes if change.entry is not None}
        return sum(
            change.entry is None and change.old is not None and change.old.id not in kept for change in self.changes
        )
