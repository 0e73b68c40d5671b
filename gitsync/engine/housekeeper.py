"""Slow consequences of events: the user's hook commands, collecting garbage, and the caches of long histories.

Runs on the thread `housekeeper`, which owns nothing but its children. The board tells it every event; it does one thing
after the other, so a slow hook holds up other hooks and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitsync import proc
from gitsync.clock import Clock
from gitsync.config.options import HooksConfig
from gitsync.engine.heap import give_back
from gitsync.engine.idle_work import IdleWork, Unwatched, Watched
from gitsync.engine.owner import Owner, Stop, ThreadDied
from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.git.rules import config

logger = logging.getLogger(__name__)

HOOK_DEADLINE_S = 60.0
GC_DEADLINE_S = 1800.0
# git's own estimate: one of 256 directories stands for all. libgit2 never collects, so somebody has to.
LOOSE_SAMPLE = "17"
LOOSE_LIMIT = 6000 // 256
PACK_LIMIT = 50
LOG_CHARS = 2000
# The events after which a history is longer.
CHANGES = ("committed", "pulled", "merged")
# Where nothing is ever idle, free memory is given back after so many changes: it lies between what is used, and grows.
GIVE_BACK_EVERY = 50
# Linux takes no longer text in an environment than 128 KiB; a list of paths may be.
VALUE_CHARS = 16_000


class Housekeeper(Owner):
    """Runs hooks and `git gc`, one after the other."""

    def __init__(
        self,
        hooks: HooksConfig,
        clock: Clock,
        on_death: Callable[[ThreadDied], None],
        *,
        deadline_s: float = HOOK_DEADLINE_S,
    ) -> None:
        super().__init__("housekeeper", clock, on_death)
        self.hooks = hooks
        self._deadline_s = deadline_s
        self._idle_work = IdleWork()
        self._changes = 0  # since free memory was given back
        self._behind: dict[str, int] = {}  # by command, how many events came while it hung

    def step(self, message: object | None, now: float) -> None:
        """Take one event of the board."""
        if isinstance(message, Stop):
            self.end()
        elif isinstance(message, dict) and not self.is_cancelled:
            skipped = {command for command, left in self._behind.items() if left > 0}
            self._behind = {command: left - 1 for command, left in self._behind.items() if left > 1}
            for command in commands_for(self.hooks, message):
                if command not in skipped:
                    self._run_hook(command, message)
            if message["event"] == "committed":
                self._collect(message["repo"], Path(message["path"]))
            if message["event"] in CHANGES:
                self._idle_work.note_change(message["repo"], now)
                self._changes += 1
                if self._changes >= GIVE_BACK_EVERY:
                    self._give_back()
        elif isinstance(message, Watched):
            self._idle_work.watch(message, now)
        elif isinstance(message, Unwatched):
            self._idle_work.unwatch(message.name)
        elif message is None:
            self._idle_work.do(now, self._is_wanted)
            self._give_back()

    def _give_back(self) -> None:
        self._changes = 0
        give_back()

    def wake_at(self) -> float | None:
        """Return when a repository will have been idle for long enough."""
        return self._idle_work.wake_at()

    def _is_wanted(self) -> bool:
        """Whether the work for an idle repository has to make way: the end, or an event that a hook may wait for."""
        return self.is_cancelled or (not self.inbox.empty() and self.hooks != HooksConfig())

    def _run_hook(self, command: str, event: dict[str, Any]) -> None:
        environment = {
            f"GITSYNC_{key.upper()}": _text(value)[:VALUE_CHARS] for key, value in event.items() if value is not None
        }
        path = event.get("path")
        try:
            done = proc.run(
                ["sh", "-c", command],
                deadline_s=self._deadline_s,
                # The hook may run because the root has vanished.
                cwd=path if path and Path(path).is_dir() else None,
                env=environment,
                is_cancelled=lambda: self.is_cancelled,
            )
        except (OSError, ValueError) as error:
            logger.warning("the hook %r for %s could not be run: %s", command, event["event"], error)
            return
        said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()[:LOG_CHARS]
        if done.is_cancelled:
            return
        if done.ok:
            level = logging.INFO if said else logging.DEBUG
            logger.log(level, "hook %r for %s: %s", command, event["event"], said or "no output")
        else:
            why = (
                f"took longer than {self._deadline_s:.0f} s"
                if done.is_over_deadline
                else f"ended with {done.returncode}"
            )
            logger.warning("the hook %r for %s %s: %s", command, event["event"], why, said or "no output")
        if done.is_over_deadline and (count := self.inbox.qsize()):
            # Else a hook that always hangs would fall behind for ever.
            self._behind[command] = count
            logger.warning("the hook %r was not run for %d events that happened meanwhile", command, count)

    def _collect(self, name: str, root: Path) -> None:
        if not _is_worth_collecting(root / ".git") or not _may_collect(root):
            return
        logger.debug("%s: collecting garbage", name)
        # Never --prune=now: beside a commit that is being made it takes objects which no ref reaches yet.
        try:
            done = program.run(
                "gc", "--quiet", root=root, deadline_s=GC_DEADLINE_S, is_cancelled=lambda: self.is_cancelled
            )
        except OSError as error:
            logger.warning("%s: git gc could not be run: %s", name, error)
            return
        if not done.ok and not done.is_cancelled:
            logger.warning("%s: git gc failed: %s", name, done.errors[:LOG_CHARS])


def commands_for(hooks: HooksConfig, event: dict[str, Any]) -> tuple[str, ...]:
    """Return the hook commands that an event of the board calls for."""
    kind = event["event"]
    if kind == "committed":
        return hooks.after_commit
    if kind in ("pushed", "pulled", "merged"):
        return hooks.after_sync
    if kind == "conflict":
        return hooks.on_conflict if event.get("copies") else ()  # else a policy has decided it
    if kind == "problem":
        return hooks.on_conflict if event.get("code") == "conflict" else hooks.on_error
    return ()


def _text(value: object) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _may_collect(root: Path) -> bool:
    """Whether git would collect garbage here by itself: `gc.auto = 0` leaves it to the user."""
    try:
        settings = config.read(root)
    except OperationError as error:
        logger.debug("garbage is not collected: %s", error.message)
        return False
    return settings.is_true("gc.auto", True) and not settings.get("gc.auto").startswith("-")


def _is_worth_collecting(git_dir: Path) -> bool:
    loose, packs = git_dir / "objects" / LOOSE_SAMPLE, git_dir / "objects/pack"
    try:
        if loose.is_dir() and sum(1 for _ in loose.iterdir()) > LOOSE_LIMIT:
            return True
        return packs.is_dir() and sum(entry.suffix == ".pack" for entry in packs.iterdir()) > PACK_LIMIT
    except OSError as error:
        logger.debug("cannot look into %s: %s", git_dir, error)
        return False
