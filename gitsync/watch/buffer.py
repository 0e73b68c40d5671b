"""Collects hints about changes in one repository until the committer takes them.

Any thread: watchers note, the committer steals. Owns a lock that is held only for set operations; `on_first` is called
outside it.

Hints may be wrong in one direction only: a noted path may be unchanged, ignored or gone. But every change is noted, as
a path, by a tree that contains it, or by a reason to scan everything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pending:
    """How much is noted, and since when; times are monotonic seconds, and 0.0 while `count` is 0.

    `aside_at` is since when paths that are known to be ignored wait; `count` does not include them.
    """

    count: int
    first_at: float
    last_at: float
    aside_at: float | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """The stolen hints: paths, trees, and reasons to scan everything; times are monotonic seconds."""

    paths: frozenset[bytes]
    trees: frozenset[bytes]
    reasons: frozenset[str]
    first_at: float
    last_at: float

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to examine."""
        return not (self.paths or self.trees or self.reasons)


class ChangeBuffer:
    """Collects hints until they are stolen; more than `limit` of them become one rescan."""

    def __init__(self, on_first: Callable[[], None], now: Callable[[], float], limit: int = 100_000) -> None:
        self._on_first = on_first
        self._now = now
        self._limit = limit
        self._lock = threading.Lock()
        self._has_told = False
        self._ignored: frozenset[bytes] = frozenset()
        self._aside: set[bytes] = set()
        self._aside_at: float | None = None
        self._empty()

    def note(self, paths: Iterable[bytes]) -> None:
        """Note paths relative to the work tree; takes the lock once per batch, and not for an empty one."""
        self.note_batch(paths=paths)

    def note_rescan(self, reason: str) -> None:
        """Note that everything must be scanned, and why."""
        self.note_batch(reasons=(reason,))

    def note_batch(self, paths: Iterable[bytes] = (), trees: Iterable[bytes] = (), reasons: Iterable[str] = ()) -> None:
        """Note all three kinds atomically, so that a steal gets all of a batch or nothing."""
        paths, trees, reasons = frozenset(paths), frozenset(trees), frozenset(reasons)
        if not (paths or trees or reasons):
            return
        with self._lock:
            is_first = False
            if self._ignored and not paths.isdisjoint(self._ignored):
                is_first = self._aside_at is None
                self._aside_at = self._now() if self._aside_at is None else self._aside_at
                self._aside |= paths & self._ignored
                paths -= self._ignored
            if paths or trees or reasons:
                is_first |= self._take(paths, trees, reasons)
        if is_first:
            self._on_first()

    def _take(self, paths: frozenset[bytes], trees: frozenset[bytes], reasons: frozenset[str]) -> bool:
        """Add notes, with the lock held; return whether they are the first since the last steal."""
        is_oldest = not self._size()
        self._paths |= paths
        self._trees |= trees
        self._reasons |= reasons
        # A repeated note does not change the size, but restarts the quiet period.
        self._last_at = self._now()
        if is_oldest:
            self._first_at = self._last_at
        self._collapse()
        is_first, self._has_told = not self._has_told, True
        return is_first

    def peek(self) -> Pending:
        """Return how much is noted, and since when, without taking it."""
        with self._lock:
            return Pending(self._size() + self._collapsed, self._first_at, self._last_at, self._aside_at)

    def holds(self, path: bytes) -> bool:
        """Whether `path` is going to be examined: itself, something below it, a tree above it, or everything is
        noted.
        """
        with self._lock:
            below = path + b"/"
            return bool(
                self._reasons
                or path in self._paths
                or any(tree in (b"", path) or below.startswith(tree + b"/") for tree in self._trees)
                or any(not path or noted.startswith(below) for noted in self._paths)
            )

    def steal(self) -> Noted:
        """Take everything; the next note calls `on_first` again."""
        with self._lock:
            noted = Noted(
                frozenset(self._paths | self._aside),
                frozenset(self._trees),
                frozenset(self._reasons),
                self._first_at,
                self._last_at,
            )
            self._has_told = False
            self._empty()
            return noted

    def give_back(self, noted: Noted) -> None:
        """Put back stolen hints that were not processed, with their original times. `on_first` is not called."""
        if noted.is_empty:
            return
        with self._lock:
            was_empty = not self._size()
            self._paths |= noted.paths
            self._trees |= noted.trees
            self._reasons |= noted.reasons
            self._first_at = noted.first_at if was_empty else min(self._first_at, noted.first_at)
            self._last_at = noted.last_at if was_empty else max(self._last_at, noted.last_at)
            self._collapse()

    def learn(self, looked_at: Iterable[bytes], ignored: Iterable[bytes]) -> None:
        """Learn which examined paths are ignored: notes of those do not start a quiet period from now on.

        They are kept aside and returned by the next steal: a log that is written continuously must not delay the commit
        of everything else. `look_aside` notes them on their own, because one of them may be tracked by now.
        """
        with self._lock:
            kept = self._ignored.difference(looked_at).union(ignored)
            self._ignored = kept if len(kept) <= self._limit else frozenset(ignored)

    def look_aside(self) -> None:
        """Note the paths kept aside like any others."""
        with self._lock:
            paths, self._aside, self._aside_at = frozenset(self._aside), set(), None
            if paths:
                self._take(paths, frozenset(), frozenset())

    def _empty(self) -> None:
        self._paths: set[bytes] = set()
        self._trees: set[bytes] = set()
        self._reasons: set[str] = set()
        self._aside, self._aside_at = set(), None
        self._collapsed = 0
        self._first_at = self._last_at = 0.0

    def _size(self) -> int:
        return len(self._paths) + len(self._trees) + len(self._reasons)

    def _collapse(self) -> None:
        """Replace more notes than the limit by one rescan, which finds all of them."""
        apart = len(self._paths) + len(self._trees)
        if apart > self._limit:
            self._collapsed += apart
            self._paths = set()
            self._trees = set()
            self._reasons.add(f"more than {self._limit} changes at once")
