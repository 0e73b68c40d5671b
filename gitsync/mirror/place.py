"""Puts versions in the place of others below one root, home or the mirror, so that none is ever lost.

Runs on the committer thread; owns a journal in a directory of its own below the notes directory. The renames and their
checks are those of `writer.Applier`: an unexpected version goes back, and nothing is unlinked
before that look. A batch in which somebody saved a file is taken back and done again without that file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from gitsync.core.coverage import parents
from gitsync.errors import OperationError
from gitsync.git.applying import atomic_replace, journal, temporaries
from gitsync.git.applying.directories import Directories, Root, parent_of
from gitsync.git.applying.journal import Journal, JournalStep, Phase, temp_name
from gitsync.git.applying.temporaries import Content
from gitsync.git.applying.writer import Applier
from gitsync.git.files import storage_error
from gitsync.git.probe import Probe, no_probe
from gitsync.mirror.attributes import take_over
from gitsync.text import clean, shown

_TRIES = 5
# Errors that do not concern a single path: the next one would meet them, too.
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM})

# In the place of the fingerprint of a file that was not read.
UNREAD = "unread"
# So many names are made in a directory before it is compared with its path again.
_AT_ONCE = 32

Rescue = Callable[[bytes, Content], None]


@dataclass(frozen=True, slots=True)
class Placement:
    """One path: from the print `base` (of what was seen there) to `content`, whose print is `target`; "" is absent.

    With `source` (root and path) the content comes from that file, as a second name of it when `is_linked`; else from
    `data`. `mode` are the permissions that it has from its first instant. `file` tells which file the
    source was, and of when: device, inode, size, and the moment of its last change.
    """

    path: bytes
    base: str
    target: str
    source: tuple[bytes, bytes] | None = None
    is_linked: bool = False
    mode: int | None = None
    data: Content | None = None
    file: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a batch: paths that hold the target, and those that were left alone (why, "" for an edit).

    `bare` are paths that hold the target without the attributes of the former version, and why.
    """

    done: frozenset[bytes] = frozenset()
    left: Mapping[bytes, str] = field(default_factory=dict)
    bare: Mapping[bytes, str] = field(default_factory=dict)


class Placer:
    """Places below one root; `rescue` keeps a version for which there is no place any more.

    With `keeps_attributes` a new version takes over the extended attributes of the one that it replaces.
    """

    def __init__(
        self,
        root: bytes,
        repo_state_dir: Path,
        rescue: Rescue,
        probe: Probe = no_probe,
        *,
        keeps_attributes: bool = False,
    ) -> None:
        self._root = os.fsdecode(root)
        self._repo_state_dir = repo_state_dir
        self._rescue = rescue
        self._probe = probe
        self._keeps_attributes = keeps_attributes
        self._bare: dict[bytes, str] = {}

    def recover(self) -> bool:
        """Take back what a death left half way, so that it is decided again; return whether there was anything."""
        noted = journal.read(self._repo_state_dir)
        if noted is None:
            return False
        with Applier(self._root, noted, rescue=self._rescue, probe=self._probe) as applier:
            if noted.phase is Phase.STAGING:
                applier.discard()
            else:
                applier.settle_links()
                applier.roll_back()
        journal.drop(self._repo_state_dir)
        return True

    def link(self, wanted: Iterable[Placement]) -> frozenset[bytes]:
        """Give files a second name where nothing is, and return which of them have it; what is wrong with the others
        shows when they are placed. The target may be `UNREAD`. Raise OperationError when no name can be made.
        """
        new = list(wanted)
        if not new:
            return frozenset()
        self.recover()
        try:
            return self._link_new(new, {}, {})[1]
        except OSError as error:
            raise storage_error(f"cannot write {clean(str(error.filename or self._root))}", error) from error

    def place(
        self,
        wanted: Iterable[Placement],
        modes: Mapping[bytes, int] | None = None,
        gone: Iterable[bytes] = (),
    ) -> Placed:
        """Place all that is wanted; `modes` are those of directories that have to be made (default: the umask's).

        Directories in `gone` are removed when they are empty afterwards. A path that cannot be written is left, and
        holds up no other. Raise OperationError when nothing can be (disk-full, read-only, …): every path is as it was
        then.
        """
        try:
            self._repo_state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(f"cannot make {self._repo_state_dir}", error) from error
        self.recover()
        self._bare = {}
        done: frozenset[bytes] = frozenset()
        left: dict[bytes, str] = {}
        for batch in _batches(list(wanted)):
            placed = self._place(batch, modes or {}, tuple(gone))
            done, left = done | placed.done, {**left, **placed.left}
        return Placed(done, left, self._bare)

    def _place(self, wanted: list[Placement], modes: Mapping[bytes, int], gone: tuple[bytes, ...]) -> Placed:
        left: dict[bytes, str] = {}
        try:
            waiting, done = self._link_new(wanted, modes, left)
        except OSError as error:
            raise storage_error(f"cannot write {clean(str(error.filename or self._root))}", error) from error
        edits = 0
        while waiting and edits < _TRIES:
            try:
                surprise = self._try(waiting, modes, gone)
            except OSError as error:
                raise storage_error(f"cannot write {clean(str(error.filename or self._root))}", error) from error
            left |= surprise
            if not surprise:
                return Placed(done.union(one.path for one in waiting), left)
            waiting = [one for one in waiting if one.path not in left]
            edits += not all(surprise.values())
        left |= {one.path: "" for one in waiting}
        return Placed(done, left)

    def _link_new(
        self, wanted: list[Placement], modes: Mapping[bytes, int], left: dict[bytes, str]
    ) -> tuple[list[Placement], frozenset[bytes]]:
        """Give files a second name where nothing is; return what is left to be placed, and what has its name by now.

        That takes no temporary and no journal: nothing is replaced, the name comes with the whole file, and after a
        death or a power cut the file is where it was, and is linked again.
        """
        new = [one for one in wanted if one.is_linked and one.file is not None and one.base == atomic_replace.ABSENT]
        if not new:
            return wanted, frozenset()
        left |= self._make_way(new, modes)
        done, others = set(), set()
        with ExitStack() as stack:
            root = stack.enter_context(Directories(self._root))
            sources = {at: stack.enter_context(Directories(at)) for at in {one.source[0] for one in new if one.source}}
            above = None
            for count, one in enumerate(new):
                if one.path in left or one.source is None:
                    continue
                self._probe("link", one.path)
                if above != (above := one.path.rpartition(b"/")[0]) or count % _AT_ONCE == 0:
                    root.renew()
                    sources[one.source[0]].renew()
                found = _link(root, sources[one.source[0]], one)
                if found is None:
                    others.add(one.path)
                elif found == one.file:
                    done.add(one.path)
                else:
                    left[one.path] = obstacle(root, one.path)  # "": a file came, went or was changed just now
        apart = {one.path for one in new} - others
        return [one for one in wanted if one.path not in apart], frozenset(done)

    def _try(self, wanted: list[Placement], modes: Mapping[bytes, int], gone: tuple[bytes, ...]) -> dict[bytes, str]:
        """Place a batch whole, or leave all of it as it was and return which paths were in the way, and why."""
        by_path = {one.path: one for one in wanted}
        steps = tuple(
            JournalStep(one.path, temp_name(one.path.rpartition(b"/")[0]), one.base, one.target) for one in wanted
        )
        noted = Journal(Phase.STAGING, "", None, "", None, "", False, steps, gone=gone)
        blocked = self._make_way(wanted, modes)
        if blocked:
            return blocked
        journal.write(self._repo_state_dir, noted)
        with Applier(self._root, noted, rescue=self._rescue, probe=self._probe) as applier:
            try:
                applier.stage(lambda path: _content(by_path[path]))
                wrong = self._wrongly_staged(noted)
                self._take_over_attributes(noted, by_path)
                self._probe("staged", b"")
            except OSError as error:
                applier.discard()
                journal.drop(self._repo_state_dir)
                path = os.fsencode(error.filename or b"")
                if error.errno in _OF_THE_DISK or path not in by_path:
                    raise
                return {path: error.strerror or str(error)}
            except OperationError:
                applier.discard()
                journal.drop(self._repo_state_dir)
                raise
            if wrong:
                applier.discard()
                journal.drop(self._repo_state_dir)
                return wrong
            applier.journal = noted.swapping()
            journal.write(self._repo_state_dir, applier.journal)
            surprise = applier.advance()
            if surprise:
                edited = applier.roll_back()
                journal.drop(self._repo_state_dir)
                return {**dict.fromkeys([*edited, *surprise.edited], ""), **surprise.blocked}
            self._probe("placed", b"")
            applier.sweep()
        journal.drop(self._repo_state_dir)
        return {}

    def _wrongly_staged(self, noted: Journal) -> dict[bytes, str]:
        """Return the paths whose source was changed since it was looked at: what is staged is not what was decided."""
        with Directories(self._root) as root:
            return {
                step.path: ""
                for step in noted.steps
                if step.target != atomic_replace.ABSENT
                and atomic_replace.comparable(atomic_replace.look_calmly(root, step.temp), has_modes=False)
                != step.target
            }

    def _take_over_attributes(self, noted: Journal, wanted: Mapping[bytes, Placement]) -> None:
        if not self._keeps_attributes:
            return
        replacing = [step for step in noted.steps if atomic_replace.ABSENT not in (step.base, step.target)]
        with Directories(self._root) as root:
            for step in replacing:
                why = take_over(root, step.path, step.temp, wanted[step.path].mode)
                if why:
                    self._bare[step.path] = why

    def _make_way(self, wanted: list[Placement], modes: Mapping[bytes, int]) -> dict[bytes, str]:
        """Make the directories above what comes, private until they have their permissions; return what cannot be
        written, and why."""
        blocked: dict[bytes, str] = {}
        ready: set[tuple[bytes, bool]] = set()  # directories, with whether they had to be made
        with Directories(self._root) as root:
            for one in wanted:
                is_coming = one.target != atomic_replace.ABSENT
                directory = one.path.rpartition(b"/")[0], is_coming
                if directory in ready:
                    continue
                try:
                    if is_coming:
                        make_directories(root, one.path, modes)
                    _check_writable(root, one.path)
                    ready.add(directory)
                except OSError as error:
                    blocked[one.path] = _why_not(root, one.path, error)
        return blocked


def _link(root: Directories, source: Directories, one: Placement) -> tuple[int, ...] | None:
    """Give the source a second name; return which file has that name, or () where something else came in between, None
    where it cannot be linked.
    """
    assert one.source is not None
    try:
        with parent_of(source, one.source[1]) as (source_at, source_name), parent_of(root, one.path) as (at, name):
            os.link(source_name, name, src_dir_fd=source_at, dst_dir_fd=at, follow_symlinks=False)
            facts = os.stat(name, dir_fd=at, follow_symlinks=False)
    except OSError as error:
        if error.errno in temporaries.CANNOT_LINK:
            return None
        if isinstance(error, FileExistsError) or atomic_replace.is_missing(error):
            return ()
        raise
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _batches(wanted: list[Placement]) -> list[list[Placement]]:
    """Return what is to be placed in order: first the removals that make way, where a file becomes a directory or a
    directory a file."""
    coming = {one.path for one in wanted if one.target != atomic_replace.ABSENT}
    above = {parent for path in coming for parent in parents(path)}
    ways = [
        one
        for one in wanted
        if one.path not in coming and (one.path in above or coming.intersection(parents(one.path)))
    ]
    rest = [one for one in wanted if one not in ways] if ways else wanted
    return [batch for batch in (ways, rest) if batch]


def obstacle(root: Root, path: bytes) -> str:
    """Return why `path` cannot be written below `root` as things are, "" where nothing is in the way."""
    try:
        for above in reversed(parents(path)):
            if atomic_replace.exists(root, above) and not atomic_replace.is_directory(root, above):
                return f"~/{shown(above)} is a file here, and a directory in the mirror"
        _check_writable(root, path)
    except OSError as error:
        return error.strerror or str(error)
    return "a directory is in its place" if atomic_replace.is_directory(root, path) else ""


def _check_writable(root: Root, path: bytes) -> None:
    """Raise OSError when names in the directory of `path` cannot be made; one that is not there has none to remove."""
    try:
        with parent_of(root, path) as (at, _):
            if not os.fstatvfs(at).f_flag & os.ST_RDONLY and not os.access(b".", os.W_OK | os.X_OK, dir_fd=at):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except FileNotFoundError:
        return


def _why_not(root: Root, path: bytes, error: OSError) -> str:
    return obstacle(root, path) or error.strerror or str(error)


def make_directories(root: Root, path: bytes, modes: Mapping[bytes, int]) -> None:
    """Make what is missing above `path`; never through a link. Raise OSError."""
    above = b""
    for part in path.split(b"/")[:-1]:
        above = above + b"/" + part if above else part
        with parent_of(root, above) as (at, name):
            try:
                os.mkdir(name, 0o700, dir_fd=at)
            except FileExistsError:
                if not stat.S_ISDIR(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
                continue
            made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            try:
                os.fchmod(made, modes.get(above + b"/", 0o755))
            finally:
                os.close(made)


def _content(one: Placement) -> Content:
    """Return what is to be written for a placement; the permissions come with it."""
    if one.data is not None:
        return replace(one.data, mode=one.mode)
    assert one.source is not None
    if one.is_linked:
        return Content(b"", mode=one.mode, link_source=one.source)
    root = os.open(one.source[0], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return replace(temporaries.read(root, one.source[1]), mode=one.mode)
    finally:
        os.close(root)
