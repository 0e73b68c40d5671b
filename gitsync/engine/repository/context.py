"""What a repository and its parts work with: its configuration, and where they read, show and send.

Runs on the committer thread. Frozen: a changed configuration makes a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gitsync.clock import Clock
from gitsync.config.options import RepoConfig
from gitsync.engine.board import Board, LocalPart
from gitsync.git.patience import Patience
from gitsync.git.probe import Probe, no_probe
from gitsync.watch.buffer import ChangeBuffer

Post = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class RepositoryContext:
    """The surroundings of one repository; `repo_state_dir` holds its journal, lock records and memory."""

    config: RepoConfig
    buffer: ChangeBuffer
    board: Board
    clock: Clock
    repo_state_dir: Path
    post: Post
    probe: Probe = no_probe
    patience: Patience | None = None

    @property
    def name(self) -> str:
        """Return the repository's name in the configuration."""
        return self.config.name

    @property
    def local(self) -> LocalPart:
        """Return what the board shows of the repository's local side."""
        return self.board.local(self.name)

    def show(self, **fields: Any) -> None:
        """Show these fields of the repository's local side on the board."""
        self.board.set_local(self.name, **fields)

    @property
    def send(self) -> Callable[[object], None]:
        """Return what sends a message to the repository's exchanger, or to the main thread."""
        return partial(self.post, self.name)
