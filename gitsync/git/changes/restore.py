"""Restores a selected version as one new commit. Runs on the committer thread, after everything pending is committed.

Like a merge, the change is checked first, made under a journal, and refused where a file holds content that history
does not have. An untracked file that a version replaces (ignored or quarantined) is kept by a backup ref.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gitsync.errors import OperationError
from gitsync.git.applying.apply import OvertakenError, put
from gitsync.git.objects.trees import TreeEntry, diff, edit_tree, lookup
from gitsync.git.program import failed
from gitsync.git.repository import head_of, tree_of
from gitsync.git.staging.worktree import Worktree
from gitsync.model import CommitInfo
from gitsync.text import as_word, clean

SHOWN_NAMES = 3


@dataclass(frozen=True, slots=True)
class Restored:
    """The new commit, None when nothing differed, and what is kept by backup refs."""

    commit: CommitInfo | None
    kept: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Restoring:
    """A restore to be made in a work tree; one instance is called once for each attempt.

    `entries` are the files to write, those in `gone` are removed; `beside` returns further paths that belong to the
    version, given HEAD's tree, and `edited` the tracked paths with edits outside the work tree. Created on any thread,
    used on the committer thread.
    """

    entries: Mapping[bytes, TreeEntry]
    gone: frozenset[bytes]
    message: str
    author: str = ""
    beside: Callable[[Worktree, str | None], Mapping[bytes, TreeEntry]] | None = None
    edited: Callable[[], frozenset[bytes]] | None = None
    _tries: int = field(default=0, init=False)

    def __call__(self, worktree: Worktree) -> Restored:
        """Restore it; raise OvertakenError when edits must be committed first, and what `put` raises."""
        self._tries += 1
        self._wait_for_edits(worktree)
        store = worktree.store
        head = head_of(worktree.repo)[1]
        base = None if head is None else tree_of(worktree, head)
        there = {path for path in self.gone if lookup(store, base, path) is not None}
        more = self.beside(worktree, base) if self.beside is not None else {}
        tree = edit_tree(store, base, {**dict.fromkeys(there), **more, **self.entries})
        changes = diff(store, base, tree)
        # A file in the place of a directory that comes back is in history by now, and has to make room.
        above = {path[:at] for path in self.entries for at in range(len(path)) if path[at : at + 1] == b"/"}
        unexpected = [path for path, (_, new) in changes.items() if new is None and path not in self.gone | above]
        if unexpected:
            raise OperationError(
                f"{clean(worktree.root)} has changed meanwhile: {_names(unexpected)} would be removed, too",
                "try again",
                code="overtaken",
            )
        if not changes:
            self._check_there(worktree)
            return Restored(None)
        # The first attempt leaves untracked files alone: they may be new, and are committed before the second one.
        is_new = self._tries > 1
        new = frozenset(path for path, (old, now) in changes.items() if old is None and now is not None)
        before = {path for path in new if os.path.lexists(os.path.join(os.fsencode(worktree.root), path))}
        try:
            done = put(
                worktree,
                tree,
                message=self.message,
                reason="restore",
                author=self.author,
                displaced=new if is_new else frozenset(),
            )
        except OperationError as error:
            if error.code == "blocked" and before and not is_new:
                raise OvertakenError(error.message, tuple(sorted(before))) from error
            raise
        return Restored(done.commit, tuple(sorted(before & set(done.paths))) if is_new else ())

    def _wait_for_edits(self, worktree: Worktree) -> None:
        elsewhere = self.edited() if self.edited is not None else frozenset()
        found = tuple(sorted(elsewhere & (self.entries.keys() | self.gone)))
        if found:
            raise OvertakenError(f"{clean(worktree.root)}: not committed yet: {_names(found)}", found)

    def _check_there(self, worktree: Worktree) -> None:
        """HEAD has the version: raise when the work tree has not, because of uncommitted edits."""
        done = worktree.program.run(
            "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no"
        )  # fmt: skip
        if not done.ok:
            raise failed(f"git status failed in {clean(worktree.root)}", done)
        wanted = {*self.entries, *self.gone}
        edited = tuple(sorted(line[3:] for line in done.stdout.split(b"\0") if line[3:] in wanted))
        if not edited:
            return
        if self._tries < 2:
            raise OvertakenError(f"{clean(worktree.root)}: not committed yet: {_names(edited)}", edited)
        raise OperationError(
            f"{clean(worktree.root)}: nothing was changed: {_names(edited)}: there are edits that cannot be committed",
            f"see why: gitsyncctl explain {as_word(os.path.join(worktree.root, os.fsdecode(edited[0])))}",
            code="blocked",
        )


def message_for(paths: list[bytes], source: str) -> str:
    """Return the message of a restore; `source` is "1a2b3c4 of 2026-03-01 14:30"."""
    names = [os.fsdecode(path) or "everything" for path in paths]
    what = names[0] if len(names) == 1 else f"{len(names)} paths: {', '.join(names[:SHOWN_NAMES])}"
    return f"Restore {clean(what)} from {source}"


def _names(paths: list[bytes] | tuple[bytes, ...]) -> str:
    more = f" and {len(paths) - SHOWN_NAMES} more" if len(paths) > SHOWN_NAMES else ""
    return ", ".join(clean(os.fsdecode(path)) for path in sorted(paths)[:SHOWN_NAMES]) + more
