"""The inotify watches of a work tree, and the path of each watched directory.

Runs on the observer's thread, which owns it. Theory of operation:

- A directory is watched first and listed afterwards, so a new entry is in the listing or in an event.
- Whatever an event says about a directory, `cover` examines the current state and adapts the tree: it may be called at
  any time, any number of times, in any order, and its cost depends on what it finds. Renames need no special case to be
  correct; `move` only avoids removing and adding all watches of a renamed tree.
- The kernel identifies a directory by its inode: watching one that is watched already returns the same descriptor,
  whatever its path. So a descriptor that is returned for a second path *is* the directory that moved there.
- Not watched are directories that `prune` selects, and `.git`. A pruned directory with a `.git` has two watches: one on
  the directory, to see that `.git` is removed, and one on its git directory, to see commits there.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass

from gitsync.watch import syscalls
from gitsync.watch.directories import Node, Prune, directories, git_directory, has_git, learn, list_directory
from gitsync.watch.syscalls import Watches

# Both IN_MODIFY and IN_CLOSE_WRITE: a file that is written continuously is never closed, and a write through mmap is
# visible at close only. Reads and opens are left out, or reading a file here would cause the next read.
MASK = (
    syscalls.IN_CREATE
    | syscalls.IN_MODIFY
    | syscalls.IN_CLOSE_WRITE
    | syscalls.IN_MOVED_FROM
    | syscalls.IN_MOVED_TO
    | syscalls.IN_DELETE
    | syscalls.IN_ATTRIB
    | syscalls.IN_ONLYDIR
    | syscalls.IN_DONT_FOLLOW
    | syscalls.IN_EXCL_UNLINK
)
ROOT_MASK = MASK | syscalls.IN_DELETE_SELF | syscalls.IN_MOVE_SELF
ENTRY_MASK = (
    syscalls.IN_CREATE
    | syscalls.IN_DELETE
    | syscalls.IN_MOVED_FROM
    | syscalls.IN_MOVED_TO
    | syscalls.IN_ONLYDIR
    | syscalls.IN_DONT_FOLLOW
)
# How many directories are covered or dropped between two calls of `breathe`.
BREATH = 256


class RootVanishedError(Exception):
    """The root is no longer the directory that was watched at the start."""


class OutOfWatchesError(Exception):
    """The kernel allows no more watches, or no inotify instance; `error_number` says which."""

    def __init__(self, error_number: int) -> None:
        super().__init__(os.strerror(error_number))
        self.error_number = error_number


@dataclass(frozen=True, slots=True)
class WatchCoverage:
    """The watched directories compared with the existing ones."""

    missing: frozenset[bytes]
    stale: frozenset[bytes]


class WatchTree:
    """The watches of one work tree. `breathe` is called regularly during long operations.

    `max_watches` overrides the kernel's limit. Methods raise RootVanishedError and OutOfWatchesError.
    """

    def __init__(
        self, root: bytes, inotify: Watches, prune: Prune, breathe: Callable[[], None], max_watches: int | None = None
    ) -> None:
        self.root = root
        self.prune = prune
        self.nodes: dict[int, Node] = {}
        self.problems: dict[bytes, str] = {}
        self.is_doubtful = False
        self._inotify = inotify
        self._breathe = breathe
        self._max_watches = max_watches
        self._work = 0
        self._identity = self._look_at_root()
        self._counting = self._identity[0] if syscalls.counts_subdirectories(root) else None
        self.top = Node(None, b"", -1)

    def rebuild(self) -> None:
        """Adapt the whole tree to the current state."""
        self.check_root()
        try:
            wd = self._inotify.add(self.root, ROOT_MASK)
        except OSError as error:
            raise self._translate(error) from error
        if self.top.wd not in (-1, wd):
            raise RootVanishedError
        self.top.wd = wd
        self.nodes[wd] = self.top
        self._cover(self._list(self.top))
        self.is_doubtful = False

    def cover(self, parent: Node, name: bytes) -> Node | None:
        """Adapt the tree to the current state from that entry of `parent` on; return its node if it is watched."""
        self._cover([(parent, name)])
        return parent.child(name)

    def move(self, node: Node, parent: Node, name: bytes) -> None:
        """Give `node` and everything below it a new path; `parent` is watched, and `cover` must follow."""
        if node.holds(parent):
            self.is_doubtful = True
            return
        self._detach(node)
        there = parent.child(name)
        if there is not None:
            self.drop(there)
        self._attach(node, parent, name)

    def drop(self, node: Node) -> None:
        """Remove the watches of a directory and of everything below it."""
        if self.problems:
            self._forget_problems(node.path)
        self._detach(node)
        stack = [node]
        while stack:
            gone = stack.pop()
            if self.nodes.get(gone.wd) is gone:
                del self.nodes[gone.wd]
                self._inotify.remove(gone.wd)
            if gone.children:
                stack.extend(gone.children.values())
            self._tick()

    def check_root(self) -> None:
        """Raise RootVanishedError unless the root is still the same directory."""
        if self._look_at_root() != self._identity:
            raise RootVanishedError

    def coverage(self) -> WatchCoverage:
        """Return the directories that should be watched and are not, and the reverse; changes nothing."""
        watched = {node.path for node in self.nodes.values() if not node.is_marker}
        there = dict(directories(self.root, self.prune))
        there[b""] = False
        # An ignored directory that becomes a repository is not detected, and need not be.
        wanted = {path for path, is_nested in there.items() if not is_nested}
        return WatchCoverage(frozenset(wanted - watched - self.problems.keys()), frozenset(watched - there.keys()))

    def _cover(self, stack: list[tuple[Node, bytes]]) -> None:
        while stack:
            parent, name = stack.pop()
            # The parent may have been dropped since this was put on the stack.
            if self.nodes.get(parent.wd) is not parent:
                continue
            node = self._watch(parent, name)
            if node is not None:
                stack.extend(self._list(node))
            self._tick()

    def _watch(self, parent: Node, name: bytes) -> Node | None:
        above = parent.path
        path = above + b"/" + name if above else name
        child = parent.child(name)
        full = self.root + b"/" + path
        is_nested = self.prune(path)
        if is_nested and not has_git(full):
            self.problems.pop(path, None)
            if child is not None:
                self.drop(child)
            return None
        if child is None:
            self._check_limit()
        try:
            wd = self._inotify.add(full, ENTRY_MASK if is_nested else MASK)
        except OSError as error:
            self._failed(path, child, error)
            return None
        self.problems.pop(path, None)
        known = self.nodes.get(wd)
        if known is None:
            if child is not None:
                self.drop(child)
            known = self.nodes[wd] = Node(parent, name, wd)
            self._attach(known, parent, name)
        elif known is not child:
            self.move(known, parent, name)
            if self.is_doubtful:
                return None
        known.is_nested, known.is_marker = is_nested, False
        return known

    def _list(self, node: Node) -> list[tuple[Node, bytes]]:
        """Return the subdirectories of `node` that must be covered; drop those that no longer exist."""
        path = node.path
        full = self.root + b"/" + path if path else self.root
        names: list[bytes] = []
        is_repository = node.is_nested
        if not node.is_nested:
            try:
                names, is_repository = list_directory(full, self._counting)
            except OSError as error:
                self._failed(path, node if node is not self.top else None, error)
                return []
        if is_repository and node is not self.top:
            self._mark(node, full)
        if node.children:
            for name in node.children.keys() - set(names):
                if not (is_repository and name == b".git"):
                    self.drop(node.children[name])
        if names:
            learn(self.prune, [path + b"/" + name for name in names] if path else names)
        return [(node, name) for name in names]

    def _mark(self, node: Node, full: bytes) -> None:
        """Watch the git directory of a repository in the tree; without it, commits there are detected late, not
        never.
        """
        marker = node.child(b".git")
        directory = git_directory(full)
        wd = -1
        if directory is not None:
            if marker is None:
                self._check_limit()
            try:
                # Added to an existing mask: the git directory may be among the watched directories of the tree.
                wd = self._inotify.add(directory, ENTRY_MASK | syscalls.IN_MASK_ADD)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise OutOfWatchesError(errno.ENOSPC) from error
        if marker is not None and marker.wd != wd:
            self.drop(marker)
        if wd >= 0 and wd not in self.nodes:
            made = self.nodes[wd] = Node(node, b".git", wd)
            made.is_marker = True
            self._attach(made, node, b".git")

    def _check_limit(self) -> None:
        if self._max_watches is not None and len(self.nodes) >= self._max_watches:
            raise OutOfWatchesError(errno.ENOSPC)

    def _failed(self, path: bytes, node: Node | None, error: OSError) -> None:
        if syscalls.is_gone(error):
            # After a rename of a directory above the root, no path is valid.
            self.check_root()
            self.problems.pop(path, None)
            if node is not None:
                self.drop(node)
        elif error.errno == errno.ENOSPC:
            raise OutOfWatchesError(errno.ENOSPC) from error
        elif error.errno in (errno.ENOMEM, errno.EMFILE, errno.ENFILE):
            raise error
        else:
            self.problems[path] = error.strerror or str(error)

    def _translate(self, error: OSError) -> Exception:
        if syscalls.is_gone(error):
            return RootVanishedError()
        return OutOfWatchesError(errno.ENOSPC) if error.errno == errno.ENOSPC else error

    def _attach(self, node: Node, parent: Node, name: bytes) -> None:
        node.parent, node.name = parent, name
        if parent.children is None:
            parent.children = {}
        parent.children[name] = node

    def _detach(self, node: Node) -> None:
        siblings = node.parent.children if node.parent is not None else None
        if siblings is not None and siblings.get(node.name) is node:
            del siblings[node.name]

    def _forget_problems(self, path: bytes) -> None:
        for known in [known for known in self.problems if known == path or known.startswith(path + b"/")]:
            del self.problems[known]

    def _look_at_root(self) -> tuple[int, int]:
        try:
            facts = os.lstat(self.root)
        except OSError as error:
            raise RootVanishedError from error
        return facts.st_dev, facts.st_ino

    def _tick(self) -> None:
        self._work += 1
        if self._work % BREATH == 0:
            self._breathe()
