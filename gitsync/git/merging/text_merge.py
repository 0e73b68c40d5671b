"""Merges text by line, and decides whether a path may be merged by line. Committer thread; owns a scratch directory.

`git merge-file` does the work: libgit2's binding returns only UTF-8 text and has no union. Its output for a conflict is
discarded, so no conflict marker ever reaches an object.
"""

from __future__ import annotations

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from gitsync.git.files import storage_error
from gitsync.git.program import failed
from gitsync.git.repository import tree_of
from gitsync.git.rules import config
from gitsync.git.rules.attributes import Attributes, LaidOut
from gitsync.text import clean

if TYPE_CHECKING:
    from gitsync.git.repository import Mergeable

# git's own rule for binary content: a NUL in the first 8000 bytes.
_SNIFFED = 8000
LINES_MAX = 32 << 20
# The exit status of git merge-file when it failed; below it, the status is the number of conflicts.
_FAILED = 128


class MergeKind(StrEnum):
    """How the attributes want a path to be merged: by LINES (the default), as a UNION of lines, or as a WHOLE."""

    LINES = "lines"
    UNION = "union"
    WHOLE = "whole"


class LineMerger:
    """Merges files of one repository by line, with the attributes that any of `commits` has."""

    def __init__(self, worktree: Mergeable, commits: tuple[str, ...]) -> None:
        self._worktree = worktree
        self._commits = commits
        self._settings = config.read(Path(worktree.root))

    def kind(self, path: bytes) -> MergeKind:
        """Return how to merge `path`; where two commits disagree, the more careful way.

        A file with a filter (git-lfs) is merged as a whole, and so is one with a merge driver of the user's: drivers
        are not run.
        """
        kinds = {self._kind(path, commit) for commit in self._commits}
        return next(kind for kind in (MergeKind.WHOLE, MergeKind.UNION, MergeKind.LINES) if kind in kinds)

    def _kind(self, path: bytes, commit: str) -> MergeKind:
        told = self._attributes(path, commit)
        if told.merge == "unset" or told.filter:
            return MergeKind.WHOLE
        if told.merge not in ("unspecified", "set", "text"):
            return MergeKind.UNION if told.merge == "union" else MergeKind.WHOLE
        return MergeKind.LINES

    def _attributes(self, path: bytes, commit: str) -> Attributes:
        laid = LaidOut(self._worktree.store, tree_of(self._worktree, commit), self._worktree.repo_state_dir)
        try:
            return laid.of([path], self._settings)[path]
        finally:
            laid.close()

    def is_text(self, data: bytes) -> bool:
        """Return whether content is text, so that merging by line makes sense."""
        return len(data) <= LINES_MAX and b"\0" not in data[:_SNIFFED]

    def merge(self, base: bytes, one: bytes, other: bytes, *, is_union: bool = False) -> bytes | None:
        """Return the merged content, or None for a conflict, where `is_union` takes the lines of both versions instead.

        Raise OperationError when git could not run (disk full, git missing).
        """
        worktree = self._worktree
        try:
            with tempfile.TemporaryDirectory(prefix="lines-", dir=worktree.repo_state_dir) as scratch:
                paths = [Path(scratch, name) for name in ("one", "base", "other")]
                for path, data in zip(paths, (one, base, other), strict=True):
                    path.write_bytes(data)
                options = ("--union",) if is_union else ()
                done = worktree.program.run("merge-file", "-p", "-q", *options, *map(str, paths))
        except OSError as error:
            raise storage_error(f"cannot merge a file of {clean(worktree.root)}", error) from error
        if not 0 <= done.returncode < _FAILED:
            raise failed(f"cannot merge a file of {clean(worktree.root)} by line", done)
        return done.stdout if done.returncode == 0 else None
