"""Work on a long history that makes questions about it quick, done while its repository is idle.

Runs on the thread `housekeeper`, in children. Two caches: the index of lines that `find` asks, in the state directory,
and git's own commit-graph with changed paths, which git writes with `git gc`, too, but without the paths.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gitsync import proc
from gitsync.errors import GitsyncError
from gitsync.git import program
from gitsync.git.history.line_index import FILE
from gitsync.git.rules import config

logger = logging.getLogger(__name__)

# So long after the last commit of a repository, or its start, the work is done (seconds).
IDLE_S = 30.0
DEADLINE_S = 3600.0
# Below so many objects a history is read as quickly without any of it. A pack's index has 28 bytes an object.
FEWEST_OBJECTS = 1500
_INDEX_HEAD_BYTES, _INDEX_ENTRY_BYTES = 1072, 28
# git's own estimate: one of 256 directories stands for all.
_LOOSE_SAMPLE, _LOOSE_DIRECTORIES = "17", 256
# The commit-graph is written again after so many changes of the repository.
GRAPH_EVERY = 200
# The chunk of a commit-graph that has the changed paths, named in the table at its beginning.
_CHANGED_PATHS, _TABLE_BYTES = b"BDAT", 4096


@dataclass(frozen=True, slots=True)
class Watched:
    """A repository is watched from now on."""

    name: str
    root: Path
    repo_state_dir: Path


@dataclass(frozen=True, slots=True)
class Unwatched:
    """A repository is not watched any more."""

    name: str


@dataclass(slots=True)
class IdleWork:
    """When each repository has this work to be done; times are monotonic seconds."""

    _watched: dict[str, Watched] = field(default_factory=dict)
    _due_at: dict[str, float] = field(default_factory=dict)
    _changes: dict[str, int] = field(default_factory=dict)

    def watch(self, message: Watched, now: float) -> None:
        """Take a repository."""
        self._watched[message.name] = message
        self._changes[message.name] = GRAPH_EVERY
        self._due_at[message.name] = now + IDLE_S

    def unwatch(self, name: str) -> None:
        """Let go of a repository."""
        for known in (self._watched, self._due_at, self._changes):
            known.pop(name, None)

    def note_change(self, name: str, now: float) -> None:
        """Note that a repository's history has changed."""
        if name in self._watched:
            self._changes[name] += 1
            self._due_at[name] = now + IDLE_S

    def wake_at(self) -> float | None:
        """Return when there is something to do next, None for never."""
        return min(self._due_at.values(), default=None)

    def do(self, now: float, is_cancelled: Callable[[], bool]) -> None:
        """Do the work of one repository that is idle; what is cancelled is done when it is idle again."""
        name = next((name for name, at in self._due_at.items() if at <= now), None)
        if name is None:
            return
        del self._due_at[name]
        watched = self._watched[name]
        if not has_long_history(watched.root / ".git"):
            return
        if self._changes[name] >= GRAPH_EVERY and write_commit_graph(watched, is_cancelled):
            self._changes[name] = 0
        index_lines(watched, is_cancelled)
        if is_cancelled():
            self._due_at[name] = now + IDLE_S


def has_long_history(git_dir: Path) -> bool:
    """Return whether a repository has so many objects that this work is worth it, by the sizes of files alone."""
    try:
        sizes = [entry.stat().st_size for entry in os.scandir(git_dir / "objects/pack") if entry.name.endswith(".idx")]
        packed = sum(max(0, size - _INDEX_HEAD_BYTES) // _INDEX_ENTRY_BYTES for size in sizes)
        sample = git_dir / "objects" / _LOOSE_SAMPLE
        loose = sum(1 for _ in sample.iterdir()) if sample.is_dir() else 0
    except OSError:
        return False
    return packed + loose * _LOOSE_DIRECTORIES >= FEWEST_OBJECTS


def index_lines(watched: Watched, is_cancelled: Callable[[], bool]) -> None:
    """Bring the index of a repository's lines up to date."""
    place = watched.repo_state_dir / FILE
    argv = [sys.executable, "-m", "gitsync.git.history.index_lines", str(watched.root), str(place)]
    try:
        done = proc.run(argv, deadline_s=DEADLINE_S, cwd="/", is_cancelled=is_cancelled)
    except OSError as error:
        logger.warning("%s: the index of its lines could not be made: %s", watched.name, error)
        return
    if not done.ok and not done.is_cancelled:
        last = done.errors.splitlines()[-1:] or [f"status {done.returncode}"]
        logger.warning("%s: the index of its lines was not made: %s", watched.name, last[0])


def write_commit_graph(watched: Watched, is_cancelled: Callable[[], bool]) -> bool:
    """Have git write its commit-graph with the changed paths, unless its configuration forbids that; return whether
    that is done.
    """
    try:
        settings = config.read(watched.root)
        if not all(settings.is_true(key, True) for key in ("core.commitgraph", "gc.writecommitgraph")):
            return True
        # One that was written without the paths keeps its commits without them, unless it is replaced.
        split = "--split" if has_changed_paths(watched.root / ".git/objects/info") else "--split=replace"
        argv = ("commit-graph", "write", "--reachable", "--changed-paths", split)
        done = program.run(*argv, root=watched.root, deadline_s=DEADLINE_S, is_cancelled=is_cancelled)
    except (OSError, GitsyncError) as error:
        logger.warning("%s: git commit-graph could not be run: %s", watched.name, error)
        return True
    if not done.ok and not done.is_cancelled:
        logger.warning("%s: git commit-graph failed: %s", watched.name, done.errors[-200:])
    return not done.is_cancelled


def has_changed_paths(info: Path) -> bool:
    """Return whether the commit-graph of a repository has the changed paths of its oldest commits."""
    try:
        chain = info / "commit-graphs/commit-graph-chain"
        first = chain.read_text("ascii").split()[0] if chain.exists() else ""
        file = info / f"commit-graphs/graph-{first}.graph" if first else info / "commit-graph"
        with file.open("rb") as stream:
            return _CHANGED_PATHS in stream.read(_TABLE_BYTES)
    except (OSError, ValueError, IndexError):
        return False
