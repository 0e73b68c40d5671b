"""A person who changes a work tree at random, and somebody who knows it by hints alone.

No lies: the file system and the kernel's events are real. The rules of what is ignored are simpler than git's: a
directory is pruned when its name is a line of the root's `.gitignore`, or when it is a repository of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterable

NAMES = [b"a", b"b", b"c", b"ign", b"d\n\xff"]
RENAME_EXCHANGE = 2
Prune = Callable[[bytes], bool]


def make_prune(root: bytes) -> Prune:
    """Return the rules that are there now."""
    try:
        with open(root + b"/.gitignore", "rb") as file:
            ignored = set(file.read().split())
    except OSError:
        ignored = set()

    def is_pruned(path: bytes) -> bool:
        names = path.split(b"/")
        return bool(ignored & set(names)) or os.path.lexists(root + b"/" + path + b"/.git/HEAD")

    return is_pruned


def exchange(one: bytes, other: bytes) -> None:
    """Swap two entries at once, as renameat2 does."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, one, -100, other, RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


class View:
    """What is known of a work tree by looking only where hints point."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.known: dict[bytes, bytes] = {}
        self.look_at([], [b""])

    def look_at(self, paths: Iterable[bytes], trees: Iterable[bytes], is_everything: bool = False) -> None:
        """Follow hints."""
        is_pruned = make_prune(self.root)
        for path in paths:
            full = self.root + b"/" + path
            if os.path.islink(full) or os.path.isfile(full):
                self._forget(path)
                if not self._is_hidden(path, is_pruned):
                    self.known[path] = content(full)
            elif not os.path.isdir(full) or is_pruned(path):
                self._forget(path)
            else:
                self.known.pop(path, None)  # a directory where a file was
        for tree in [b""] if is_everything else trees:
            self._forget(tree)
            if not tree or not (self._is_hidden(tree, is_pruned) or is_pruned(tree)):
                self.known.update(everything(self.root, is_pruned, tree))

    def _is_hidden(self, path: bytes, is_pruned: Prune) -> bool:
        names = path.split(b"/")
        return any(is_pruned(b"/".join(names[:depth])) for depth in range(1, len(names)))

    def _forget(self, path: bytes) -> None:
        for known in list(self.known):
            if path == b"" or known == path or known.startswith(path + b"/"):
                del self.known[known]


def content(full: bytes) -> bytes:
    """Return what a file or link says."""
    if os.path.islink(full):
        return b"-> " + os.readlink(full)
    with open(full, "rb") as file:
        return b"%o " % (os.fstat(file.fileno()).st_mode & 0o100) + file.read()


def everything(root: bytes, is_pruned: Prune, below: bytes = b"") -> dict[bytes, bytes]:
    """Return all files below a directory that are not ignored, with what they say."""
    found = {}
    top = root + b"/" + below if below else root
    if os.path.islink(top) or not os.path.isdir(top):
        return {below: content(top)} if os.path.lexists(top) else {}
    for name in os.listdir(top):
        path = below + b"/" + name if below else name
        full = root + b"/" + path
        if name == b".git":
            continue
        if os.path.islink(full) or os.path.isfile(full):
            found[path] = content(full)
        elif not is_pruned(path):
            found.update(everything(root, is_pruned, path))
    return found


class Vandal:
    """Makes random changes to `root`, with the directory `outside` to move things to and from."""

    def __init__(self, seed: int, root: bytes, outside: bytes) -> None:
        self._random = random.Random(seed)
        self._root = root
        self._outside = outside
        self._count = 0
        self._acts = [
            (self._write, 8),
            (self._make, 6),
            (self._make_deep, 3),
            (self._remove, 3),
            (self._rename, 8),
            (self._swap, 2),
            (self._move_out, 2),
            (self._move_in, 3),
            (self._link, 1),
            (self._change_mode, 1),
            (self._ignore, 1),
            (self._init, 1),
            (self._deinit, 1),
            (self._hard_link, 1),
        ]

    def act(self) -> None:
        """Change one thing, or fail to, as people do."""
        acts, weights = zip(*self._acts, strict=True)
        # A random path may not be there or be of the wrong kind: the next act is another one.
        with contextlib.suppress(OSError):
            self._random.choices(acts, weights)[0]()

    def everywhere(self) -> None:
        """Write a file into every directory."""
        for top, names, _ in os.walk(self._root):
            if b".git" in names:
                names.remove(b".git")
            self._put(top + b"/last")

    def _directory(self) -> bytes:
        path = self._root
        while self._random.random() < 0.7:
            names = [e.name for e in os.scandir(path) if e.is_dir(follow_symlinks=False) and e.name != b".git"]
            if not names:
                break
            path += b"/" + self._random.choice(sorted(names))
        return path

    def _place(self) -> bytes:
        return self._directory() + b"/" + self._random.choice(NAMES)

    def _put(self, path: bytes) -> None:
        self._count += 1
        with open(path, "ab" if self._random.random() < 0.3 else "wb") as file:
            file.write(b"%d\n" % self._count)

    def _write(self) -> None:
        self._put(self._directory() + b"/" + self._random.choice([b"f", b"g", *NAMES]))

    def _make(self) -> None:
        os.mkdir(self._place())

    def _make_deep(self) -> None:
        path = self._place() + b"/" + self._random.choice(NAMES) + b"/" + self._random.choice(NAMES)
        os.makedirs(path, exist_ok=True)
        self._put(path + b"/f")

    def _remove(self) -> None:
        path = self._place()
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def _rename(self) -> None:
        os.rename(self._place(), self._place())

    def _swap(self) -> None:
        exchange(self._place(), self._place())

    def _move_out(self) -> None:
        os.rename(self._place(), self._outside + b"/%d" % self._random.randrange(6))

    def _move_in(self) -> None:
        source = self._outside + b"/%d" % self._random.randrange(6)
        if not os.path.lexists(source):
            os.makedirs(source + b"/a/b/c")
            self._put(source + b"/a/b/f")
        os.rename(source, self._place())

    def _link(self) -> None:
        # Links that lead nowhere: acting through one that leads out of the tree would change the machine.
        os.symlink(self._random.choice([b"nowhere/1", b"nowhere/2"]), self._place())

    def _hard_link(self) -> None:
        # The old name goes at once: a write through another name of a file is an event of that name alone.
        old = self._place()
        os.link(old, self._place())
        os.unlink(old)

    def _change_mode(self) -> None:
        os.chmod(self._directory() + b"/f", self._random.choice([0o644, 0o755]))

    def _ignore(self) -> None:
        with open(self._root + b"/.gitignore", "wb") as file:
            file.write(self._random.choice([b"", b"ign\n", b"a\n", b"ign\nb\n"]))

    def _init(self) -> None:
        path = self._directory()
        if path != self._root:
            os.mkdir(path + b"/.git")
            self._put(path + b"/.git/HEAD")

    def _deinit(self) -> None:
        for top, names, _ in os.walk(self._root):
            if b".git" in names:
                shutil.rmtree(top + b"/.git")
                return


def main() -> None:
    """Run as a program: SEED ROOT OUTSIDE STEPS."""
    vandal = Vandal(int(sys.argv[1]), os.fsencode(sys.argv[2]), os.fsencode(sys.argv[3]))
    for _ in range(int(sys.argv[4])):
        vandal.act()
    vandal.everywhere()


if __name__ == "__main__":
    main()
