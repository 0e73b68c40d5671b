"""The committer: one thread that owns every work tree.

Theory of operation
-------------------
Runs on the thread `committer`, alone. It owns the index, the work tree, HEAD and the local branches of every
repository, and the pygit2 handles through which they are reached; nothing else in the program writes them.

Others reach it by messages. The buffer of a repository posts `Dirty` with its first note, an exchanger posts `Fetched`,
a control connection asks (`CommitNow`, `Pause`, ...) and gets a frozen answer. Every ask has a deadline.

The loop is a step. A step takes one message, then lets each repository whose time has come do one step of work: a scan,
a few dozen milliseconds of staging, one commit, one integration. Then it looks at its inbox again. So a batch of ten
thousand files is staged over many steps and a single save elsewhere is committed in between.

`wake_at` is the earliest instant at which any repository has work. With nothing pending it is the next periodic
reconcile, so an idle committer sleeps in its inbox and costs nothing. A repository is asked for its instant when a
message or a step of its own has concerned it, so a save costs the same beside one repository and beside two hundred.

Trouble stays where it is: a repository's errors become that repository's state (`steps.tick` catches them).
An exception that is not a GitsyncError is a bug and leaves `step`, which ends the process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from gitsync.clock import Clock, boot_offset
from gitsync.config.options import MIRROR_NAME
from gitsync.core.states import STANDING, WorktreeState
from gitsync.engine.board import Board
from gitsync.engine.messages import (
    Adopt,
    Agree,
    CommitNow,
    Dirty,
    Drop,
    Explain,
    Fetched,
    HeadWanted,
    Pause,
    Perform,
    Pushed,
    Refresh,
    Rescan,
    Resume,
    TakeAnswer,
    Track,
    Untrack,
    Watched,
    Woken,
)
from gitsync.engine.offline_status import show_head
from gitsync.engine.owner import Ask, Owner, Stop, ThreadDied
from gitsync.engine.repository.perform import path_status, perform
from gitsync.engine.repository.preconditions import refresh
from gitsync.engine.repository.repository import LocalRepository
from gitsync.engine.repository.steps import tick
from gitsync.errors import UsageError
from gitsync.git.patience import Patience
from gitsync.git.probe import Probe, no_probe
from gitsync.watch.buffer import ChangeBuffer
from gitsync.watch.selected import SelectedBuffer

logger = logging.getLogger(__name__)

# A wall clock that ran this much ahead of the monotonic one means that the machine slept.
SLEEP_JUMP_S = 10.0
# At the end, what is pending is committed; what takes longer stays on disk for the next start.
LAST_COMMIT_S = 8.0
# A filter that takes longer then holds back its own file, not the last commit.
FILTER_STOP_S = 3.0


class Committer(Owner):
    """Owns the work trees; see the module's theory of operation."""

    def __init__(
        self,
        clock: Clock,
        board: Board,
        post: Callable[[str, object], None],
        on_death: Callable[[ThreadDied], None],
        *,
        probe: Probe = no_probe,
    ) -> None:
        super().__init__("committer", clock, on_death)
        self._probe = probe
        self._board = board
        self._post = post
        self._repos: dict[str, LocalRepository] = {}
        self._due: dict[str, float | None] = {}  # when each repository has work, as it last said
        self._buffers: dict[str, ChangeBuffer] = {}
        self.home_buffer = SelectedBuffer(partial(self.post, Dirty(MIRROR_NAME)), clock.now)
        self._offset = boot_offset()
        self._leave_at: float | None = None
        self._turn_at = 0.0

    def leave(self) -> None:
        """Wait for filters no longer than a few seconds from now; called by main before it posts `Stop`."""
        self._leave_at = self.clock.now() + FILTER_STOP_S

    def _is_leaving(self) -> bool:
        return self._leave_at is not None and self.clock.now() >= self._leave_at

    def _is_waited_for(self, name: str, grace_s: float) -> bool:
        """Whether something else waits for `name` to end its turn, which has taken longer than the grace."""
        now = self.clock.now()
        if now - self._turn_at < grace_s:
            return False
        wanted = [other.wake_at(now) for other in self._repos.values() if other.name != name]
        return not self.inbox.empty() or any(at is not None and at <= now for at in wanted)

    def buffer_for(self, name: str) -> ChangeBuffer:
        """Return the buffer of a repository, made on first use; called by main before it starts the watcher."""
        if name not in self._buffers:
            self._buffers[name] = ChangeBuffer(partial(self.post, Dirty(name)), self.clock.now)
        return self._buffers[name]

    def step(self, message: object | None, now: float) -> None:
        """Take one message, then let every repository that is due do one step of work."""
        has_slept = self._notice_sleep()
        if isinstance(message, Stop):
            self._commit_last(now)
            self.end()
            return
        if isinstance(message, Ask):
            self._reply(message)
        elif message is not None:
            self._take(message)
        self._ask_when_due(message, has_slept=has_slept)
        for name in [name for name, at in self._due.items() if at is not None and at <= now]:
            repository = self._repos[name]
            wanted = repository.wake_at(now)
            if wanted is not None and wanted <= now:
                self._give_turn(repository)
            self._due[name] = repository.wake_at(self.clock.now())

    def _ask_when_due(self, message: object | None, *, has_slept: bool) -> None:
        """Ask the repositories that a message may have concerned: its own, or all where it names none or asks."""
        name, now = getattr(message, "repo", None), self.clock.now()
        if has_slept or isinstance(message, Ask) or (message is not None and not isinstance(name, str)):
            self._due = {name: repository.wake_at(now) for name, repository in self._repos.items()}
        elif name in self._repos:
            self._due[name] = self._repos[name].wake_at(now)

    def _give_turn(self, repository: LocalRepository) -> None:
        self._turn_at = self.clock.now()
        tick(repository, self._turn_at)

    def wake_at(self) -> float | None:
        """Return the earliest instant at which a repository has work."""
        return min((at for at in self._due.values() if at is not None), default=None)

    def teardown(self) -> None:
        """Close every repository."""
        for repository in self._repos.values():
            repository.close()

    def _take(self, message: object) -> None:
        match message:
            case Dirty() | Woken():
                pass  # the buffer has it, and a jump of the clock is looked for at each step
            case Fetched(repo=name) | HeadWanted(repo=name) if name in self._repos:
                self._repos[name].exchange(message)
            case Pushed(repo=name, commit=commit, via=via) if name in self._repos:
                self._repos[name].integration.distance.see_push(commit, via)
            case Watched(repo=name, kind=kind, hint=hint) if name in self._repos:
                self._repos[name].show_watch(kind, hint)
            case Rescan(repo=name, reason=reason) if name in self._repos:
                self._repos[name].rescan(reason)
            case _:
                logger.debug("a message for an unknown repository: %r", message)

    def _reply(self, ask: Ask) -> None:
        future: Future[Any] = ask.future
        match ask.what:
            case Adopt(repo=config):
                self._adopt(ask.what)
                future.set_result(config.name)
            case Refresh():
                for repository in self._repos.values():
                    refresh(repository, self.clock.now())
                future.set_result(None)
            case Drop(repo=name):
                if name in self._repos:
                    gone = self._repos.pop(name)
                    self._commit_rest([gone], LAST_COMMIT_S)
                    gone.close()
                self._buffers.pop(name, None)
                self._board.forget(name)
                future.set_result(None)
            case Track() | Untrack() | Agree() | TakeAnswer():
                from gitsync.engine.repository.home import track  # late: not everybody has a mirror

                track(self._repos.get(MIRROR_NAME), ask.what, future)
            case (
                CommitNow(repo=name) | Pause(repo=name) | Resume(repo=name) | Perform(repo=name) | Explain(repo=name)
            ) if name not in self._repos:
                future.set_exception(UsageError(f"no repository is called {name!r}", "gitsyncctl list names them"))
            case CommitNow(repo=name, is_scanning=is_scanning):
                self._repos[name].commit_now(future, is_scanning=is_scanning)
            case Perform(repo=name):
                perform(self._repos[name], ask.what, future)
            case Explain(repo=name, path=path):
                future.set_result(path_status(self._repos[name], path))
            case Pause(repo=name, until=until):
                self._repos[name].pause(until)
                future.set_result(None)
            case Resume(repo=name):
                self._repos[name].resume(ask.what)
                future.set_result(None)
            case _:
                raise TypeError(f"the committer cannot be asked {ask.what!r}")

    def _adopt(self, adopt: Adopt) -> None:
        config = adopt.repo
        known = self._repos.get(config.name)
        make: Callable[..., LocalRepository] = LocalRepository
        if adopt.home is not None and config.name == MIRROR_NAME:
            from gitsync.engine.repository.home import HomeRepository  # late: not everybody has a mirror

            if isinstance(known, HomeRepository):
                known.reconfigure_home(adopt.home)
            make = partial(HomeRepository, adopt.home, self.home_buffer)
        if known is not None:
            known.reconfigure(config)
            return
        self._repos[config.name] = make(
            config,
            buffer=self.buffer_for(config.name),
            board=self._board,
            clock=self.clock,
            repo_state_dir=adopt.repo_state_dir,
            post=self._post,
            probe=self._probe,
            patience=Patience(self._is_leaving, partial(self._is_waited_for, config.name), self.clock.now),
        )
        if self._repos[config.name].machine is WorktreeState.PAUSED:
            show_head(self._board, config, adopt.repo_state_dir)

    def _notice_sleep(self) -> bool:
        offset = boot_offset()
        has_slept = abs(offset - self._offset) > SLEEP_JUMP_S
        if has_slept:
            for repository in self._repos.values():
                repository.rescan("the clock jumped: a resume from sleep, or it was set")
        self._offset = offset
        return has_slept

    def _commit_last(self, now: float) -> None:
        pending = [repository for repository in self._repos.values() if repository.has_pending]
        self._commit_rest(pending, LAST_COMMIT_S)

    def _commit_rest(self, repositories: list[LocalRepository], patience_s: float) -> None:
        """Commit what is pending without waiting for quiet; what cannot be done in time stays for the next start."""
        ends_at = self.clock.now() + patience_s
        for repository in repositories:
            repository.hurry_up()
        while self.clock.now() < ends_at:
            left = [repository for repository in repositories if repository.is_working]
            if not left:
                return
            for repository in left:
                self._give_turn(repository)
        for repository in repositories:
            if repository.has_pending and repository.machine not in STANDING:
                logger.warning("%s: stopped before all was committed; the next start goes on", repository.name)
