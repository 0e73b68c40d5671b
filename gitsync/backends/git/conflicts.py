"""Conflict copies that merges of a git job created: they stay in `conflicts` until the user has resolved them.

On the thread that owns the work tree; what is open is remembered in `conflicts.json` of the job's notes. A conflict
copy is resolved when it is no longer on its branch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from gitsync.backends.base import Item, Level, Order
from gitsync.git.objects.trees import lookup
from gitsync.git.repository import tree_of
from gitsync.git.staging.worktree import Worktree
from gitsync.text import as_word, escape


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy on a branch, and the path that it is another version of."""

    branch: str
    path: str
    copy: str

    def label(self, current: str | None) -> str:
        """Return the copy's path where its branch is checked out, else BRANCH:PATH, as git names it."""
        return self.copy if self.branch == current else f"{self.branch}:{self.copy}"


def read(found: Mapping[str, object]) -> list[Kept]:
    """Return what was written with `write`; invalid data is ignored."""
    items = found.get("kept")
    rows = items if isinstance(items, list) else []
    return [Kept(*map(str, row)) for row in rows if isinstance(row, list) and len(row) == 3]


def write(kept: list[Kept]) -> dict[str, object]:
    """Return the form in which conflicts are stored."""
    return {"kept": [[item.branch, item.path, item.copy] for item in kept]}


def still_open(worktree: Worktree, kept: list[Kept], branches: Mapping[str, str]) -> list[Kept]:
    """Return those of `kept` whose copy is still on its branch; `branches` are the commits here."""
    trees = {name: tree_of(worktree, branches[name]) for name in {item.branch for item in kept} & branches.keys()}
    return [
        item
        for item in dict.fromkeys(kept)
        if item.branch in trees and lookup(worktree.store, trees[item.branch], os.fsencode(item.copy)) is not None
    ]


def told(order: Order, item: Kept, current: str | None) -> Item:
    """Return the report of a conflict copy that still exists."""
    path, copy, branch = escape(item.path), escape(item.copy), escape(item.branch)
    where = "" if item.branch == current else f"git -C {as_word(str(order.job.path))} switch {as_word(item.branch)}; "
    return Item(
        item.label(current),
        "conflict",
        f"{branch}: {path} was changed on both sides; both versions are kept, the other one is {copy}",
        f"{where}compare the two, delete the one that you do not want, and commit",
        Level.ATTENTION,
    )
