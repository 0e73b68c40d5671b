"""What a person asks of one machine, answered by the daemon's own answers over an engine that is stepped.

Its lie: whoever asks does not wait on a thread of his own; the engine steps until his answer is there.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from gitsync.config.options import Config, RepoConfig
from gitsync.daemon.handlers import conflicts, undo
from gitsync.daemon.handlers.context import HandlerContext
from gitsync.daemon.runtime import Runtime
from gitsync.engine.committer import Committer
from gitsync.engine.messages import Perform
from gitsync.engine.owner import Ask
from gitsync.errors import GitsyncError, OperationError

CHOICES = ("name", "copy", "both", "done")


class Asked:
    """The runtime of one repository as the answers see it; `step` lets the engine do one thing, or time pass."""

    def __init__(
        self, config: RepoConfig, repo_state_dir: Path, committer: Committer, step: Callable[[], None]
    ) -> None:
        self.config = Config(repos=(config,))
        self._repo = config
        self._repo_state_dir = repo_state_dir
        self.committer = committer
        self._step = step
        self._patience_s = 0.0
        committer.ask = self._ask  # type: ignore[method-assign]  # the thread is not started: nobody would answer
        desk = HandlerContext(
            lambda: self.config, lambda: cast(Runtime, self), committer.clock, None, dict, lambda: None
        )
        self._answers = {**conflicts.answers(desk), **undo.answers(desk)}

    def repo_state_dir(self, repo: RepoConfig) -> Path:
        """Return where the engine keeps its journal."""
        return self._repo_state_dir

    def undo(self, number: int, is_keeping: bool, patience_s: float) -> str:
        """Take back the change of that number that can be, the newest first; return "done" or what was said."""

        def undone() -> None:
            changes = [item for item in self._answers["undo"]({"list": True})["changes"] if not item["is_undone"]]
            wanted = changes[number % len(changes)]["commit"]["id"] if changes and number else ""
            self._answers["undo"]({"name": self._repo.name, "commit": wanted, "keep": is_keeping})

        return self._try(undone, patience_s)

    def resolve(self, number: int, choice: int, patience_s: float) -> str:
        """Settle the conflict of that number in some way; return "done" or what was said, "" for no conflict."""
        conflicts = self._answers["conflicts"]({})["conflicts"]
        if not conflicts:
            return ""
        path, way = conflicts[number % len(conflicts)]["path"], CHOICES[choice % len(CHOICES)]
        return self._try(
            lambda: self._answers["resolve"]({"path": path, way: True, "repo": self._repo.name}), patience_s
        )

    def _try(self, act: Callable[[], object], patience_s: float) -> str:
        self._patience_s = patience_s
        try:
            act()
        except GitsyncError as error:
            return f"{error.code}: {error.message}"
        return "done"

    def _ask(self, what: object, patience_s: float) -> Any:
        future: Future[Any] = Future()
        ends_at = self.committer.clock.now() + min(patience_s, self._patience_s)
        self.committer.post(Ask(replace(what, ends_at=ends_at) if isinstance(what, Perform) else what, future))
        while not future.done():
            if self.committer.clock.now() >= ends_at:
                raise OperationError("nobody answered in time", code="no-answer")
            self._step()
        return future.result(0)
