"""Commits made of nothing but a table of files, in a real repository: what merges are about, without a work tree.

It lies about the time of commits, which it takes as it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pygit2

from gitsync.core.conflict import Rules
from gitsync.git.merging.threeway import Merged, merge
from gitsync.git.objects.commits import write_commit
from gitsync.git.objects.loose import LooseWriter
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_FILE, MODE_GITLINK, MODE_LINK
from gitsync.git.objects.store import BLOB, object_id_of
from gitsync.git.objects.trees import TreeEntry, edit_tree, walk
from gitsync.git.rules.identity import Person
from gitsync.git.staging.worktree import Worktree
from tests.conftest import run_git


class File(NamedTuple):
    """What is at a path; of a submodule `data` is its commit in hex."""

    data: bytes
    mode: int = MODE_FILE


def program(data: bytes) -> File:
    """Return an executable file."""
    return File(data, MODE_EXECUTABLE)


def link(target: bytes) -> File:
    """Return a symbolic link."""
    return File(target, MODE_LINK)


def module(commit: str) -> File:
    """Return a submodule's entry."""
    return File(commit.encode(), MODE_GITLINK)


Files = Mapping[str, bytes | File]


class History:
    """A repository of commits that are made of tables."""

    def __init__(self, directory: Path) -> None:
        root = directory / "history"
        root.mkdir()
        run_git(root, "init", "-q")
        self.worktree = Worktree(root, directory / "history-notes")
        self.store = self.worktree.store
        self._count = 0

    def close(self) -> None:
        """Let go of the repository."""
        self.worktree.close()

    def commit(self, files: Files, *parents: str, at: float | None = None) -> str:
        """Store a commit and return its id; each is made a minute after the one before, or at `at`."""
        entries: dict[bytes, TreeEntry | None] = {}
        writer = LooseWriter(self.store)
        for name, file in files.items():
            found = file if isinstance(file, File) else File(file)
            is_module = found.mode == MODE_GITLINK
            stored = found.data.decode() if is_module else writer.write(BLOB, found.data)
            entries[name.encode("utf-8", "surrogateescape")] = TreeEntry(found.mode, stored)
        return self._commit(edit_tree(writer, None, entries), parents, at, writer)

    def commit_tree(self, tree: str | None, *parents: str, at: float | None = None) -> str:
        """Store a commit of a tree that is there."""
        assert tree is not None
        return self._commit(tree, parents, at, LooseWriter(self.store))

    def _commit(self, tree: str, parents: tuple[str, ...], at: float | None, writer: LooseWriter) -> str:
        self._count += 1
        who = Person("Ada", "ada@example.org")
        wall = 1_600_000_000 + 60 * self._count if at is None else at
        return write_commit(self.store, tree, list(parents), f"commit {self._count}", who, who, wall, writer)

    def merge(self, ours: str, theirs: str, policy: str = "keep-both", **patterns: str) -> Merged:
        """Merge two commits; `patterns` are policies by pattern."""
        return merge(self.worktree, ours, theirs, Rules.of(policy, tuple(patterns.items())))

    def tree_of(self, commit: str) -> str:
        """Return the tree of a commit."""
        return str(self.worktree.repo[commit].peel(pygit2.Tree).id)

    def files(self, commit: str | None) -> dict[str, bytes | File]:
        """Return the table of a commit or a tree: plain files as their bytes."""
        assert commit is not None
        found: dict[str, bytes | File] = {}
        for path, entry in walk(self.store, self.tree_of(commit)):
            data = entry.id.encode() if entry.mode == MODE_GITLINK else self.store.read(entry.id)[1]
            name = path.decode("utf-8", "surrogateescape")
            found[name] = data if entry.mode == MODE_FILE else File(data, entry.mode)
        return found

    def blob(self, data: bytes) -> str:
        """Return the id that a content has."""
        return object_id_of(BLOB, data)
