"""Which tracked files an ignore rule names, remembered over a restart. Runs on the committer thread.

git answers that by reading the whole index and every rule file, which takes as long as all else of a start, and it is
asked only for a line in the status. What is remembered belongs to a tree and to the rule files outside of the work
tree: where no rule has changed since, only paths that have come, gone or changed are looked at.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitsync.git.index.index import IndexFile
from gitsync.git.index.raw import CorruptIndexError
from gitsync.git.objects.store import ObjectStore
from gitsync.git.objects.trees import diff
from gitsync.git.program import GitProgram
from gitsync.git.rules.ignores import IgnoreRules
from gitsync.git.staging.status import ignored_tracked

logger = logging.getLogger(__name__)
NAME = "ignored-tracked.json"
# With more paths than this git is asked every time.
_MOST = 2000


@dataclass(frozen=True, slots=True)
class _Known:
    """The `ignored` paths of the index, when HEAD had `tree` and the index or the disk something else at `apart`."""

    tree: str
    outside: str
    ignored: frozenset[bytes]
    apart: frozenset[bytes]

    @property
    def paths(self) -> frozenset[bytes]:
        return self.ignored | self.apart


class IgnoredTracked:
    """The answer for one work tree; `place` is where it is remembered."""

    def __init__(
        self, place: Path, store: ObjectStore, program: GitProgram, index: IndexFile, ignores: IgnoreRules
    ) -> None:
        self._place = place
        self._store = store
        self._program = program
        self._index = index
        self._ignores = ignores

    def ask(self, tree: str | None, differing: frozenset[bytes]) -> tuple[bytes, ...]:
        """Return the paths, from git; `tree` is HEAD's, from which index and work tree are `differing`."""
        outside = self._ignores.outside()
        found = ignored_tracked(self._program)
        self._remember(tree, outside, frozenset(found), differing)
        return found

    def update(self, tree: str | None, differing: frozenset[bytes]) -> tuple[bytes, ...]:
        """Return the same as `ask`, by what is remembered where that can be."""
        known, outside = self._read(), self._ignores.outside()
        if known is None or tree is None or known.outside != outside or not outside:
            return self.ask(tree, differing)
        if known.tree != tree and not self._store.has(known.tree):
            return self.ask(tree, differing)
        changed = differing | known.apart | diff(self._store, known.tree, tree).keys()
        if len(changed) > _MOST or any(path.rpartition(b"/")[2] == b".gitignore" for path in changed):
            return self.ask(tree, differing)
        try:
            entries = self._index.entries(changed | known.ignored)
        except CorruptIndexError:
            return self.ask(tree, differing)
        tracked = {path for path, entry in entries.items() if entry is not None}
        self._ignores.refresh()
        self._ignores.learn(tracked & changed)
        found = {path for path in tracked if path in known.ignored or self._ignores.is_ignored_by_git(path)}
        self._remember(tree, outside, frozenset(found), differing, known)
        return tuple(sorted(found))

    def _remember(
        self,
        tree: str | None,
        outside: str,
        ignored: frozenset[bytes],
        differing: frozenset[bytes],
        known: _Known | None = None,
    ) -> None:
        now = None if tree is None else _Known(tree, outside, ignored, differing)
        if now == known:
            return
        with suppress(OSError):  # git is asked again the next time
            self._place.unlink(missing_ok=True)
            if now is not None and outside and len(now.paths) <= _MOST:
                self._place.write_text(
                    json.dumps([tree, outside, _texts(ignored), _texts(differing)]), encoding="ascii"
                )

    def _read(self) -> _Known | None:
        """Return what is remembered; half a file after a power cut is none."""
        try:
            tree, outside, ignored, apart = json.loads(self._place.read_bytes())
            return _Known(tree, outside, _paths(ignored), _paths(apart))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            logger.debug("%s cannot be read: %s", self._place, error)
            return None


def _texts(paths: Iterable[bytes]) -> list[str]:
    return sorted(map(os.fsdecode, paths))


def _paths(texts: Iterable[str]) -> frozenset[bytes]:
    return frozenset(map(os.fsencode, texts))
