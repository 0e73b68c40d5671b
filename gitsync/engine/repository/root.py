"""The identity of a work tree's root: by device and inode, and on a stick by its file system and its repository.

Runs on the committer thread; owns `root.json` in the repository's state directory, so that a stick that is away at the
start is known to be away, and another directory in the root's place is noticed after a restart, too. Device numbers may
be others after a boot: then the inode alone counts.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from gitsync.engine.memory import Memory
from gitsync.git.dead_locks import when_booted
from gitsync.git.mounts import FileSystem, mounted_apart
from gitsync.git.repository import holds_commit
from gitsync.git.staging.worktree import Worktree

ROOT_FILE = "root.json"
# The time of the boot is known to so many seconds: the clock is set meanwhile.
BLUR_S = 120.0
Identity = tuple[int, int]


class Found(Enum):
    """The result of a look at the root."""

    SAME = "same"
    MISSING = "missing"
    AWAY = "away"  # its file system is not mounted
    OTHER = "other"


class Root:
    """The root that is watched; `identity` is None until it was opened."""

    def __init__(self, repo_state_dir: Path) -> None:
        self.identity: Identity | None = None
        self._is_doubtful = False
        self._memory = Memory(repo_state_dir / ROOT_FILE)

    def take(self, worktree: Worktree) -> None:
        """Note the root of the open work tree as the one that is watched, unless one is known."""
        if self.identity is not None:
            return
        self.identity = worktree.identity()
        apart = mounted_apart(worktree.root)
        if apart is None:
            here = [*self.identity, when_booted(), _git_file(worktree.root)]
            self._memory.remember(kind=None, file_system=None, commit=None, here=here)
        else:
            head = worktree.facts().head
            self._memory.remember(kind=apart.kind, file_system=apart.id, commit=head, here=None)

    def note_head(self, head: str | None) -> None:
        """Note a commit by which a stick is recognised; any one does, because history only grows."""
        if head is not None and self._file_system is not None and self._memory.get("commit") is None:
            self._memory.remember(commit=head)

    def doubt(self) -> None:
        """Have a stick recognised again: another one may have its device number and its inode."""
        self._is_doubtful = True

    def forget(self) -> None:
        """Take whatever root is there at the next opening."""
        self.identity = None
        self._memory.remember(kind=None, file_system=None, commit=None, here=None)

    def judge(self, path: str, found: Identity | None) -> Found:
        """Return what is at `path`, where a look found `found`, None for nothing."""
        known = self._file_system
        if found is None:
            return Found.MISSING if known is None else Found.AWAY
        if known is None:
            is_same = self._is_remembered(path, found) if self.identity is None else self.identity == found
            return Found.SAME if is_same else Found.OTHER
        if found == self.identity and not self._is_doubtful:
            return Found.SAME
        now = mounted_apart(path)
        if now is None:
            return Found.AWAY
        if not now.is_like(known) or not holds_commit(path, self._memory.text("commit") or ""):
            return Found.OTHER
        # The same stick, mounted again. Until it was opened, nothing is known of it in this process.
        self.identity = None if self.identity is None else found
        self._is_doubtful = self.identity is None
        return Found.SAME

    def _is_remembered(self, path: str, found: Identity) -> bool:
        """Whether the root is the one of before the start, as far as that is known."""
        here = self._memory.get("here")
        if not isinstance(here, list) or len(here) != 4:
            return True
        device, inode, booted_at, git_file = here
        if git_file is not None and git_file == _git_file(path):
            return True  # the same file of the same repository, on a device of another number
        is_this_boot = booted_at is not None and abs(booted_at - (when_booted() or 0.0)) < BLUR_S
        return found == (device, inode) if is_this_boot else found[1] == inode

    @property
    def _file_system(self) -> FileSystem | None:
        kind, id = self._memory.text("kind"), self._memory.text("file_system")
        return None if kind is None or id is None else FileSystem(kind, id)


def _git_file(root: str) -> list[int] | None:
    """Return what identifies the configuration file of the repository in `root`."""
    try:
        found = Path(root, ".git/config").stat()
    except OSError:
        return None
    return [found.st_ino, found.st_size, found.st_mtime_ns]
