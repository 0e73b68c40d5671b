"""Checks every path that an integration changes, before anything is changed, and plans the steps.

Runs on the committer thread; reads the work tree and the index, writes nothing. A path may still change afterwards:
the applier checks again what each step replaced.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

from gitsync.git.applying import atomic_replace
from gitsync.git.applying.ancestors import Ancestors
from gitsync.git.applying.atomic_replace import ABSENT, BusyError
from gitsync.git.applying.base_version import BaseVersions
from gitsync.git.applying.checkout_filters import Renderer
from gitsync.git.applying.directories import Directories, parent_of
from gitsync.git.applying.forgotten import forgotten_by
from gitsync.git.applying.hidden import Looked, hidden, look
from gitsync.git.applying.journal import Journal, JournalStep, Phase, temp_name
from gitsync.git.applying.move_aside import Moved, Obstacles, move_aside
from gitsync.git.applying.temporaries import Content, read
from gitsync.git.merging.plan import Plan, PlanKind
from gitsync.git.objects.modes import MODE_GITLINK
from gitsync.git.objects.trees import TreeEntry, diff
from gitsync.git.rules import config
from gitsync.git.staging.arrivals import Arrival
from gitsync.git.staging.worktree import Worktree
from gitsync.text import shown

Changes = dict[bytes, tuple[TreeEntry | None, TreeEntry | None]]

STAGED = "another version of it is staged"
OWN_REPOSITORY = "is a git repository of its own by now"
UNTRACKED = "it is a file or directory that git does not track and cannot commit"
# The backup of an untracked file that is replaced goes through memory.
DISPLACED_MAX = 64 << 20


@dataclass(slots=True)
class PreflightReport:
    """The result of the check: the `steps` to make, the incoming `fingerprints` by path, the paths that are `edited` or
    `blocked`, and the content of those untracked files that are `displaced`.

    `aside` maps each path in the way of an incoming one to what must be moved: the path itself, or those parts of a
    directory that no commit would include. Paths in `linkable` only need a second name. `held` are below a directory
    that is another repository by now, and where that begins. `looked` are the index entries of all paths.
    """

    steps: list[JournalStep] = field(default_factory=list)
    fingerprints: dict[bytes, str] = field(default_factory=dict)
    edited: list[bytes] = field(default_factory=list)
    blocked: dict[bytes, str] = field(default_factory=dict)
    displaced: dict[bytes, Content] = field(default_factory=dict)
    made: set[bytes] = field(default_factory=set)
    gone: set[bytes] = field(default_factory=set)
    aside: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    linkable: set[bytes] = field(default_factory=set)
    held: dict[bytes, bytes] = field(default_factory=dict)
    looked: Looked | None = None


class Preflight:
    """One check of a work tree that is to go from tree `base` to tree `target` by `changes`.

    `movable` are paths that HEAD does not have and no commit includes; `beside` maps paths to the second names that
    they were given already.
    """

    def __init__(
        self,
        worktree: Worktree,
        base: str | None,
        target: str,
        changes: Changes,
        renderer: Renderer,
        *,
        has_modes: bool,
        is_case_blind: bool,
        displaced: frozenset[bytes] = frozenset(),
        movable: frozenset[bytes] = frozenset(),
        forgotten: frozenset[bytes] = frozenset(),
        beside: Mapping[bytes, bytes] = MappingProxyType({}),
    ) -> None:
        self._worktree = worktree
        self._beside = beside
        self._movable = movable
        self._forgotten = forgotten
        self._displaced = displaced
        self._base, self._target = base, target
        self._changes = changes
        self._renderer = renderer
        self._has_modes = has_modes
        has_links = config.read(Path(worktree.root)).is_true("core.symlinks", True)
        self._base_versions = BaseVersions(worktree, has_modes=has_modes, has_links=has_links)
        self._report = PreflightReport()
        removed = [path for path, (_, new) in changes.items() if new is None or new.mode == MODE_GITLINK]
        self._early = self._find_early(removed, is_case_blind)
        folded = {_fold(path) for path in removed} if is_case_blind else set()
        self._case_variants = frozenset(
            path for path, (old, _) in changes.items() if old is None and _fold(path) in folded
        )
        self._report.looked = look(worktree, changes)
        self._entries = self._report.looked.entries
        self._hidden = hidden(worktree, changes, self._entries)
        self._left: set[bytes] = set()

    def look(self) -> PreflightReport:
        """Check every path; raise OperationError when a file cannot be rendered."""
        with Directories(self._worktree.root) as self._root:
            self._obstacles = Obstacles(self._worktree, self._root, self._base, self._movable)
            store = self._worktree.store
            self._ancestors = Ancestors(store, self._root, self._base, self._target, self._changes)
            self._look_at_index()
            self._left = {path for path in self._hidden if self._is_left(path)} | self._forgotten
            self._report.held = {path: mark.nested for path, mark in self._hidden.items() if mark.nested}
            self._fetch_promised()
            for path, (old, new) in sorted(self._changes.items()):
                if path not in self._report.blocked and path not in self._left:
                    self._look_at(path, _file(old), _file(new))
            self._look_at_directories()
        return self._report

    def _look_at_index(self) -> None:
        """Block paths that the user has staged: those entries are the user's, and the merge waits for them."""
        if self._entries is None or self._worktree.index.is_missing:
            return  # it is rebuilt from HEAD after the branch has moved
        for path, (old, new) in self._changes.items():
            entry = self._entries[path]
            if (entry and (entry.mode, entry.id)) not in (old, new):
                self._report.blocked[path] = STAGED

    def _fetch_promised(self) -> None:
        """In a partial clone, ask for all contents that are needed at once."""
        coming = {path: _file(new) for path, (_, new) in self._changes.items() if path not in self._left}
        wanted = [new.id for new in coming.values() if new is not None]
        self._worktree.store.fetch_promised(wanted)

    def _is_left(self, path: bytes) -> bool:
        """Whether the file at a path that git does not look at stays as it is, or away: only its entry moves."""
        old = _file(self._changes[path][0])
        if self._hidden[path].is_outside or self._hidden[path].nested or old is None:
            return True
        here, data = self._see(path)
        return here == ABSENT or not self._base_versions.is_there(self._root, path, old, here, data)

    def _see(self, path: bytes) -> tuple[str, bytes | None]:
        """Return the fingerprint of what is at `path`, and its content unless that is large."""
        sight = atomic_replace.see(self._root, path)
        return atomic_replace.comparable(sight.fingerprint, has_modes=self._has_modes), sight.data

    def _look_at(self, path: bytes, old: TreeEntry | None, new: TreeEntry | None) -> None:
        target = ABSENT
        if new is not None:
            target = atomic_replace.comparable(self._renderer.content(path).fingerprint, has_modes=self._has_modes)
            self._report.fingerprints[path] = target
        try:
            self._compare(path, old, target)
        except BusyError:
            if old is None and self._obstacles.is_movable(path):
                self._report.aside[path] = (path,)  # the program that has it open continues to write to the moved file
            else:
                self._report.blocked[path] = BUSY
        except OSError as error:
            if atomic_replace.is_missing(error):
                self._report.edited.append(path)  # deleted during the check
            else:
                self._report.blocked[path] = error.strerror or str(error)

    def _compare(self, path: bytes, old: TreeEntry | None, target: str) -> None:
        here, data = self._see(path)
        if path in self._case_variants:
            here = ABSENT  # the file there belongs to the other spelling of the name
        if here == target or (here == atomic_replace.DIRECTORY and target == ABSENT and old is None):
            return  # the target is already there
        if old is None:
            self._look_at_new(path, here, target)
        elif here != ABSENT and self._base_versions.is_there(self._root, path, old, here, data):
            self._step(path, here, target)
        else:
            self._report.edited.append(path)

    def _look_at_new(self, path: bytes, here: str, target: str) -> None:
        """Check a path that HEAD does not have: it must be free, or a directory that is going to be removed."""
        blocker = self._ancestors.blocker(path)
        if blocker is not None:
            self._in_way(blocker)
        elif here == ABSENT:
            self._step(path, ABSENT, target)
        elif path in self._beside and atomic_replace.is_same(self._root, path, self._beside[path]):
            self._step(path, here, target)
        elif path in self._displaced and atomic_replace.is_plain(self._root, path):
            self._displace(path, here, target)
        elif here == atomic_replace.DIRECTORY and not self._obstacles.is_movable(path):
            self._look_into(path, target)
        else:
            self._in_way(path)
            if here != atomic_replace.DIRECTORY:
                self._report.linkable.add(path)

    def _displace(self, path: bytes, here: str, target: str) -> None:
        """Keep the content of an untracked file that is going to be replaced."""
        with parent_of(self._root, path) as (at, name):
            size = os.stat(name, dir_fd=at, follow_symlinks=False).st_size
        if size > DISPLACED_MAX:
            self._report.blocked[path] = f"an untracked file of {size >> 20} MiB is there: move it away"
            return
        content = read(self._root, path)
        if atomic_replace.comparable(content.fingerprint, has_modes=self._has_modes) != here:
            self._report.edited.append(path)
            return
        self._report.displaced[path] = content
        self._step(path, here, target)

    def _look_into(self, directory: bytes, target: str) -> None:
        """Check a directory that a file replaces: tracked files are removed by the steps, the rest must go first."""
        parts, emptied = self._obstacles.below(directory)
        edited = [part for part in parts if not self._obstacles.is_movable(part)]
        if edited:
            self._report.edited += edited
        elif parts:
            self._report.aside[directory] = tuple(parts)
        else:
            self._report.gone.update(emptied)
            self._step(directory, ABSENT, target)

    def _in_way(self, path: bytes) -> None:
        if self._obstacles.is_movable(path):
            self._report.aside[path] = (path,)
        else:
            self._report.edited.append(path)  # the next commit includes it, and the merge starts again

    def _step(self, path: bytes, here: str, target: str) -> None:
        temp = temp_name(self._ancestors.anchor(path))
        self._report.steps.append(JournalStep(path, temp, here, target, path in self._early))

    def _look_at_directories(self) -> None:
        """Find the directories that the steps create and remove, and check that their parents are writable."""
        ancestors = self._ancestors
        # Of the paths in one directory, one of a kind says it of all.
        kinds = {
            (path.rpartition(b"/")[0], old is None, new is None)
            for path, (old, new) in self._changes.items()
            if path not in self._left
        }
        for above, is_new, is_removed in kinds:
            while above:
                if not is_removed and not ancestors.is_directory(above):
                    self._report.made.add(above)
                elif not is_new and not ancestors.will_be_tree(above) and not self._will_be_submodule(above):
                    self._report.gone.add(above)
                above = above.rpartition(b"/")[0]
        place = os.fsencode(self._worktree.root)
        for step in self._report.steps:
            for directory in {step.path.rpartition(b"/")[0], step.temp.rpartition(b"/")[0]} - self._report.made:
                if not ancestors.is_writable(place, directory):
                    self._report.blocked[step.path] = "its directory is not writable"

    def _will_be_submodule(self, path: bytes) -> bool:
        """Whether the target has a submodule there: its directory stays, or it would appear deleted."""
        new = self._changes[path][1] if path in self._changes else None
        return new is not None and new.mode == MODE_GITLINK

    def _find_early(self, removed: list[bytes], is_case_blind: bool) -> frozenset[bytes]:
        """Return the removals that other paths depend on: files replaced by directories, files in directories replaced
        by files, and names that differ only in case on a case-insensitive file system.
        """
        if not removed:
            return frozenset()
        coming = {path for path, (_, new) in self._changes.items() if new is not None}
        above = {path[:at] for path in coming for at in range(len(path)) if path[at : at + 1] == b"/"}
        folded = {_fold(path) for path in coming} if is_case_blind else set()
        return frozenset(
            path
            for path in removed
            if path in above
            or _fold(path) in folded
            or any(path[:at] in coming for at in range(len(path)) if path[at : at + 1] == b"/")
        )


def _file(entry: TreeEntry | None) -> TreeEntry | None:
    """Return the entry, or None for a submodule, whose directory gitsync does not touch."""
    return None if entry is None or entry.mode == MODE_GITLINK else entry


def _fold(path: bytes) -> str:
    return os.fsdecode(path).casefold()


@dataclass(frozen=True, slots=True)
class Prepared:
    """The changes, the report of the check, and the contents to write."""

    changes: Changes
    report: PreflightReport
    has_modes: bool
    renderer: Renderer
    aside: tuple[Moved, ...] = ()

    @property
    def surprise(self) -> Surprise:
        """Return the paths that prevent the integration already."""
        return Surprise(list(self.report.edited or self.report.aside), dict(self.report.blocked))

    def content(self, path: bytes) -> Content:
        """Return the content that belongs on disk at `path`."""
        return self.renderer.content(path)

    def arrivals(self) -> dict[bytes, Arrival]:
        """Return what is written and may come to something else on its way back."""
        return {
            path: Arrival(entry.id, fingerprint.partition(":")[2])
            for path, fingerprint in self.report.fingerprints.items()
            if (entry := self.changes[path][1]) is not None and self.renderer.may_change_back(path)
        }

    def journal(self, plan: Plan, target: str, reason: str) -> Journal:
        """Return the journal of the integration that ends at commit `target`."""
        assert plan.tree is not None
        return Journal(
            Phase.STAGING,
            f"refs/heads/{plan.branch}",
            plan.head,
            target,
            plan.base_tree,
            plan.tree,
            self.has_modes,
            tuple(self.report.steps),
            tuple(sorted(self.report.made)),
            tuple(sorted(self.report.gone)),
            reason,
        )

    def close(self) -> None:
        """Close the renderer."""
        self.renderer.close()


def prepare(worktree: Worktree, plan: Plan) -> Prepared:
    """Check every path that `plan` changes, and move aside what is in the way and can never be committed.

    Nothing is moved while a path is edited or blocked. Raise OperationError when a file cannot be rendered or moved.
    """
    assert plan.tree is not None
    worktree.recover()
    worktree.ignores.refresh()
    worktree.filters.refresh(plan.base_tree)
    changes = diff(worktree.store, plan.base_tree, plan.tree)
    coming = {path: new for path, (_, new) in changes.items() if new is not None and new.mode != MODE_GITLINK}
    renderer = Renderer(worktree, plan.tree, coming, plan.base_tree)
    try:
        settings = config.read(Path(worktree.root))
        has_modes = settings.is_true("core.filemode", True)
        surveyor = partial(
            Preflight,
            worktree,
            plan.base_tree,
            plan.tree,
            changes,
            has_modes=has_modes,
            is_case_blind=settings.is_true("core.ignorecase"),
            displaced=plan.displaced,
            movable=plan.movable,
            forgotten=forgotten_by(
                worktree, plan, frozenset(path for path, (_, new) in changes.items() if new is None)
            ),
        )
        report = surveyor(renderer=renderer).look()
        moved: tuple[Moved, ...] = ()
        if plan.kind is PlanKind.COMMIT:
            report.blocked |= {path: f"{shown(nested)} {OWN_REPOSITORY}" for path, nested in report.held.items()}
        if plan.kind is PlanKind.COMMIT and len(plan.parents) < 2:
            # The person who asked for the change is present, and can decide about what is in its way.
            report.blocked |= dict.fromkeys(report.aside, UNTRACKED)
        elif report.aside and not report.edited and not report.blocked:
            moved = move_aside(worktree, plan.tree, report.aside, report.linkable)
            # Attribute files that git does not track may have been moved, too.
            renderer.close()
            renderer = Renderer(worktree, plan.tree, coming, plan.base_tree)
            linked = {item.path: item.name for item in moved if item.is_linked}
            report = surveyor(renderer=renderer, beside=linked).look()
        return Prepared(changes, report, has_modes, renderer, moved)
    except BaseException:
        renderer.close()
        raise


BUSY = "it is open for writing in another program"
IN_THE_WAY = "a file or directory that git does not track is in the way"


@dataclass(slots=True)
class Surprise:
    """Paths that were not at their base: `edited` hold something else, `blocked` cannot be changed now."""

    edited: list[bytes] = field(default_factory=list)
    blocked: dict[bytes, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.edited or self.blocked)
