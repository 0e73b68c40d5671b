"""Writes the new versions beside the user's files, under names of ours, durably, before anything of his is touched.

Runs on the committer thread, below the applier's handle of the root; owns nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from gitsync.core.conflict import is_conflict_copy
from gitsync.git.applying import atomic_replace
from gitsync.git.applying.atomic_replace import ABSENT
from gitsync.git.applying.journal import Journal, JournalStep

# From this many files on one sync of the file system is cheaper than one a file.
SYNC_ALL_FROM = 32

# Another file system, one without links, a file of somebody else's, too many names.
CANNOT_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
)

# Called at every point where a death or an edit could come in between; tests put theirs here.
Probe = Callable[[str, bytes], None]


def no_probe(point: str, path: bytes) -> None:
    """Let the moment pass."""


@dataclass(frozen=True, slots=True)
class Content:
    """One version: a file's bytes or a link's target.

    `mode` are permissions to have exactly, from the first instant; without it those of the file that is replaced or
    that it is another version of, or the umask's. `twin` (root and path) is a file that gets a second name instead of
    a copy, where that can be.
    """

    data: bytes
    is_link: bool = False
    is_executable: bool = False
    mode: int | None = None
    twin: tuple[bytes, bytes] | None = None

    @property
    def print(self) -> str:
        """Return the print that it has on disk."""
        if self.is_link:
            return atomic_replace.print_of_link(self.data)
        return atomic_replace.print_of_file(self.data, is_executable=self.is_executable)


def write(root: int, journal: Journal, contents: Callable[[bytes], Content], probe: Probe) -> None:
    """Write the temporary of every step that brings something; raise OSError as the system does, with the path."""
    written = []
    gone = {_bytes_of(step.base): step.path for step in journal.steps if step.base != ABSENT}
    for step in journal.steps:
        if step.target != ABSENT:
            probe("stage", step.path)
            try:
                _write_one(root, step, contents(step.path), gone)
            except OSError as error:
                error.filename = os.fsdecode(step.path)
                raise
            written.append(step.temp)
    if len(written) >= SYNC_ALL_FROM and atomic_replace.sync_all(root):
        return
    for temp in written:
        _sync_file(root, temp)
    sync_directories(root, written)


def _bytes_of(version: str) -> str:
    return atomic_replace.comparable(version, has_modes=False)


def _facts_for(root: int, step: JournalStep, gone: Mapping[str, bytes]) -> os.stat_result | None:
    """Return the stat data of the file whose permissions the one to come gets, None where there is none.

    That is the one that it replaces. One that is new may be an old one under another name (a rename, a version that
    loses its name in a conflict), or a kept copy: git does not know that it was private.
    """
    if step.base != ABSENT:
        return _facts_of(root, step.path)
    copied = is_conflict_copy(step.path)
    like = gone.get(_bytes_of(step.target)) or (copied[0] if copied is not None else None)
    if like is None:
        return None
    try:
        return _facts_of(root, like)
    except OSError as error:
        if atomic_replace.is_missing(error):
            return None
        raise


def _write_one(root: int, step: JournalStep, content: Content, gone: Mapping[str, bytes]) -> None:
    with atomic_replace.parent_of(root, step.temp) as (at, name):
        if content.twin is not None:
            with _opened(content.twin[0]) as other:
                if _link(other, content.twin[1], at, name):
                    return
                content = replace(read(other, content.twin[1]), mode=content.mode)
        if content.is_link:
            os.symlink(content.data, name, dir_fd=at)
            return
        facts = _facts_for(root, step, gone) if content.mode is None else None
        # Private until it has the permissions of the file whose place it takes; a new file gets the umask's.
        is_private = facts is not None or content.mode is not None
        mode = 0o600 if is_private else 0o777 if content.is_executable else 0o666
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(name, flags, mode, dir_fd=at)
        try:
            view = memoryview(content.data)
            while view:
                view = view[os.write(handle, view) :]
            if content.mode is not None:
                os.fchmod(handle, content.mode)
            elif facts is not None:
                _take_over(handle, facts, content.is_executable)
        finally:
            os.close(handle)


@contextmanager
def _opened(root: bytes) -> Iterator[int]:
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _link(source: int, path: bytes, at: int, name: bytes) -> bool:
    """Give the file at `path` below the handle `source` a second name; return False where that cannot be."""
    try:
        with atomic_replace.parent_of(source, path) as (source_at, source_name):
            os.link(source_name, name, src_dir_fd=source_at, dst_dir_fd=at, follow_symlinks=False)
    except OSError as error:
        if error.errno in CANNOT_LINK:
            return False
        raise
    return True


def _facts_of(root: int, path: bytes) -> os.stat_result | None:
    with atomic_replace.parent_of(root, path) as (at, name):
        facts = os.stat(name, dir_fd=at, follow_symlinks=False)
    return facts if stat.S_ISREG(facts.st_mode) else None


def _take_over(handle: int, facts: os.stat_result, is_executable: bool) -> None:
    """Give a new file the group and the permissions of the one it replaces, but for the executable bits."""
    mode = stat.S_IMODE(facts.st_mode) & 0o666
    if is_executable:
        mode |= (mode & 0o444) >> 2
    if os.fstat(handle).st_gid != facts.st_gid:
        try:
            os.fchown(handle, -1, facts.st_gid)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EINVAL):
                raise
            mode &= ~0o070  # not a group of ours: what that one might do, another must not
    os.fchmod(handle, mode)


def _sync_file(root: int, temp: bytes) -> None:
    with atomic_replace.parent_of(root, temp) as (at, name):
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
        except OSError as error:
            # A symbolic link is only a name, which the directory's sync makes durable; a file that its owner may not
            # read (0200) reaches the disk by and by, with the git object behind it.
            if error.errno in (errno.ELOOP, errno.EACCES):
                return
            raise
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sync_directories(root: int, paths: Iterable[bytes]) -> None:
    """Make the names of all `paths` durable, each directory once."""
    for directory in sorted({path.rpartition(b"/")[0] for path in paths}):
        atomic_replace.sync_directory(root, directory)


def discard(root: int, journal: Journal) -> None:
    """Take away the temporaries of a staging that came to nothing: they never held anything of the user's."""
    for step in journal.steps:
        atomic_replace.remove(root, step.temp)


def settle_links(root: int, journal: Journal) -> None:
    """After a death: end the exchanges that were being made of links, where the system has no exchange."""
    for step in journal.steps:
        kept = step.temp + atomic_replace.KEPT
        if not atomic_replace.exists(root, kept):
            continue
        if atomic_replace.exists(root, step.temp):
            atomic_replace.remove(root, kept)  # the path was not touched yet, and has it under its own name
        else:
            atomic_replace.move_new(root, kept, step.temp)


def read(root: int, path: bytes) -> Content:
    """Return what is at `path`; raise OSError."""
    with atomic_replace.parent_of(root, path) as (at, name):
        facts = os.stat(name, dir_fd=at, follow_symlinks=False)
        if stat.S_ISLNK(facts.st_mode):
            return Content(os.fsencode(os.readlink(name, dir_fd=at)), is_link=True)
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        with open(handle, "rb") as stream:
            return Content(stream.read(), is_executable=bool(facts.st_mode & stat.S_IXUSR))
