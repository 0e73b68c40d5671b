"""Moves files that cannot be committed out of the way of incoming ones, and excludes the new names in
.git/info/exclude.

Runs on the committer thread; links and renames in the work tree and writes info/exclude. A file first gets a second
name by a hard link, and loses the first one when the applier exchanges it, so that it exists at every moment, also if
the merge is abandoned. Directories, and files that are open, are renamed. Neither loses anything: a program that has
the file open continues to write to it, and a crash leaves the file under one name or both. The exclusion is durable
first, so that a file that was not to be committed is not committed under its new name.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitsync import digests
from gitsync.core.conflict import copy_name
from gitsync.git.applying import atomic_replace
from gitsync.git.applying.directories import Root, parent_of
from gitsync.git.files import storage_error, write_durably
from gitsync.git.flush import full_fsync
from gitsync.git.objects.store import BLOB, common_dir, object_id_of
from gitsync.git.objects.trees import TREE, lookup
from gitsync.git.staging.worktree import Worktree
from gitsync.text import clean

logger = logging.getLogger(__name__)

_SPECIAL = b"*?[\\"


@dataclass(frozen=True, slots=True)
class Moved:
    """The file of `path` is now at `name`; with `is_linked` it stays at `path` too, until something replaces it."""

    path: bytes
    name: bytes
    is_linked: bool = False


def move_aside(
    worktree: Worktree, tree: str, in_way: Mapping[bytes, tuple[bytes, ...]], linkable: Container[bytes]
) -> tuple[Moved, ...]:
    """Keep every path of `in_way` under another name in the same directory, before `tree` is checked out.

    The values are the paths to move: the path itself, or those parts of a directory that are in the way. Raise
    OperationError when a move fails; paths moved before that stay moved.
    """
    done: list[Moved] = []
    root = os.open(worktree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path, parts in sorted(in_way.items()):
            name = _name(worktree, root, tree, path)
            if not worktree.ignores.is_ignored(name, atomic_replace.is_directory(root, path)):
                _exclude(worktree, name)
            if path in linkable and _link(root, path, name):
                done.append(Moved(path, name, is_linked=True))
            elif _move(root, path, name, parts):
                done.append(Moved(path, name))
            else:
                continue
            names = map(clean, (worktree.root, os.fsdecode(path), os.fsdecode(name)))
            logger.warning("%s: moved %s, which was in the way, to %s", *names)
    except OSError as error:
        what = clean(str(error.filename or ""))
        raise storage_error(f"cannot move a file out of the way in {clean(worktree.root)}: {what}", error) from error
    finally:
        os.close(root)
    return tuple(done)


def _link(root: Root, path: bytes, name: bytes) -> bool:
    """Hard-link a file to a second name, unless it has it already; return False where that is not possible."""
    try:
        with parent_of(root, path) as (at, old):
            new = name.rpartition(b"/")[2]
            if not atomic_replace.exists(root, name):
                os.link(old, new, src_dir_fd=at, dst_dir_fd=at, follow_symlinks=False)
            full_fsync(at)
    except OSError:
        return False  # the caller renames it instead, and reports errors of that
    return True


def _move(root: Root, path: bytes, name: bytes, parts: tuple[bytes, ...]) -> bool:
    is_moved = False
    for part in parts:
        target = name + part[len(path) :]
        try:
            atomic_replace.move_new(root, part, target, is_made=True)
        except OSError as error:
            if not atomic_replace.is_missing(error):
                raise
            continue  # removed by another process
        is_moved = True
        atomic_replace.sync_directory(root, target.rpartition(b"/")[0])
        atomic_replace.sync_directory(root, part.rpartition(b"/")[0])
    return is_moved


def _name(worktree: Worktree, root: Root, tree: str, path: bytes) -> bytes:
    def is_taken(name: bytes) -> bool:
        is_other = atomic_replace.exists(root, name) and not atomic_replace.is_same(root, path, name)
        return is_other or lookup(worktree.store, tree, name) is not None

    return copy_name(path, _id_of(root, path), is_taken)


def _id_of(root: Root, path: bytes) -> str:
    """Return the id of a file's blob; for what has no readable content, a hash of device and inode."""
    with parent_of(root, path) as (at, name):
        facts = os.stat(name, dir_fd=at, follow_symlinks=False)
        if stat.S_ISLNK(facts.st_mode):
            return object_id_of(BLOB, os.readlink(name, dir_fd=at))
        if stat.S_ISREG(facts.st_mode):
            try:
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
            except PermissionError:
                pass
            else:
                with open(handle, "rb") as stream:
                    digest = digests.sha1(b"blob %d\0" % facts.st_size, facts.st_size)
                    while piece := stream.read(1 << 20):
                        digest.update(piece)
                return digest.hexdigest()
    return digests.sha1(b"%d %d" % (facts.st_dev, facts.st_ino)).hexdigest()


def _exclude(worktree: Worktree, path: bytes) -> None:
    """Add a path to .git/info/exclude durably; raise OperationError."""
    file = Path(common_dir(worktree.git_dir)) / "info/exclude"
    try:
        file = file.resolve()
        file.parent.mkdir(exist_ok=True)
        before = file.read_bytes() if file.exists() else b""
    except OSError as error:
        raise storage_error(f"cannot read {clean(str(file))}", error) from error
    escaped = b"".join(b"\\" + bytes([byte]) if byte in _SPECIAL else bytes([byte]) for byte in path)
    # The format cannot represent a line end; trailing blanks need an escape.
    line = b"/" + escaped.replace(b"\n", b"?").replace(b"\r", b"?")
    if line.endswith(b" "):
        line = line[:-1] + b"\\ "
    newline = b"" if not before or before.endswith(b"\n") else b"\n"
    write_durably(file, before + newline + line + b"\n")


class Obstacles:
    """Classifies what is on disk but not in HEAD's tree `base`, below the handle `root`.

    `movable` are paths that an attempted commit did not include.
    """

    def __init__(self, worktree: Worktree, root: Root, base: str | None, movable: frozenset[bytes]) -> None:
        self._worktree = worktree
        self._root = root
        self._base = base
        self._movable = movable

    def is_movable(self, path: bytes) -> bool:
        """Whether no commit would include `path`: it is ignored, another repository, or not a regular file."""
        if path in self._movable or not atomic_replace.exists(self._root, path):
            return path in self._movable
        if not atomic_replace.is_directory(self._root, path):
            return not atomic_replace.is_plain(self._root, path) or self._worktree.ignores.is_ignored(path, False)
        if self._is_tree(path):
            return False
        return self._worktree.ignores.is_nested(path) or self._worktree.ignores.is_ignored(path, True)

    def below(self, directory: bytes) -> tuple[list[bytes], list[bytes]]:
        """Return the paths below a directory that HEAD does not have, and the directories that contain nothing else.

        Raise OSError.
        """
        found: list[bytes] = []
        emptied = [directory]
        with os.scandir(os.path.join(os.fsencode(self._worktree.root), directory)) as entries:
            names = sorted((directory + b"/" + entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        for path, is_directory in names:
            if is_directory and not self.is_movable(path):
                parts, directories = self.below(path)
                found += parts
                emptied += directories
            elif lookup(self._worktree.store, self._base, path) is None:
                found.append(path)
        return found, emptied

    def _is_tree(self, path: bytes) -> bool:
        entry = lookup(self._worktree.store, self._base, path)
        return entry is not None and entry.mode == TREE
