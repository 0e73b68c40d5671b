"""What the last commits left out: files still being written, unreadable, in quarantine, or staged by the user.

Runs on the committer thread. Instants are monotonic seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from gitsync.git.staging.worktree import Staged, Worktree
from gitsync.model import Quarantined
from gitsync.text import shown

# A path that the user has staged is theirs for this long; then it is committed as it is on disk.
STAGED_GRACE_S = 600.0
# How often it is checked whether what the user staged was committed, or unstaged.
STAGED_LOOK_S = 1.0
UNREADABLE_RETRY_S = 60.0
# A file that was empty in this many moments, each `max_wait` after the last, is taken as it is.
EMPTY_TRIES = 2
SHOWN_NOTES = 20


class LeftOut:
    """The paths that were left out, why, and when they are looked at again."""

    def __init__(self) -> None:
        self.recheck_at: float | None = None
        self._quarantined: dict[bytes, Quarantined] = {}
        self._unreadable: dict[bytes, str] = {}
        self._staged_since: dict[bytes, float] = {}
        self._forced_tries: dict[bytes, int] = {}  # of files that were still being written
        self._problems: tuple[str, ...] = ()
        self._mark: object = None
        self._unreadable_at: float | None = None

    def forget_all_but_staged(self) -> None:
        """Forget everything but what the user has staged, which is theirs since they staged it."""
        self.recheck_at = self._unreadable_at = self._mark = None
        self._problems = ()
        for known in (self._quarantined, self._unreadable, self._forced_tries):
            known.clear()

    def begin(self, mark: object) -> None:
        """Note the mark of HEAD and index at which a batch begins."""
        self._mark = mark

    def overdue(self, now: float) -> frozenset[bytes]:
        """Return the paths that the user staged too long ago to be left alone."""
        return frozenset(path for path, since in self._staged_since.items() if now >= since + STAGED_GRACE_S)

    def empty(self) -> frozenset[bytes]:
        """Return the paths that are taken although they are empty."""
        return frozenset(path for path, tries in self._forced_tries.items() if tries >= EMPTY_TRIES)

    def take(
        self, staged: Staged, seen: frozenset[bytes], trees: frozenset[bytes], now: float, *, is_forced: bool
    ) -> None:
        """Note what a batch left out; `seen` and `trees` are the paths and directories it looked at."""
        below = tuple(tree + b"/" if tree else b"" for tree in trees)
        for kept in (self._quarantined, self._unreadable, self._staged_since):
            for path in [path for path in kept if path in seen or path.startswith(below)]:
                if kept is not self._staged_since or path not in staged.staged_by_user:
                    del kept[path]
        self._quarantined |= {os.fsencode(item.path): item for item in staged.quarantined}
        self._unreadable |= dict(staged.unreadable)
        for path in staged.staged_by_user:
            self._staged_since.setdefault(path, now)
        self._problems = tuple(problem.message for problem in staged.problems if problem.code != "filter")
        for path in self._forced_tries.keys() & (seen - staged.later):
            del self._forced_tries[path]
        if is_forced:
            self._forced_tries |= {path: self._forced_tries.get(path, 0) + 1 for path in staged.later}
        self._unreadable_at = now + UNREADABLE_RETRY_S if self._unreadable else None
        self._plan(now)

    def _plan(self, now: float) -> None:
        looks = [now + STAGED_LOOK_S] if self._staged_since else []
        self.recheck_at = min([*looks, *filter(None, [self._unreadable_at])], default=None)

    def take_rechecks(self, worktree: Callable[[], Worktree], now: float) -> list[bytes]:
        """Return the paths that deserve another look now.

        Entries that the user staged are examined when HEAD or the index has changed, and when their time is over.
        """
        if self.recheck_at is None or now < self.recheck_at:
            return []
        wanted: list[bytes] = []
        if self._staged_since:
            mark, self._mark = self._mark, worktree().mark
            is_moved = mark != self._mark
            wanted += [at for at, since in self._staged_since.items() if is_moved or now >= since + STAGED_GRACE_S]
        if self._unreadable_at is not None and now >= self._unreadable_at:
            self._unreadable_at = None
            wanted += self._unreadable
        self._plan(now)
        return wanted

    def staged_since(self, path: bytes) -> float | None:
        """Return when it was seen that the user has staged `path`, None where they have not."""
        return self._staged_since.get(path)

    def forget_seen(self, differing: frozenset[bytes]) -> None:
        """Drop what was left out: a full scan has named again what is still `differing`."""
        self._quarantined.clear()
        self._unreadable.clear()
        self._problems = ()
        for path in self._staged_since.keys() - differing:
            del self._staged_since[path]

    @property
    def quarantined(self) -> tuple[Quarantined, ...]:
        """Return the files that wait for a decision of the user."""
        return tuple(self._quarantined.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a user may want to know: unreadable files and other problems that delay nothing else."""
        unread = [(path, why) for path, why in self._unreadable.items() if path not in self._quarantined]
        lines = [f"cannot read {shown(path)}: {why}" for path, why in unread]
        lines += [
            f"{shown(path)} is staged by you: left alone for {STAGED_GRACE_S / 60:.0f} min"
            for path in self._staged_since
        ]
        return (*self._problems, *lines[:SHOWN_NOTES])
