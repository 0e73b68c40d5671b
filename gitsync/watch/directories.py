"""Lists the directories of a work tree, and which of them to watch.

Runs on its caller's thread; owns nothing. Reads only names and types, never a file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator

# Whether nothing below a directory (its path relative to the root) is watched: it is ignored, or a separate repository.
# It is called again for the same path after a change, so it must read the current state, and must not raise.
# It may have a method `rest`, which is called after a while without calls (see `rest`).
Prune = Callable[[bytes], bool]
# Its name, and its own ".": each subdirectory has one link more, its "..".
_NO_SUBDIRECTORY = 2


def rest(prune: Prune) -> None:
    """Let `prune` let go of what its answers needed, if it has anything of the kind."""
    let_go = getattr(prune, "rest", None)
    if let_go is not None:
        let_go()


def learn(prune: Prune, paths: Iterable[bytes]) -> None:
    """Let `prune` find the answers for many paths at once, if it can, before it is called for each."""
    find = getattr(prune, "learn", None)
    if find is not None:
        find(paths)


class Node:
    """One watched directory; its path is derived from its parents, so a moved tree is renamed in one place.

    `is_nested`: the work tree of another repository, watched only for its creation and removal. `is_marker`: the git
    directory of a repository in the tree, watched for commits there; it may be anywhere on disk.
    """

    __slots__ = ("children", "is_marker", "is_nested", "name", "parent", "wd")

    def __init__(self, parent: Node | None, name: bytes, wd: int) -> None:
        self.parent = parent
        self.name = name
        self.wd = wd
        self.children: dict[bytes, Node] | None = None
        self.is_nested = False
        self.is_marker = False

    @property
    def path(self) -> bytes:
        """Its path relative to the root, b"" for the root."""
        names = []
        node = self
        while node.parent is not None:
            names.append(node.name)
            node = node.parent
        return b"/".join(reversed(names))

    def child(self, name: bytes) -> Node | None:
        """Return the watched directory of that name in this one."""
        return self.children.get(name) if self.children else None

    def holds(self, other: Node) -> bool:
        """Whether `other` is this directory or below it."""
        node: Node | None = other
        while node is not None and node is not self:
            node = node.parent
        return node is self


def list_directory(path: bytes, counting: int | None = None) -> tuple[list[bytes], bool]:
    """Return the names of the subdirectories of a directory, without symbolic links, and whether it has a `.git`.

    On the device `counting` the link count of a directory tells that it has no subdirectory; then it is not read.
    """
    if counting is not None:
        facts = os.lstat(path)
        if facts.st_nlink == _NO_SUBDIRECTORY and facts.st_dev == counting and stat.S_ISDIR(facts.st_mode):
            return [], has_git(path)
    names = []
    is_repository = False
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name == b".git":
                is_repository = True
            elif entry.is_dir(follow_symlinks=False):
                names.append(entry.name)
    return names, is_repository


def directories(root: bytes, prune: Prune) -> Iterator[tuple[bytes, bool]]:
    """Yield every directory below `root` that is to be watched, relative to it, and whether it is a repository.

    Unreadable directories are not entered.
    """
    stack = [b""]
    while stack:
        path = stack.pop()
        try:
            names, _ = list_directory(root + b"/" + path if path else root)
        except OSError:
            continue  # removed, or unreadable: the latter is among the tree's problems
        for name in names:
            below = path + b"/" + name if path else name
            if not prune(below):
                stack.append(below)
                yield below, False
            elif has_git(root + b"/" + below):
                yield below, True


def has_git(directory: bytes) -> bool:
    """Whether a directory has a `.git` of any kind."""
    return os.path.lexists(directory + b"/.git")


def git_directory(directory: bytes) -> bytes | None:
    """Return the git directory that `.git` in `directory` is or refers to, None when there is none."""
    marker = directory + b"/.git"
    if os.path.isdir(marker):
        return marker
    try:
        # The `.git` file of a submodule or linked work tree; a FIFO of that name must not block.
        fd = os.open(marker, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None  # removed, or not readable: only the periodic scan sees commits there
    try:
        text = os.read(fd, 4096) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)
    if not text.startswith(b"gitdir:"):
        return None
    return os.path.join(directory, text[len(b"gitdir:") :].strip())
