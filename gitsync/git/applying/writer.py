"""Makes the steps of a journal in the work tree, or rolls them back. This is the only writer of work trees.

Runs on the committer thread; owns a handle of the root while it works. Each step is one rename, after which the old
version has the temporary's name. It is checked there, where no other program can open it any more; if it is not the
base that the merge started from, it is renamed back. No version of the user's is unlinked before that check.

The state of a step's temporary T and path P (see `JournalStep`) after a crash:

    replacement   T is the target: not made.      T is the base: made.   T is anything else: made, P was edited.
    creation      T exists: not made.             T is absent: made.
    removal       T is absent, P exists: not made. T is the base: made.  T is anything else: made, P was edited.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType

from gitsync.clock import SystemClock
from gitsync.git.applying import atomic_replace, temporaries
from gitsync.git.applying.atomic_replace import ABSENT, BusyError, Sight, identity
from gitsync.git.applying.directories import Directories
from gitsync.git.applying.journal import Journal, JournalStep
from gitsync.git.applying.preflight import BUSY, IN_THE_WAY, Surprise
from gitsync.git.applying.temporaries import SYNC_ALL_FROM, Content
from gitsync.git.files import TICK_NS
from gitsync.git.probe import Probe, no_probe


class Applier:
    """The steps of one journal for one work tree; use it as a context manager.

    `rescue` is called with a path and a version of the user's whose place in the work tree is taken by a newer one; it
    must keep that version permanently, or raise.
    """

    def __init__(
        self,
        root: str,
        journal: Journal,
        *,
        rescue: Callable[[bytes, Content], None],
        probe: Probe = no_probe,
    ) -> None:
        self.journal = journal
        self._rescue = rescue
        self._probe = probe
        self._made = frozenset(journal.made)
        early = [step for step in journal.steps if step.is_early]
        late = [step for step in journal.steps if not step.is_early]
        # Creations and replacements come before removals: a renamed file exists at every moment.
        late.sort(key=lambda step: step.target == ABSENT)
        self._ordered = (*early, *late)
        self._root = Directories(root)
        # What is known without another look: of the temporaries that were written here, of the versions that came out
        # of a step, and of the files that a step has put in place.
        self._written: dict[bytes, os.stat_result | None] = {}
        self._replaced: dict[bytes, Sight] = {}
        self._placed: dict[bytes, os.stat_result] = {}
        self._began_ns = 0

    def __enter__(self) -> Applier:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._root.close()

    def stage(self, contents: Callable[[bytes], Content]) -> None:
        """Write the temporaries durably; raise OSError (then call `discard`)."""
        self._written = temporaries.write(self._root, self.journal, contents, self._reach)

    def _reach(self, point: str, path: bytes) -> None:
        """Begin the change of a path: the way to it may have changed."""
        self._probe(point, path)
        self._root.renew()

    def discard(self) -> None:
        """Remove the temporaries before the first step."""
        temporaries.discard(self._root, self.journal)

    def _look(self, path: bytes) -> str:
        return atomic_replace.comparable(atomic_replace.look(self._root, path), has_modes=self.journal.has_modes)

    def _look_calmly(self, path: bytes) -> str:
        return atomic_replace.comparable(atomic_replace.look_calmly(self._root, path), has_modes=self.journal.has_modes)

    def settle_links(self) -> None:
        """After a crash: finish exchanges that were emulated with hard links."""
        temporaries.settle_links(self._root, self.journal)

    # -- forward ------------------------------------------------------------------------------------------------------

    def advance(self) -> Surprise:
        """Make every step that is not made yet, durably; stop at the first mismatch, with that path restored.

        Raise OSError only when a version of the user's could not be put back: the journal must remain then.
        """
        surprise = Surprise()
        self._began_ns = int(SystemClock().wall() * 1e9)
        for step in self._ordered:
            self._reach("before", step.path)
            self._make(step, surprise)
            if surprise:
                return surprise
        if len(self._ordered) < SYNC_ALL_FROM or not atomic_replace.sync_all(self._root):
            touched = [path for step in self._ordered for path in (step.path, step.temp)]
            temporaries.sync_directories(self._root, [*touched, *self._made])
        return surprise

    def _make(self, step: JournalStep, surprise: Surprise) -> None:
        try:
            is_new = step.temp in self._written
            if is_new or not self._is_made(step):
                self._rename(step)
                self._note_placed(step)
            self._probe("renamed", step.path)
            replaced = self._see_replaced(step)
        except BusyError:
            self._put_back(step)
            surprise.blocked[step.path] = BUSY
        except FileExistsError:
            if atomic_replace.is_plain(self._root, step.path):
                surprise.edited.append(step.path)  # created by the user since the preflight
            else:
                surprise.blocked[step.path] = IN_THE_WAY
        except OSError as error:
            if atomic_replace.is_missing(error):
                surprise.edited.append(step.path)  # the user removed it, or its directory
            else:
                surprise.blocked[step.path] = error.strerror or str(error)
        else:
            self._probe("looked", step.path)
            self._check_replaced(step, replaced, surprise)

    def _note_placed(self, step: JournalStep) -> None:
        """Remember the file that a step has put in place, if it is still as it was written."""
        written = self._written.pop(step.temp, None)
        if written is not None and written.st_mtime_ns < self._began_ns - TICK_NS:
            facts = atomic_replace.facts_of(self._root, step.path)
            if facts is not None and _content_of(facts) == _content_of(written):
                self._placed[step.path] = facts

    def _see_replaced(self, step: JournalStep) -> str:
        sight = atomic_replace.see(self._root, step.temp)
        found = atomic_replace.comparable(sight.fingerprint, has_modes=self.journal.has_modes)
        if found == step.base:
            self._replaced[step.temp] = Sight(found, sight.facts, None, sight.is_alone)
        return found

    def _check_replaced(self, step: JournalStep, replaced: str, surprise: Surprise) -> None:
        """Accept the version that a step replaced if it is the base, else put it back."""
        if replaced == ABSENT:
            # A creation replaces nothing, and a swept step has no temporary. If the target is not at its path, it was
            # lost: roll back and start the merge again.
            if step.target != ABSENT and not self._has_arrived(step):
                surprise.edited.append(step.path)
        elif replaced != step.base:
            self._put_back(step)
            surprise.edited.append(step.path)

    def _has_arrived(self, step: JournalStep) -> bool:
        if step.base == ABSENT:
            return atomic_replace.exists(self._root, step.path)  # it may have been edited since, on top of the target
        return self._look_calmly(step.path) == step.target

    def _is_made(self, step: JournalStep) -> bool:
        if step.base == ABSENT:
            return not atomic_replace.exists(self._root, step.temp)
        if step.target == ABSENT:
            return atomic_replace.exists(self._root, step.temp) or not atomic_replace.exists(self._root, step.path)
        return self._look(step.temp) != step.target

    def _rename(self, step: JournalStep) -> None:
        if step.target == ABSENT:
            atomic_replace.move_new(self._root, step.path, step.temp)
        elif step.base == ABSENT:
            if atomic_replace.exists(self._root, step.path) and not atomic_replace.is_plain(self._root, step.path):
                self._clear_directory(step.path)
            atomic_replace.move_new(self._root, step.temp, step.path, is_made=True)
        else:
            atomic_replace.exchange(self._root, step.temp, step.path)

    def _clear_directory(self, path: bytes) -> None:
        """Remove the directories at and below `path` that the target does not have, if they are empty."""
        below = path + b"/"
        for directory in sorted(self.journal.gone, key=len, reverse=True):
            if directory == path or directory.startswith(below):
                atomic_replace.remove_directory(self._root, directory)

    # -- back ---------------------------------------------------------------------------------------------------------

    def _put_back(self, step: JournalStep) -> None:
        """Undo one step that replaced an edit: the edit gets its path back, unless a newer version is there."""
        self._reach("put back", step.path)
        if step.target == ABSENT:
            self._restore(step)
            return
        placed = self._look_calmly(step.temp)
        try:
            atomic_replace.exchange(self._root, step.temp, step.path)
        except OSError as error:
            if not atomic_replace.is_missing(error):
                raise
            # The user removed the new version since; their previous edit comes back: an edit beats a removal.
            self._restore(step)
        else:
            self._probe("put back, not looked", step.path)
            self._leave_newest(step, placed)

    def _leave_newest(self, step: JournalStep, placed: str) -> bool:
        """After an exchange back that put `placed` at the path: return whether the version it removed was the target.

        If the user had edited the target, that edit gets the path again, unless they have saved another version since.
        """
        is_ours = self._is_ours(step)
        if not is_ours and self._look_calmly(step.path) == placed:
            atomic_replace.exchange(self._root, step.temp, step.path)
        self._keep(step)
        return is_ours

    def _is_ours(self, step: JournalStep) -> bool:
        try:
            return self._look(step.temp) in (step.target, ABSENT)
        except BusyError:
            return False

    def _restore(self, step: JournalStep) -> bool:
        """Move the temporary back to its path, unless something newer is there."""
        try:
            atomic_replace.move_new(self._root, step.temp, step.path, is_made=True)
        except OSError as error:
            if not atomic_replace.is_missing(error) and not isinstance(error, FileExistsError):
                raise
            self._keep(step)
            return False
        return True

    def _keep(self, step: JournalStep) -> None:
        """Rescue the version under the temporary's name unless history has it, then remove the temporary."""
        if not self._has_base(step) and self._look_calmly(step.temp) not in (step.base, step.target, ABSENT):
            self._rescue(step.path, temporaries.read(self._root, step.temp))
        atomic_replace.remove(self._root, step.temp)

    def _has_base(self, step: JournalStep) -> bool:
        """Whether the temporary holds the base still, as its stat data show; its content decides where they do not."""
        sight = self._replaced.get(step.temp)
        return sight is not None and sight.is_still(atomic_replace.facts_of(self._root, step.temp), self._began_ns)

    def roll_back(self) -> list[bytes]:
        """Roll back every step that was made; return the paths that do not hold their base afterwards.

        Where the user edited the new version, that edit stays. No temporary remains. Raise OSError when a version could
        not be put back: the journal must remain then.
        """
        edited = []
        for step in reversed(self._ordered):
            self._reach("roll back", step.path)
            if not self._take_back(step):
                edited.append(step.path)
        return edited

    def _take_back(self, step: JournalStep) -> bool:
        """Return whether the path has its base again, or was never changed."""
        if step.base == ABSENT:
            is_base = self._take_back_creation(step)
            self._remove_made_above(step.path)
            return is_base
        temp = self._look_calmly(step.temp)
        if step.target == ABSENT:
            return temp == ABSENT or (self._restore(step) and temp == step.base)
        if temp in (step.target, ABSENT):
            atomic_replace.remove(self._root, step.temp)
            return self._look_calmly(step.path) == step.base
        try:
            atomic_replace.exchange(self._root, step.temp, step.path)
        except OSError as error:
            if not atomic_replace.is_missing(error):
                raise
            self._keep(step)  # the user removed the new version since: it stays removed, and the edit is rescued
            return False
        self._probe("taken back, not looked", step.path)
        return self._leave_newest(step, temp) and temp == step.base

    def _take_back_creation(self, step: JournalStep) -> bool:
        if atomic_replace.exists(self._root, step.temp):
            atomic_replace.remove(self._root, step.temp)
            return True
        try:
            atomic_replace.move_new(self._root, step.path, step.temp)
        except OSError as error:
            if atomic_replace.is_missing(error):
                return True
            raise
        self._probe("taken back, not looked", step.path)
        is_ours = self._is_ours(step)
        if is_ours:
            atomic_replace.remove(self._root, step.temp)
        else:
            self._restore(step)
        return is_ours

    def _remove_made_above(self, path: bytes) -> None:
        while path := path.rpartition(b"/")[0]:
            if path not in self._made or not atomic_replace.remove_directory(self._root, path):
                return

    # -- done ---------------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Remove the temporaries, and the directories that the target does not have, after the branch has moved.

        A temporary holds the base, which history has; anything else goes to `rescue`.
        """
        # Once for all: a temporary is found in the directory where it was left, even if that is moved at this moment.
        self._root.renew()
        for step in self._ordered:
            self._probe("sweep", step.path)
            self._keep(step)
        for directory in sorted(self.journal.gone, key=len, reverse=True):
            atomic_replace.remove_directory(self._root, directory)

    def sweep_strays(self, root: str) -> None:
        """After a crash: remove the temporaries whose directory was moved since, wherever they are below `root`.

        One that holds neither the base nor the target of its step goes to `rescue`.
        """
        steps = {name: step for step in self._ordered for name in temporaries.names_of(step)}
        for path in temporaries.find(os.fsencode(root), steps.keys()):
            step = steps[path.rpartition(b"/")[2]]
            if self._look_calmly(path) not in (step.base, step.target, ABSENT):
                self._rescue(step.path, temporaries.read(self._root, path))
            atomic_replace.remove(self._root, path)

    def stat_of(self, path: bytes, target: str) -> os.stat_result | None:
        """Return the stat data of a path that provably holds `target`; None where git must read the file itself."""
        try:
            placed = self._placed.get(path)
            now = None if placed is None else atomic_replace.facts_of(self._root, path)
            if placed is not None and now is not None and identity(placed) == identity(now):
                return now
            found, facts, *_ = atomic_replace.see(self._root, path)
            found = atomic_replace.comparable(found, has_modes=self.journal.has_modes)
        except (OSError, BusyError):
            return None
        # The index could not detect a change within the same clock tick.
        is_racy = facts is None or facts.st_mtime_ns >= int(SystemClock().wall() * 1e9) - TICK_NS
        return None if found != target or is_racy else facts


def _content_of(facts: os.stat_result) -> tuple[int, int, int, int]:
    """Return what differs between two files, and when the content of one was changed; a rename changes none of it."""
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns
