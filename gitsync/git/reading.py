"""A repository to look into, without its work tree, its index and its notes.

Runs on the thread of whoever asks, who opens it and closes it again: the committer's own handle stays with the
committer. A merge that is tried through it leaves objects that no ref leads to; nothing else is written.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Protocol

import pygit2

from gitsync.errors import OperationError
from gitsync.git.heads import head_of
from gitsync.git.opening import open_repository
from gitsync.git.packs import COMMIT, ObjectStore
from gitsync.git.program import GitProgram


class Readable(Protocol):
    """What history and objects are read from: a `Reading`, or the committer's Worktree."""

    root: str
    repo: pygit2.Repository
    program: GitProgram
    store: ObjectStore


class Mergeable(Readable, Protocol):
    """What a merge can be tried in; it leaves objects behind, and nothing else."""

    notes_dir: Path


class Reading:
    """A repository of one's own, for reading."""

    def __init__(self, root: Path, notes_dir: Path) -> None:
        """Open the repository whose work tree begins at `root`; raise OperationError as `open_repository` does."""
        self.root = os.path.realpath(root)
        self.notes_dir = notes_dir
        self.repo = open_repository(self.root)
        self.program = GitProgram(self.repo.path.rstrip("/"), self.root)
        self.store = ObjectStore(self.repo, self.program)

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.repo.free()


def head_tree(place: Readable) -> tuple[str | None, str | None, str | None]:
    """Return branch (None: detached), commit and tree (None: unborn) of HEAD; raise OperationError "head"."""
    branch, head = head_of(place.repo)
    return branch, head, None if head is None else tree_of(place, head)


def tree_of(place: Readable, commit: str) -> str:
    """Return the tree of a commit; raise OperationError "missing-object" when it is not here, or damaged."""
    kind, data = place.store.read(commit)
    if kind != COMMIT:
        raise OperationError(f"object {commit} of {place.root} is no commit", code="missing-object")
    return data[5:45].decode("ascii")
