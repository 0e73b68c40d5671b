"""Interprets inotify events for a work tree: paths and trees to examine, and watches to move.

Runs on the observer's thread, which owns it. Has no thread, queue or clock: events in, hints out.
"""

from __future__ import annotations

import errno
import os

from gitsync.watch import syscalls
from gitsync.watch.directories import Node
from gitsync.watch.syscalls import Event
from gitsync.watch.tree import RootVanishedError, WatchTree

# Events that concern more than the content of a file, and names that do.
_UNCOMMON = (
    syscalls.IN_ISDIR
    | syscalls.IN_Q_OVERFLOW
    | syscalls.IN_IGNORED
    | syscalls.IN_UNMOUNT
    | syscalls.IN_DELETE_SELF
    | syscalls.IN_MOVE_SELF
)
_ENTRY = syscalls.IN_CREATE | syscalls.IN_DELETE | syscalls.IN_MOVED_FROM | syscalls.IN_MOVED_TO
_DEPARTURE = syscalls.IN_DELETE | syscalls.IN_MOVED_FROM
_ROOT_GONE = syscalls.IN_DELETE_SELF | syscalls.IN_MOVE_SELF | syscalls.IN_UNMOUNT | syscalls.IN_IGNORED
# Names that change in a git directory when its HEAD moves: git creates the lock, libgit2 writes the index.
_HEAD_NAMES = frozenset((b"HEAD", b"HEAD.lock", b"index"))
_SPECIAL_NAMES = frozenset((b".git", b".gitignore"))
# The other half of a rename follows at once; if it is further away, the rename is treated as two separate changes,
# which is as correct but costs more.
PAIR_WITHIN = 64


class Digest:
    """Collects the results of events and directory scans, until it is emptied.

    `is_stale` means that the ignore rules have changed since the tree was built.
    """

    def __init__(self, tree: WatchTree) -> None:
        self._tree = tree
        self.empty()

    def empty(self) -> None:
        """Start again with no results."""
        self.paths: set[bytes] = set()
        self.trees: set[bytes] = set()
        self.reasons: set[str] = set()
        self.is_stale = False

    def feed(self, events: list[Event]) -> None:
        """Process events in the kernel's order. Raise what the tree raises, and RootVanishedError."""
        prefixes: dict[int, bytes | None] = {}
        moved_heads: set[int] = set()
        add = self.paths.add
        for index, (wd, mask, cookie, name) in enumerate(events):
            if mask & _UNCOMMON or name in _SPECIAL_NAMES:
                if mask & syscalls.IN_Q_OVERFLOW:
                    self._tree.rebuild()
                    self.reasons.add("inotify overflow")
                elif (node := self._tree.nodes.get(wd)) is not None:
                    self._uncommon(node, mask, name, events, index, cookie)
                # Directories may have other paths now.
                prefixes.clear()
                continue
            if wd in prefixes:
                prefix = prefixes[wd]
            else:
                prefix = prefixes[wd] = self._prefix(wd)
            if prefix is None:
                if name in _HEAD_NAMES:
                    moved_heads.add(wd)
            elif name:
                add(prefix + name)
        for wd in moved_heads:
            marker = self._tree.nodes.get(wd)
            if marker is not None and marker.is_marker:
                self._repository(marker)

    def _prefix(self, wd: int) -> bytes | None:
        """Return the prefix of names in that directory, None when they are not to be noted."""
        node = self._tree.nodes.get(wd)
        if node is None or node.is_nested or node.is_marker:
            return None
        return node.path + b"/" if node.parent is not None else b""

    def _repository(self, marker: Node) -> None:
        """A repository in the tree has a new commit, or has only now become one."""
        node = marker.parent
        if node is not None and node.parent is not None:
            self._look_again(node, node.parent)

    def _look_again(self, node: Node, parent: Node) -> None:
        """A directory may have become a separate repository, or stopped being one."""
        was_nested = node.is_nested
        self.paths.add(node.path)
        found = self._tree.cover(parent, node.name)
        if found is not None and was_nested and not found.is_nested:
            self.trees.add(found.path)

    def _uncommon(self, node: Node, mask: int, name: bytes, events: list[Event], index: int, cookie: int) -> None:
        tree = self._tree
        if mask & _ROOT_GONE:
            if node is tree.top:
                raise RootVanishedError
            if node.is_marker:
                self._repository(node)
            elif mask & (syscalls.IN_IGNORED | syscalls.IN_UNMOUNT) and node.parent is not None:
                parent, name = node.parent, node.name
                self.trees.add(node.path)
                tree.drop(node)
                tree.cover(parent, name)
        elif not name:
            if node is tree.top:
                self._root_attributes()
        elif node.is_marker:
            pass
        elif name == b".git":
            self._git_entry(node, mask)
        elif node.is_nested:
            pass
        elif mask & syscalls.IN_ISDIR:
            self._directory(node, mask, name, events, index, cookie)
        else:
            self.paths.add((self._prefix(node.wd) or b"") + name)
            self.is_stale = True

    def _git_entry(self, node: Node, mask: int) -> None:
        """A `.git` was created or removed."""
        if not mask & _ENTRY:
            return
        if node.parent is None:
            self.reasons.add("the .git of the work tree was replaced")
        else:
            self._look_again(node, node.parent)

    def _directory(self, parent: Node, mask: int, name: bytes, events: list[Event], index: int, cookie: int) -> None:
        tree = self._tree
        path = (self._prefix(parent.wd) or b"") + name
        child = parent.child(name)
        if mask & syscalls.IN_ATTRIB and not mask & _ENTRY:
            self._attributes(parent, name, path, child)
            return
        if mask & _DEPARTURE and child is not None:
            self.trees.add(path)
            target = self._other_half(events, index, cookie) if mask & syscalls.IN_MOVED_FROM else None
            if target is None:
                tree.drop(child)
            else:
                tree.move(child, *target)
        # Whatever the event, examine what exists now.
        found = tree.cover(parent, name)
        if found is None:
            if path in tree.problems or (mask & _DEPARTURE and child is None and not tree.prune(path)):
                self.paths.add(path)
        elif found.is_nested:
            self.paths.add(path)
        else:
            self.trees.add(path)

    def _attributes(self, parent: Node, name: bytes, path: bytes, child: Node | None) -> None:
        """A directory's mode or owner changed: it may have become readable or unreadable."""
        tree = self._tree
        was_problem = tree.problems.pop(path, None) is not None
        if child is None or was_problem:
            child = tree.cover(parent, name)
            if child is not None:
                self.trees.add(path)
        if child is not None and not self._may_read(path):
            tree.problems[path] = os.strerror(errno.EACCES)

    def _root_attributes(self) -> None:
        tree = self._tree
        tree.check_root()
        if not self._may_read(b""):
            tree.problems[b""] = os.strerror(errno.EACCES)
        elif tree.problems.pop(b"", None) is not None:
            tree.rebuild()
            self.reasons.add("the root became readable")

    def _may_read(self, path: bytes) -> bool:
        return os.access(self._tree.root + b"/" + path, os.R_OK | os.X_OK)

    def _other_half(self, events: list[Event], index: int, cookie: int) -> tuple[Node, bytes] | None:
        """Return the new place of the directory of this IN_MOVED_FROM, if its other half is near and is watched."""
        for wd, mask, other, name in events[index + 1 : index + PAIR_WITHIN]:
            if other == cookie and mask & syscalls.IN_MOVED_TO:
                parent = self._tree.nodes.get(wd)
                return (parent, name) if parent is not None and not parent.is_nested else None
        return None
