"""Looks at every path that an integration changes, before anything is touched, and plans the steps.

Runs on the committer thread; reads the work tree and the index, writes nothing. What it finds may change a moment
later: the applier looks again at what comes out of each step.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from gitsync.git.applying import atomic_replace
from gitsync.git.applying.atomic_replace import ABSENT, BusyError
from gitsync.git.applying.checkout_filters import Renderer
from gitsync.git.applying.journal import Journal, JournalStep, Phase, temp_name
from gitsync.git.applying.move_aside import Moved, Obstacles, move_aside
from gitsync.git.applying.temporaries import Content, read
from gitsync.git.index.raw import CorruptIndexError
from gitsync.git.merging.plan import Plan, PlanKind
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_GITLINK, MODE_LINK
from gitsync.git.objects.store import BLOB, object_id_of
from gitsync.git.objects.trees import TREE, TreeEntry, diff, lookup
from gitsync.git.repository import is_set
from gitsync.git.staging.worktree import Worktree

Changes = dict[bytes, tuple[TreeEntry | None, TreeEntry | None]]

STAGED = "you staged another version of it"
UNTRACKED = "something that git does not track and cannot commit is there"
# What is kept of an untracked file that makes room goes through memory.
DISPLACED_MAX = 64 << 20
SKIPPED = "it is left out of this work tree (sparse checkout)"


@dataclass(slots=True)
class PreflightReport:
    """What was found: the `steps` to make, the prints that arrive by path, what is in the way, and what of that is
    `displaced`, with its content.

    `aside` is what can never be committed and has to be moved away first: by the path in whose place something comes,
    the path itself or the parts of a directory there. Those of `linkable` only have to get a second name.
    """

    steps: list[JournalStep] = field(default_factory=list)
    prints: dict[bytes, str] = field(default_factory=dict)
    edited: list[bytes] = field(default_factory=list)
    blocked: dict[bytes, str] = field(default_factory=dict)
    displaced: dict[bytes, Content] = field(default_factory=dict)
    made: set[bytes] = field(default_factory=set)
    gone: set[bytes] = field(default_factory=set)
    aside: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    linkable: set[bytes] = field(default_factory=set)


class Preflight:
    """One look at a work tree, on its way from tree `base` to tree `target` by `changes`.

    `movable` are paths that HEAD has not and no commit takes, `beside` the second names that some have by now.
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
        beside: Mapping[bytes, bytes] = MappingProxyType({}),
    ) -> None:
        self._worktree = worktree
        self._beside = beside
        self._movable = movable
        self._displaced = displaced
        self._base, self._target = base, target
        self._changes = changes
        self._renderer = renderer
        self._has_modes = has_modes
        self._survey = PreflightReport()
        removed = [path for path, (_, new) in changes.items() if new is None or new.mode == MODE_GITLINK]
        self._early = self._find_early(removed, is_case_blind)
        folded = {_fold(path) for path in removed} if is_case_blind else set()
        self._twins = frozenset(path for path, (old, _) in changes.items() if old is None and _fold(path) in folded)
        self._root = -1

    def look(self) -> PreflightReport:
        """Look at every path; raise OperationError when something cannot be rendered."""
        self._root = os.open(self._worktree.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._obstacles = Obstacles(self._worktree, self._root, self._base, self._movable)
        try:
            self._look_at_index()
            for path, (old, new) in sorted(self._changes.items()):
                if path not in self._survey.blocked:
                    self._look_at(path, _file(old), _file(new))
            self._look_at_directories()
        finally:
            os.close(self._root)
        return self._survey

    def _look_at_index(self) -> None:
        """Find what the user staged: those entries are his, and the merge waits for them."""
        try:
            entries = self._worktree.index.entries(self._changes)
        except CorruptIndexError:
            return  # made anew from HEAD after the move
        if self._worktree.index.is_missing:
            return
        for path, (old, new) in self._changes.items():
            entry = entries[path]
            if entry is not None and entry.is_skipped:
                self._survey.blocked[path] = SKIPPED
            elif (entry and (entry.mode, entry.id)) not in (old, new):
                self._survey.blocked[path] = STAGED

    def _look_at(self, path: bytes, old: TreeEntry | None, new: TreeEntry | None) -> None:
        target = ABSENT
        if new is not None:
            target = atomic_replace.comparable(self._renderer.content(path).print, has_modes=self._has_modes)
            self._survey.prints[path] = target
        try:
            self._compare(path, old, target)
        except BusyError:
            if old is None and self._obstacles.is_movable(path):
                self._survey.aside[path] = (path,)  # who writes there goes on writing there
            else:
                self._survey.blocked[path] = BUSY
        except OSError as error:
            if atomic_replace.is_missing(error):
                self._survey.edited.append(path)  # removed while we looked
            else:
                self._survey.blocked[path] = error.strerror or str(error)

    def _compare(self, path: bytes, old: TreeEntry | None, target: str) -> None:
        here = atomic_replace.comparable(atomic_replace.look(self._root, path), has_modes=self._has_modes)
        if path in self._twins:
            here = ABSENT  # what is there goes by its other spelling
        if here == target or (here == atomic_replace.DIRECTORY and target == ABSENT and old is None):
            return  # it is there already
        if old is None:
            self._look_at_new(path, here, target)
        elif here != ABSENT and self._is_version(path, old, here):
            self._step(path, here, target)
        else:
            self._survey.edited.append(path)

    def _look_at_new(self, path: bytes, here: str, target: str) -> None:
        """A path that HEAD does not have: nothing may be there, or a directory that goes."""
        blocker = self._blocker(path)
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
                self._survey.linkable.add(path)

    def _displace(self, path: bytes, here: str, target: str) -> None:
        """What is there makes room, and its content is to be kept before that."""
        with atomic_replace.parent_of(self._root, path) as (at, name):
            size = os.stat(name, dir_fd=at, follow_symlinks=False).st_size
        if size > DISPLACED_MAX:
            self._survey.blocked[path] = f"a file of {size >> 20} MiB is there that git does not track: move it away"
            return
        content = read(self._root, path)
        if atomic_replace.comparable(content.print, has_modes=self._has_modes) != here:
            self._survey.edited.append(path)
            return
        self._survey.displaced[path] = content
        self._step(path, here, target)

    def _look_into(self, directory: bytes, target: str) -> None:
        """A file comes where a directory is: what HEAD has there goes by itself, the rest has to go before."""
        parts, emptied = self._obstacles.below(directory)
        edited = [part for part in parts if not self._obstacles.is_movable(part)]
        if edited:
            self._survey.edited += edited
        elif parts:
            self._survey.aside[directory] = tuple(parts)
        else:
            self._survey.gone.update(emptied)
            self._step(directory, ABSENT, target)

    def _in_way(self, path: bytes) -> None:
        if self._obstacles.is_movable(path):
            self._survey.aside[path] = (path,)
        else:
            self._survey.edited.append(path)  # the next commit takes it, and the merge begins again

    def _blocker(self, path: bytes) -> bytes | None:
        """Return what stands where a directory above a new path is to be, unless it goes itself."""
        above = b""
        for part in path.split(b"/")[:-1]:
            above = above + b"/" + part if above else part
            if atomic_replace.is_plain(self._root, above) and above not in self._changes:
                return above
            if not atomic_replace.exists(self._root, above):
                break
        return None

    def _is_version(self, path: bytes, entry: TreeEntry, here: str) -> bool:
        """Return whether what is on disk is the committed version: as it is, or by way of its filters."""
        if not here.startswith(("file:", "exec:", "link:")) or here.startswith("link:") != (entry.mode == MODE_LINK):
            return False
        if self._has_modes and here.startswith("exec:") != (entry.mode == MODE_EXECUTABLE):
            return False
        data = read(self._root, path).data
        if object_id_of(BLOB, data) == entry.id:
            return True
        if entry.mode == MODE_LINK:
            return False
        done = self._worktree.program.run("hash-object", "--stdin", b"--path=" + path, input=data)
        return done.ok and done.stdout.strip().decode("ascii", "replace") == entry.id

    def _step(self, path: bytes, here: str, target: str) -> None:
        self._survey.steps.append(JournalStep(path, temp_name(self._anchor(path)), here, target, path in self._early))

    def _anchor(self, path: bytes) -> bytes:
        """Return the deepest directory above `path` that is there now and stays."""
        directory = path.rpartition(b"/")[0]
        while directory and not (
            self._was_tree(directory)
            and self._will_be_tree(directory)
            and atomic_replace.is_directory(self._root, directory)
        ):
            directory = directory.rpartition(b"/")[0]
        return directory

    def _was_tree(self, path: bytes) -> bool:
        return _is_tree(lookup(self._worktree.store, self._base, path))

    def _will_be_tree(self, path: bytes) -> bool:
        return _is_tree(lookup(self._worktree.store, self._target, path))

    def _look_at_directories(self) -> None:
        """Find the directories that come and go with the steps, and whether we may write where they are."""
        for path, (old, new) in self._changes.items():
            above = path
            while above := above.rpartition(b"/")[0]:
                if new is not None and not atomic_replace.is_directory(self._root, above):
                    self._survey.made.add(above)
                elif old is not None and not self._will_be_tree(above):
                    self._survey.gone.add(above)
        for step in self._survey.steps:
            for place in {step.path.rpartition(b"/")[0], step.temp.rpartition(b"/")[0]} - self._survey.made:
                where = os.path.join(os.fsencode(self._worktree.root), place)
                if os.path.isdir(where) and not os.access(where, os.W_OK | os.X_OK):
                    self._survey.blocked[step.path] = "its directory may not be written to"

    def _find_early(self, removed: list[bytes], is_case_blind: bool) -> frozenset[bytes]:
        """Return the removals that other paths wait for: files where a directory comes, files of a directory that
        becomes a file, and names that differ in case alone on a file system that cannot tell.
        """
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
    """Return the entry unless it is a submodule's: on disk that is a directory, which is none of ours."""
    return None if entry is None or entry.mode == MODE_GITLINK else entry


def _fold(path: bytes) -> str:
    return os.fsdecode(path).casefold()


def _is_tree(entry: TreeEntry | None) -> bool:
    return entry is not None and entry.mode == TREE


@dataclass(frozen=True, slots=True)
class Prepared:
    """The changes, what the survey found, and the contents to come."""

    changes: Changes
    survey: PreflightReport
    has_modes: bool
    renderer: Renderer
    aside: tuple[Moved, ...] = ()

    @property
    def surprise(self) -> Surprise:
        """Return what is in the way already."""
        return Surprise(list(self.survey.edited or self.survey.aside), dict(self.survey.blocked))

    def content(self, path: bytes) -> Content:
        """Return what is to be on disk at `path`."""
        return self.renderer.content(path)

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
            tuple(self.survey.steps),
            tuple(sorted(self.survey.made)),
            tuple(sorted(self.survey.gone)),
            reason,
        )

    def close(self) -> None:
        """Let go of the renderer."""
        self.renderer.close()


def prepare(worktree: Worktree, plan: Plan) -> Prepared:
    """Look at every path that `plan` changes, and move aside what is in the way and can never be committed.

    Nothing is moved while something else is in the way. Raise OperationError when it cannot be rendered or moved.
    """
    assert plan.tree is not None
    worktree.recover()
    changes = diff(worktree.store, plan.base_tree, plan.tree)
    coming = {path: new for path, (_, new) in changes.items() if new is not None and new.mode != MODE_GITLINK}
    renderer = Renderer(worktree, plan.tree, coming)
    try:
        has_modes = is_set(worktree.repo, "core.filemode", True)
        surveyor = partial(
            Preflight,
            worktree,
            plan.base_tree,
            plan.tree,
            changes,
            renderer,
            has_modes=has_modes,
            is_case_blind=is_set(worktree.repo, "core.ignorecase", False),
            displaced=plan.displaced,
            movable=plan.movable,
        )
        survey = surveyor().look()
        moved: tuple[Moved, ...] = ()
        if plan.kind is PlanKind.COMMIT and len(plan.parents) < 2:
            # Whoever asked for a change is there, and can say what is to become of what is in the way of it.
            survey.blocked |= dict.fromkeys(survey.aside, UNTRACKED)
        elif survey.aside and not survey.edited and not survey.blocked:
            moved = move_aside(worktree, plan.tree, survey.aside, survey.linkable)
            survey = surveyor(beside={item.path: item.name for item in moved if item.is_linked}).look()
        return Prepared(changes, survey, has_modes, renderer, moved)
    except BaseException:
        renderer.close()
        raise


BUSY = "it is open for writing in another program"
IN_THE_WAY = "something that git does not track is in the way"


@dataclass(slots=True)
class Surprise:
    """What was met instead of the base: `edited` paths hold something else, `blocked` ones cannot be changed now."""

    edited: list[bytes] = field(default_factory=list)
    blocked: dict[bytes, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.edited or self.blocked)
