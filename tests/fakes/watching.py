"""A real Watcher on a real tree, with what it noted gathered for the test."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitsync.watch.buffer import ChangeBuffer
from gitsync.watch.directories import Prune
from gitsync.watch.watcher import Watcher

PATIENCE_S = 60.0


def until(condition: Callable[[], object], what: str = "") -> None:
    """Wait until `condition` holds; fail when it does not within a minute."""
    ends_at = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > ends_at:
            raise AssertionError(f"waited in vain for {what or condition}")
        time.sleep(0.01)


class Watched:
    """A watcher and everything that it has noted so far."""

    def __init__(self, root: Path, prune_factory: Callable[[], Prune] | None = None, **options: Any) -> None:
        self.root = root
        self.paths: set[bytes] = set()
        self.trees: set[bytes] = set()
        self.reasons: set[str] = set()
        self.firsts = 0
        self.buffer = ChangeBuffer(self._on_first, time.monotonic)
        self.watcher = Watcher("test", root, self.buffer, prune_factory or (lambda: lambda _: False), **options)

    def _on_first(self) -> None:
        self.firsts += 1

    def gather(self) -> None:
        """Take what the buffer holds."""
        noted = self.buffer.steal()
        self.paths |= noted.paths
        self.trees |= noted.trees
        self.reasons |= noted.reasons

    def forget(self) -> None:
        """Wait until all that was done until now has been noted, and forget it."""
        marker = self.root / "marker"
        marker.touch()
        self.expect(b"marker")
        marker.unlink()
        self.paths.clear()
        self.expect(b"marker")
        self.paths.clear()
        self.trees.clear()
        self.reasons.clear()

    def expect(self, *paths: bytes) -> None:
        """Wait until all these paths are noted."""

        def is_noted() -> bool:
            self.gather()
            return self.paths.issuperset(paths)

        until(is_noted, f"{sorted(set(paths) - self.paths)[:5]}, have {sorted(self.paths)[:10]}")

    def expect_tree(self, path: bytes) -> None:
        """Wait until this tree is noted."""

        def is_noted() -> bool:
            self.gather()
            return path in self.trees

        until(is_noted, f"the tree {path!r}")

    def expect_reason(self, text: str) -> None:
        """Wait until everything is to be looked at, for that reason."""

        def is_noted() -> bool:
            self.gather()
            return any(text in reason for reason in self.reasons)

        until(is_noted, f"the reason {text!r}")


@contextmanager
def watching(root: Path, prune_factory: Callable[[], Prune] | None = None, **options: Any) -> Iterator[Watched]:
    """A started watcher, stopped at the end."""
    watched = Watched(Path(os.path.realpath(root)), prune_factory, **options)
    watched.watcher.start()
    try:
        yield watched
    finally:
        assert watched.watcher.stop(PATIENCE_S)
