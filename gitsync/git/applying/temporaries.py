"""Writes the new versions to temporary files beside their targets, durably, before any file of the user's changes.

Runs on the committer thread, below the applier's root handle; owns nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import TracebackType

from gitsync.core.conflict import is_conflict_copy
from gitsync.git.applying import atomic_replace
from gitsync.git.applying.atomic_replace import ABSENT
from gitsync.git.applying.directories import Directories, Root, parent_of
from gitsync.git.applying.journal import Journal, JournalStep
from gitsync.git.flush import full_fsync
from gitsync.git.probe import Probe

_MAKING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# From this many files on, one sync of the file system is cheaper than one for each file.
SYNC_ALL_FROM = 32

# Another file system, one without hard links, a file of another user, too many links.
CANNOT_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
)


@dataclass(frozen=True)
class Content:
    """One version: a file's bytes or a link's target.

    `mode` holds the exact permissions, set when the file is created. Without it, the file gets those of the file that
    it replaces or is another version of, else those of the umask. `link_source` (root and path) is a file to hard-link
    instead of copying, where possible.
    """

    data: bytes
    is_link: bool = False
    is_executable: bool = False
    mode: int | None = None
    link_source: tuple[bytes, bytes] | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Return the fingerprint that this version has on disk."""
        if self.is_link:
            return atomic_replace.fingerprint_of_link(self.data)
        return atomic_replace.fingerprint_of_file(self.data, is_executable=self.is_executable)


def write(
    root: Directories, journal: Journal, contents: Callable[[bytes], Content], probe: Probe
) -> dict[bytes, os.stat_result | None]:
    """Write the temporary of every step with a new version, and return them; raise OSError with the path.

    Each has its stat data, but for the mode and the time of the last change, where it is known to hold the target.
    """
    with _Sources() as sources:
        written = _write_all(root, journal, contents, probe, sources)
    if len(written) >= SYNC_ALL_FROM and atomic_replace.sync_all(root):
        return written
    for temp in written:
        _sync_file(root, temp)
    sync_directories(root, written)
    return written


class _Sources:
    """The roots that files are linked from, each opened once; a context manager."""

    def __init__(self) -> None:
        self._roots: dict[bytes, Directories] = {}

    def __enter__(self) -> _Sources:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for root in self._roots.values():
            root.close()

    def of(self, place: bytes) -> Directories:
        """Return the directories below `place`, none of which is used without a look at its path; raise OSError."""
        if place not in self._roots:
            self._roots[place] = Directories(place)
        self._roots[place].renew()
        return self._roots[place]


def _write_all(
    root: Directories, journal: Journal, contents: Callable[[bytes], Content], probe: Probe, sources: _Sources
) -> dict[bytes, os.stat_result | None]:
    written: dict[bytes, os.stat_result | None] = {}
    gone = {_bytes_of(step.base): step.path for step in journal.steps if step.base != ABSENT}
    for step in journal.steps:
        if step.target != ABSENT:
            probe("stage", step.path)
            content = contents(step.path)
            try:
                facts = _write_one(root, step, content, gone, sources)
            except OSError as error:
                error.filename = os.fsdecode(step.path)
                raise
            is_target = facts and atomic_replace.comparable(content.fingerprint, has_modes=journal.has_modes)
            written[step.temp] = facts if is_target == step.target else None
    return written


def _bytes_of(version: str) -> str:
    return atomic_replace.comparable(version, has_modes=False)


def _facts_for(root: Directories, step: JournalStep, gone: Mapping[str, bytes]) -> os.stat_result | None:
    """Return the stat data of the file whose permissions the new file takes, or None.

    That is the file that it replaces. A new path may be an old file under another name (a rename, a version that
    loses its name in a conflict) or a conflict copy: git does not record that it was private.
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


def _write_one(
    root: Directories, step: JournalStep, content: Content, gone: Mapping[str, bytes], sources: _Sources
) -> os.stat_result | None:
    """Write one temporary, and return the stat data of a regular file that is not a link to another one."""
    facts = _facts_for(root, step, gone) if content.mode is None and not content.is_link else None
    at, name = root.parent(step.temp)
    if content.link_source is not None:
        other = sources.of(content.link_source[0])
        if _link(other, content.link_source[1], at, name):
            return None
        content = replace(read(other, content.link_source[1]), mode=content.mode)
    if content.is_link:
        os.symlink(content.data, name, dir_fd=at)
        return None
    # Private until it has the permissions of the file that it replaces; a new file gets the umask's.
    is_private = facts is not None or content.mode is not None
    mode = 0o600 if is_private else 0o777 if content.is_executable else 0o666
    handle = os.open(name, _MAKING, mode, dir_fd=at)
    try:
        return _fill(handle, content, facts)
    finally:
        os.close(handle)


def _fill(handle: int, content: Content, facts: os.stat_result | None) -> os.stat_result:
    """Write a new file, give it the permissions of `facts` or of the content, and return its stat data before that."""
    view = memoryview(content.data)
    while view:
        view = view[os.write(handle, view) :]
    written = os.fstat(handle)
    if content.mode is not None:
        os.fchmod(handle, content.mode)
    elif facts is not None:
        _take_over(handle, written, facts, content.is_executable)
    return written


def _link(source: Root, path: bytes, at: int, name: bytes) -> bool:
    """Hard-link the file at `path` below the handle `source`; return False where that is not possible."""
    try:
        with parent_of(source, path) as (source_at, source_name):
            os.link(source_name, name, src_dir_fd=source_at, dst_dir_fd=at, follow_symlinks=False)
    except OSError as error:
        if error.errno in CANNOT_LINK:
            return False
        raise
    return True


def _facts_of(root: Directories, path: bytes) -> os.stat_result | None:
    at, name = root.parent(path)
    facts = os.stat(name, dir_fd=at, follow_symlinks=False)
    return facts if stat.S_ISREG(facts.st_mode) else None


def _take_over(handle: int, now: os.stat_result, facts: os.stat_result, is_executable: bool) -> None:
    """Give a new file the group and the permissions of the file that it replaces, except the executable bits."""
    mode = stat.S_IMODE(facts.st_mode) & 0o666
    if is_executable:
        mode |= (mode & 0o444) >> 2
    if now.st_gid != facts.st_gid:
        try:
            os.fchown(handle, -1, facts.st_gid)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EINVAL):
                raise
            mode &= ~0o070  # the group could not be set: what the old group may do, another one may not
    os.fchmod(handle, mode)


def _sync_file(root: Root, temp: bytes) -> None:
    with parent_of(root, temp) as (at, name):
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
        except OSError as error:
            # The directory's sync makes a symbolic link durable. A file that its owner may not read (0200) is written
            # back by the system later; the git object behind it is already durable.
            if error.errno in (errno.ELOOP, errno.EACCES):
                return
            raise
        try:
            full_fsync(handle)
        finally:
            os.close(handle)


def sync_directories(root: Root, paths: Iterable[bytes]) -> None:
    """Sync the directory of every path, each directory once."""
    for directory in sorted({path.rpartition(b"/")[0] for path in paths}):
        atomic_replace.sync_directory(root, directory)


def discard(root: Root, journal: Journal) -> None:
    """Remove the temporaries of an abandoned staging; they never hold a version of the user's."""
    for step in journal.steps:
        atomic_replace.remove(root, step.temp)


def settle_links(root: Root, journal: Journal) -> None:
    """After a crash: finish the exchanges that were emulated with hard links."""
    for step in journal.steps:
        kept = step.temp + atomic_replace.KEPT
        if not atomic_replace.exists(root, kept):
            continue
        if atomic_replace.exists(root, step.temp):
            atomic_replace.remove(root, kept)  # the path was not touched yet, and still has it under its own name
        else:
            atomic_replace.move_new(root, kept, step.temp)


def read(root: Root, path: bytes) -> Content:
    """Return the version at `path`; raise OSError."""
    with parent_of(root, path) as (at, name):
        facts = os.stat(name, dir_fd=at, follow_symlinks=False)
        if stat.S_ISLNK(facts.st_mode):
            return Content(os.fsencode(os.readlink(name, dir_fd=at)), is_link=True)
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        with open(handle, "rb") as stream:
            return Content(stream.read(), is_executable=bool(facts.st_mode & stat.S_IXUSR))


def names_of(step: JournalStep) -> tuple[bytes, bytes]:
    """Return the names that files of a step have in their directory: the temporary's, and that of its second link."""
    name = step.temp.rpartition(b"/")[2]
    return name, name + atomic_replace.KEPT


def find(root: bytes, names: Collection[bytes]) -> Iterator[bytes]:
    """Yield the paths below `root` of files with these names; git directories are left out."""
    for place, directories, files in os.walk(root):
        directories[:] = [name for name in directories if name != b".git"]
        yield from (os.path.relpath(os.path.join(place, name), root) for name in files if name in names)
