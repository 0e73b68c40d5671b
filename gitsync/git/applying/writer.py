"""Brings the steps of a journal into the work tree, or takes them back. This is the only writer of work trees.

Runs on the committer thread; owns a handle of the root while it works. Each step is one rename after which the old
version is under the temporary's name: it is looked at there, where nobody can open it any more, and when it is not the
base that the merge started from, it goes back to where it was. Nothing of the user's is unlinked before that look.

What the positions of a step's temporary T and path P tell (see `JournalStep`), whoever died when:

    replacement   T is the target: not made.      T is the base: made.   T is anything else: made, an edit came out.
    creation      T is there: not made.           T is gone: made.
    removal       T is gone and P there: not made. T is the base: made.   T is anything else: made, an edit came out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType

from gitsync.clock import SystemClock
from gitsync.git.applying import atomic_replace, temporaries
from gitsync.git.applying.atomic_replace import ABSENT, BusyError
from gitsync.git.applying.journal import Journal, JournalStep
from gitsync.git.applying.preflight import BUSY, IN_THE_WAY, Surprise
from gitsync.git.applying.temporaries import SYNC_ALL_FROM, Content, Probe, no_probe
from gitsync.git.staging.read import TICK_NS


class Applier:
    """The steps of one journal, bound to a work tree; use it as a context manager.

    `rescue` gets a path and a version of the user's that has no place in the work tree any more, because a newer one
    of his is there; it has to keep it for good, or raise.
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
        # What comes and changes goes before what merely goes: a renamed file is never nowhere.
        late.sort(key=lambda step: step.target == ABSENT)
        self._ordered = (*early, *late)
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Applier:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        os.close(self._root)

    def stage(self, contents: Callable[[bytes], Content]) -> None:
        """Write the temporaries, durably; raise OSError as the system does (then `discard`)."""
        temporaries.write(self._root, self.journal, contents, self._probe)

    def discard(self) -> None:
        """Take away the temporaries before the first step."""
        temporaries.discard(self._root, self.journal)

    def _look(self, path: bytes) -> str:
        return atomic_replace.comparable(atomic_replace.look(self._root, path), has_modes=self.journal.has_modes)

    def _look_calmly(self, path: bytes) -> str:
        return atomic_replace.comparable(atomic_replace.look_calmly(self._root, path), has_modes=self.journal.has_modes)

    def settle_links(self) -> None:
        """After a death: end exchanges that were being made of links, where the system has no exchange."""
        temporaries.settle_links(self._root, self.journal)

    # -- forward ------------------------------------------------------------------------------------------------------

    def advance(self) -> Surprise:
        """Make every step that is not made yet, durably; stop at the first surprise, with that path as it was.

        Raise OSError only when a version of the user's could not be put back: the journal must stay then.
        """
        surprise = Surprise()
        for step in self._ordered:
            self._probe("before", step.path)
            self._make(step, surprise)
            if surprise:
                return surprise
        if len(self._ordered) < SYNC_ALL_FROM or not atomic_replace.sync_all(self._root):
            touched = [path for step in self._ordered for path in (step.path, step.temp)]
            temporaries.sync_directories(self._root, [*touched, *self._made])
        return surprise

    def _make(self, step: JournalStep, surprise: Surprise) -> None:
        try:
            if not self._is_made(step):
                self._rename(step)
            self._probe("renamed", step.path)
            came_out = self._look(step.temp)
        except BusyError:
            self._put_back(step)
            surprise.blocked[step.path] = BUSY
        except FileExistsError:
            if atomic_replace.is_plain(self._root, step.path):
                surprise.edited.append(step.path)  # the user made it a moment ago
            else:
                surprise.blocked[step.path] = IN_THE_WAY
        except OSError as error:
            if atomic_replace.is_missing(error):
                surprise.edited.append(step.path)  # gone, or the directory above it: the user's doing
            else:
                surprise.blocked[step.path] = error.strerror or str(error)
        else:
            self._probe("looked", step.path)
            self._judge(step, came_out, surprise)

    def _judge(self, step: JournalStep, came_out: str, surprise: Surprise) -> None:
        """Take what came out of a step as its base, or put it back."""
        if came_out == ABSENT:
            # Nothing is kept back of a creation, and nothing is left of a step that was swept. A target that is not
            # where it belongs was lost: the steps are taken back and the merge begins again.
            if step.target != ABSENT and not self._has_arrived(step):
                surprise.edited.append(step.path)
        elif came_out != step.base:
            self._put_back(step)
            surprise.edited.append(step.path)

    def _has_arrived(self, step: JournalStep) -> bool:
        if step.base == ABSENT:
            return atomic_replace.exists(self._root, step.path)  # edited since, perhaps: then on top of what arrived
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
        """Remove the directories at and below `path` that the target has no more, as far as they are empty."""
        below = path + b"/"
        for directory in sorted(self.journal.gone, key=len, reverse=True):
            if directory == path or directory.startswith(below):
                atomic_replace.remove_directory(self._root, directory)

    # -- back ---------------------------------------------------------------------------------------------------------

    def _put_back(self, step: JournalStep) -> None:
        """Undo one step after an edit came out: the edit has its place again, unless a newer one is there."""
        self._probe("put back", step.path)
        if step.target == ABSENT:
            self._restore(step)
            return
        placed = self._look_calmly(step.temp)
        try:
            atomic_replace.exchange(self._root, step.temp, step.path)
        except OSError as error:
            if not atomic_replace.is_missing(error):
                raise
            # The user removed our version in this moment; what he had before comes back: an edit beats a removal.
            self._restore(step)
        else:
            self._probe("put back, not looked", step.path)
            self._leave_newest(step, placed)

    def _leave_newest(self, step: JournalStep, placed: str) -> bool:
        """After an exchange back, that put `placed` at the path: return whether what came out was ours.

        If the user had gone on from it, his goes back again, unless he has saved yet another version meanwhile.
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
        """Put what is under the temporary's name where it was, unless something newer is there."""
        try:
            atomic_replace.move_new(self._root, step.temp, step.path, is_made=True)
        except OSError as error:
            if not atomic_replace.is_missing(error) and not isinstance(error, FileExistsError):
                raise
            self._keep(step)
            return False
        return True

    def _keep(self, step: JournalStep) -> None:
        """Hand over what is under the temporary's name unless history has it, and take the name away."""
        if self._look_calmly(step.temp) not in (step.base, step.target, ABSENT):
            self._rescue(step.path, temporaries.read(self._root, step.temp))
        atomic_replace.remove(self._root, step.temp)

    def roll_back(self) -> list[bytes]:
        """Take back every step that was made; return the paths that hold something else than the base afterwards.

        Where the user went on from our version, his stays. No temporary is left. Raise OSError when a version could
        not be put back: the journal must stay then.
        """
        edited = []
        for step in reversed(self._ordered):
            self._probe("roll back", step.path)
            if not self._take_back(step):
                edited.append(step.path)
        return edited

    def _take_back(self, step: JournalStep) -> bool:
        """Return whether the path has the base again, or never had anything of ours."""
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
            self._keep(step)  # he removed our version since: that stays, but for what history does not have
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
        """Take away the temporaries and the directories that are no more, once the branch has moved.

        What is under a temporary's name is the base, which history has; anything else goes to `rescue`.
        """
        for step in self._ordered:
            self._probe("sweep", step.path)
            self._keep(step)
        for directory in sorted(self.journal.gone, key=len, reverse=True):
            atomic_replace.remove_directory(self._root, directory)

    def stat_of(self, path: bytes, target: str) -> os.stat_result | None:
        """Return the stat data of a path that provably holds `target`, None where git has to look for itself."""
        try:
            found, facts = atomic_replace.look_with_stat(self._root, path)
            found = atomic_replace.comparable(found, has_modes=self.journal.has_modes)
        except (OSError, BusyError):
            return None
        # A change within one tick of the clock would not show in what the index remembers.
        is_racy = facts is None or facts.st_mtime_ns >= int(SystemClock().wall() * 1e9) - TICK_NS
        return None if found != target or is_racy else facts
