"""Counts deletions over time, for the brake: what goes in slices is one deletion.

Runs on the committer thread; owns `deletions.json` in the repository's state directory. The deletions of the last ten
minutes count together. While files go on being removed, what is removed is not committed: it is judged when that has
ended, or after a minute. Files that a brake has asked about need an answer, or to be back, also after a restart.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from gitsync.core.safety import SMALL_DELETION
from gitsync.engine.memory import Memory
from gitsync.git.objects.trees import lookup
from gitsync.git.repository import head_tree
from gitsync.git.staging.worktree import Staged, Worktree

FILE = "deletions.json"
# Slices of one deletion (seconds): how long they count together, how long nothing more must go before they are judged,
# and how long they are held back at most.
WINDOW_S, CALM_S, HELD_S = 600.0, 5.0, 60.0
# Of more paths than this, only what was asked about is remembered over a restart.
KEPT = 20_000


class Deletions:
    """The deletions that were committed lately, those that are held back, and those that a brake has asked about."""

    def __init__(self, repo_state_dir: Path) -> None:
        self._memory = Memory(repo_state_dir / FILE)
        self._slices = _slices(self._memory.get("slices"))
        self.asked = _paths(self._memory.get("asked"))
        self._held: frozenset[bytes] = frozenset()
        self._began_at = self._grew_at = 0.0

    def total(self, worktree: Worktree, staged: Staged, wall: float) -> frozenset[bytes]:
        """Return what `staged` removes, with what was removed lately and is still missing."""
        removed = staged.removed | (self._held - staged.seen.keys())
        lately = {path for at, paths in self._slices if 0 <= wall - at < WINDOW_S for path in paths}
        if not removed or not lately:
            return removed
        tree = head_tree(worktree)[2]
        return removed | {path for path in lately if lookup(worktree.store, tree, path) is None}

    def hold(
        self, staged: Staged, total: Collection[bytes], now: float, wall: float, *, is_overdue: bool
    ) -> frozenset[bytes]:
        """Return what is not to be committed yet, because more is being removed; `is_overdue` is a batch without quiet.

        The instants are those of the monotonic and of the wall clock.
        """
        removed = staged.removed
        held = removed | (self._held - staged.seen.keys())
        is_sliced = is_overdue or bool(self._held) or any(0 <= wall - at < CALM_S for at, _ in self._slices)
        if not removed:
            self._held = held
            return frozenset()
        if not self._held:
            self._began_at = now
        if not held <= self._held:
            self._grew_at = now
        is_over = now >= self._grew_at + CALM_S or now >= self._began_at + HELD_S
        is_held = is_sliced and len(total) > SMALL_DELETION and not is_over
        self._held = held if is_held else frozenset()
        return removed if is_held else frozenset()

    def note(self, removed: frozenset[bytes], wall: float) -> None:
        """Remember what was committed."""
        if removed:
            recent = [(at, paths) for at, paths in self._slices if 0 <= wall - at < WINDOW_S]
            self._keep([*recent, (wall, removed)], self.asked)

    def ask(self, removed: frozenset[bytes]) -> None:
        """Remember what a brake asks about."""
        self._held = frozenset()
        self._keep(self._slices, removed)

    def end(self) -> None:
        """A person has answered."""
        self._held = frozenset()
        self._keep([], frozenset())

    def end_question(self) -> None:
        """Nothing is missing of what was asked about."""
        if self.asked:
            self._keep(self._slices, frozenset())

    def are_back(self, root: Path) -> bool:
        """Whether all files that were asked about are there again."""
        top = os.fsencode(root) + b"/"
        return bool(self.asked) and all(os.path.lexists(top + path) for path in self.asked)

    def _keep(self, slices: list[tuple[float, frozenset[bytes]]], asked: frozenset[bytes]) -> None:
        self._slices, self.asked = slices, asked
        noted = [[at, _names(paths)] for at, paths in slices]
        is_small = sum(len(paths) for _, paths in slices) <= KEPT
        self._memory.remember(slices=noted if noted and is_small else None, asked=_names(asked) or None)


def _names(paths: Collection[bytes]) -> list[str]:
    return sorted(map(os.fsdecode, paths))


def _paths(found: object) -> frozenset[bytes]:
    return frozenset(os.fsencode(str(path)) for path in found) if isinstance(found, list) else frozenset()


def _slices(found: object) -> list[tuple[float, frozenset[bytes]]]:
    pairs = [pair for pair in found if isinstance(pair, list) and len(pair) == 2] if isinstance(found, list) else []
    return [(float(at), _paths(paths)) for at, paths in pairs if isinstance(at, int | float)]
