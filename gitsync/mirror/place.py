"""Puts versions in the place of others below one root, home or the mirror, so that none is ever lost.

Runs on the committer thread; owns a journal in a directory of its own below the notes directory. The renames and their
checks are `git.applier`'s: a version that came out and is not the expected one goes back, and nothing is unlinked
before that look. A batch in which somebody saved a file is taken back and done again without that file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gitsync.errors import OperationError
from gitsync.git.applying import atomic_replace, journal, temporaries
from gitsync.git.applying.journal import Journal, JournalStep, Phase, temp_name
from gitsync.git.applying.temporaries import Content, Probe, no_probe
from gitsync.git.applying.writer import Applier
from gitsync.git.files import storage_error
from gitsync.text import clean

_TRIES = 5

Rescue = Callable[[bytes, Content], None]


@dataclass(frozen=True, slots=True)
class Placement:
    """One path: from the print `base` (of what was seen there) to `content`, whose print is `target`; "" is absent.

    With `source` (root and path) the content comes from that file, as a second name of it when `is_linked`; else from
    `data`. `mode` are the permissions that it has from its first instant.
    """

    path: bytes
    base: str
    target: str
    source: tuple[bytes, bytes] | None = None
    is_linked: bool = False
    mode: int | None = None
    data: Content | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a batch: paths that hold the target, and those that were left alone (why, "" for an edit)."""

    done: frozenset[bytes] = frozenset()
    left: Mapping[bytes, str] = field(default_factory=dict)


class Placer:
    """Places below one root; `rescue` keeps a version for which there is no place any more."""

    def __init__(self, root: bytes, repo_state_dir: Path, rescue: Rescue, probe: Probe = no_probe) -> None:
        self._root = os.fsdecode(root)
        self._repo_state_dir = repo_state_dir
        self._rescue = rescue
        self._probe = probe

    def recover(self) -> bool:
        """Take back what a death left half way, so that it is decided anew; return whether there was anything."""
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

    def place(
        self,
        wanted: Iterable[Placement],
        modes: Mapping[bytes, int] | None = None,
        gone: Iterable[bytes] = (),
    ) -> Placed:
        """Place all that is wanted; `modes` are those of directories that have to be made (default: the umask's).

        Directories in `gone` are removed when they are empty afterwards. Raise OperationError when it cannot be
        written (disk-full, read-only, …): every path is as it was then.
        """
        try:
            self._repo_state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(f"cannot make {self._repo_state_dir}", error) from error
        self.recover()
        left: dict[bytes, str] = {}
        waiting = list(wanted)
        for _ in range(_TRIES):
            if not waiting:
                break
            try:
                surprise = self._try(waiting, modes or {}, tuple(gone))
            except OSError as error:
                raise storage_error(f"cannot write {clean(str(error.filename or self._root))}", error) from error
            left |= surprise
            if not surprise:
                return Placed(frozenset(one.path for one in waiting), left)
            waiting = [one for one in waiting if one.path not in left]
        left |= {one.path: "" for one in waiting}
        return Placed(frozenset(), left)

    def _try(self, wanted: list[Placement], modes: Mapping[bytes, int], gone: tuple[bytes, ...]) -> dict[bytes, str]:
        """Place a batch whole, or leave all of it as it was and return which paths were in the way, and why."""
        by_path = {one.path: one for one in wanted}
        steps = tuple(
            JournalStep(one.path, temp_name(one.path.rpartition(b"/")[0]), one.base, one.target) for one in wanted
        )
        noted = Journal(Phase.STAGING, "", None, "", None, "", False, steps, gone=gone)
        blocked = self._make_directories(wanted, modes)
        if blocked:
            return blocked
        journal.write(self._repo_state_dir, noted)
        with Applier(self._root, noted, rescue=self._rescue, probe=self._probe) as applier:
            try:
                applier.stage(lambda path: _content(by_path[path]))
                wrong = self._wrongly_staged(noted)
                self._probe("staged", b"")
            except (OSError, OperationError):
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
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return {
                step.path: ""
                for step in noted.steps
                if step.target != atomic_replace.ABSENT
                and atomic_replace.comparable(atomic_replace.look_calmly(handle, step.temp), has_modes=False)
                != step.target
            }
        finally:
            os.close(handle)

    def _make_directories(self, wanted: list[Placement], modes: Mapping[bytes, int]) -> dict[bytes, str]:
        """Make the directories above what comes, private until they have their permissions."""
        blocked: dict[bytes, str] = {}
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for one in wanted:
                if one.target != atomic_replace.ABSENT:
                    try:
                        make_directories(handle, one.path, modes)
                    except OSError as error:
                        blocked[one.path] = error.strerror or str(error)
        finally:
            os.close(handle)
        return blocked


def make_directories(root: int, path: bytes, modes: Mapping[bytes, int]) -> None:
    """Make what is missing above `path`; never through a link. Raise OSError."""
    above = b""
    for part in path.split(b"/")[:-1]:
        above = above + b"/" + part if above else part
        with atomic_replace.parent_of(root, above) as (at, name):
            try:
                os.mkdir(name, 0o700, dir_fd=at)
            except FileExistsError:
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
