"""Paths that a pull could not write, because a directory above them is a git repository of its own by now.

Runs on the committer thread; owns `held-paths.json` in the repository's state directory. The branch and the index have
what was pulled, and the entry in the index is marked as not checked out (skip-worktree), so that neither git nor
gitsync takes what is on disk for an edit.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from gitsync.errors import OperationError
from gitsync.git.files import write_durably
from gitsync.git.rules.ignores import is_work_tree

logger = logging.getLogger(__name__)

FILE = "held-paths.json"
# Inode, size and time of change of a file; nothing where there is none.
Facts = tuple[int, ...]


def inside(root: str, paths: Iterable[bytes]) -> dict[bytes, bytes]:
    """Return those of `paths` that are below a repository in the work tree `root`, and where that begins.

    What is beyond a link is somewhere else.
    """
    known: dict[bytes, bool | None] = {}
    found = {}
    for path in paths:
        for above in _above(path):
            if above not in known:
                place = os.fsencode(root) + b"/" + above
                known[above] = None if os.path.islink(place) else is_work_tree(place)
            if known[above]:
                found[path] = above
            if known[above] is not False:
                break
    return found


def _above(path: bytes) -> Iterator[bytes]:
    at = path.find(b"/")
    while at > 0:
        yield path[:at]
        at = path.find(b"/", at + 1)


class HeldPaths:
    """The held paths of one work tree, and what was on disk there."""

    def __init__(self, root: str, state_dir: Path) -> None:
        self._root = root
        self._path = state_dir / FILE
        self._facts = self._read()

    def note(self, paths: Iterable[bytes]) -> None:
        """Remember more of them; raise OperationError when that cannot be written."""
        new = {os.fsdecode(path): self.look(path) for path in paths}
        if new.keys() - self._facts.keys():
            self._write({**new, **self._facts})

    def drop(self, paths: Collection[bytes]) -> None:
        """Forget them; raise OperationError."""
        if paths:
            gone = {os.fsdecode(path) for path in paths}
            self._write({path: facts for path, facts in self._facts.items() if path not in gone})

    @property
    def paths(self) -> dict[bytes, Facts]:
        """Return the held paths, with what was on disk when the pull came."""
        return {os.fsencode(path): facts for path, facts in sorted(self._facts.items())}

    @property
    def inside(self) -> Mapping[bytes, bytes]:
        """Return those of them that are still below another repository, and where that begins."""
        return inside(self._root, self.paths)

    def look(self, path: bytes) -> Facts:
        """Return what is on disk at `path` now."""
        try:
            facts = os.lstat(os.fsencode(self._root) + b"/" + path)
        except OSError:
            return ()
        return facts.st_ino, facts.st_size, facts.st_mtime_ns

    def _read(self) -> dict[str, Facts]:
        try:
            found = json.loads(self._path.read_bytes())
            return {str(path): tuple(map(int, facts)) for path, facts in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            logger.warning("cannot read %s: %s", self._path, error)
            return {}

    def _write(self, facts: dict[str, Facts]) -> None:
        if facts:
            write_durably(self._path, json.dumps(facts).encode())
        else:
            try:
                self._path.unlink(missing_ok=True)
            except OSError as error:
                raise OperationError(f"cannot remove {self._path}: {error.strerror}", code="io") from error
        self._facts = facts
