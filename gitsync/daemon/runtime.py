"""The engine put together: committer, exchangers and watchers of one configuration.

Runs on the main thread, which owns the locks and the lists of threads. Started in order (committer, watcher, first
scan, exchanger: the watcher before the scan, so that there is no gap) and stopped in reverse. The daemon, `--once` and
the control command without a daemon all use it; without `is_watching` there are no watchers.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from gitsync.clock import Clock
from gitsync.config.options import MIRROR_NAME, Config, RepoConfig
from gitsync.core.deferral import UNKNOWN, sentence
from gitsync.core.reconcile import may_fetch
from gitsync.daemon import sync
from gitsync.daemon.exchanges import STOP_S as EXCHANGER_STOP_S
from gitsync.daemon.exchanges import Exchanges
from gitsync.daemon.jobs import JobThreads, watching
from gitsync.daemon.lock import RepositoryLocks
from gitsync.daemon.notify import Notifier
from gitsync.daemon.watchers import REMAKE_EVERY_S, Watchers
from gitsync.engine.alarm import Alarm
from gitsync.engine.board import INBOX, Board
from gitsync.engine.committer import Committer
from gitsync.engine.exchange.exchanger import Exchanger
from gitsync.engine.exchange.inbox_taker import InboxTaker
from gitsync.engine.exchange.report_memory import MACHINE_FILES
from gitsync.engine.exchange.turns import Turns
from gitsync.engine.housekeeper import Housekeeper
from gitsync.engine.idle_work import Unwatched, Watched
from gitsync.engine.memory import EXCHANGE_FILES, PAUSE_FILE
from gitsync.engine.messages import (
    Adopt,
    ConditionsWanted,
    CoverageChanged,
    Deferred,
    Drop,
    InboxClosed,
    InboxOpened,
    Noticed,
    Opened,
    Perform,
    Rescan,
    Resume,
    WatcherDoubted,
    Woken,
)
from gitsync.engine.owner import Ask, Stop
from gitsync.engine.repository.root import ROOT_FILE
from gitsync.engine.system_events import SystemEvents
from gitsync.errors import AlreadyRunningError, GitsyncError, OperationError
from gitsync.git.files import storage_error, sweep_unfinished
from gitsync.git.history.line_index import FILE, discard
from gitsync.git.probe import Probe, no_probe
from gitsync.git.remote.inbox import close_inbox
from gitsync.git.staging.worktree import Worktree
from gitsync.model import Problem, RepoState
from gitsync.places import repository_dir
from gitsync.watch.shared import SharedInotify

logger = logging.getLogger(__name__)

# The whole stop stays under 20 seconds: service managers kill what takes much longer.
COMMITTER_STOP_S = 10.0
HOUSEKEEPER_STOP_S = 2.0
SYSTEM_EVENTS_STOP_S = 4.0
DROP_S = 30.0
# How often a repository that another gitsync holds is asked for.
REFUSED_EVERY_S = 10.0
# Codes of a work tree that is not there, or has no repository.
ABSENT = frozenset({"root-vanished", "not-a-repository"})


class Runtime:
    """The threads of one configuration."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        state_dir: Path,
        on_message: Callable[[object], None],
        *,
        is_watching: bool,
        probe: Probe = no_probe,
    ) -> None:
        self.config = config
        self.clock = clock
        self.housekeeper = Housekeeper(config.hooks, clock, on_message)
        self.notifier = Notifier(config.daemon.notify if is_watching else "off", clock, on_message)
        self.board = Board(clock, self._take_event)
        self.locks = RepositoryLocks()
        self.committer = Committer(clock, self.board, self._route, on_message, probe=probe)
        self._alarm = Alarm(clock, on_message)
        self.exchangers = Exchanges(self.board, self._exchanger)
        inotify = SharedInotify()
        self.system_events = SystemEvents(clock, self._route, self._route_all, on_message, inotify)
        self.inbox = InboxTaker(
            clock, self.board, self.committer.post, self.system_events.post, on_message, is_scheduled=is_watching
        )
        self.watchers = Watchers(self.committer, clock, inotify)
        self.jobs = JobThreads(
            clock,
            self.board,
            state_dir,
            on_message,
            self._perform_for_job,
            watching(lambda: self.config.repos),
            is_scheduled=is_watching,
        )
        self._state_dir = state_dir
        self._on_message = on_message
        self._is_watching = is_watching
        self._refused: dict[str, float] = {}
        self._turns = Turns()
        self.deferred: tuple[str, ...] = ()

    def lock_all(self) -> None:
        """Take the lock of every repository. Raise AlreadyRunningError when another process holds one."""
        try:
            for repo in self.config.repositories:
                self.locks.acquire(repo.name, repo.path)
        except AlreadyRunningError:
            self.locks.release_all()
            raise

    def start(self) -> None:
        """Start the committer, then every repository."""
        sweep_unfinished(self._state_dir)
        for owner in (
            self.housekeeper,
            self.notifier,
            self.committer,
            self.inbox,
            *((self.system_events, self._alarm) if self._is_watching else ()),
        ):
            owner.start()
        for repo in self.config.repositories:
            self._add(repo)
        self.jobs.reload(self.config.jobs, self.config.daemon.network_timeout, self._first_deferral())
        self._ask_conditions()

    def stop(self) -> None:
        """Stop in reverse: no more hints, no more network, commit what is pending, let go of the locks."""
        for exchanger in self.exchangers:
            exchanger.cancel()
            exchanger.post(Stop())
        self.system_events.post(Stop())
        self.inbox.cancel()
        self.inbox.post(Stop())
        self.watchers.stop_all()
        self.jobs.stop()
        ends_at = self.clock.now() + EXCHANGER_STOP_S
        for owner in (*self.exchangers, self.inbox):
            if owner.is_alive and not owner.join(max(0.0, ends_at - self.clock.now())):
                logger.warning("%s did not stop in time", owner.name)
        if self.system_events.is_alive:
            self.system_events.join(SYSTEM_EVENTS_STOP_S)
        if self.committer.is_alive:
            self.committer.leave()
            self.committer.post(Stop())
            if not self.committer.join(COMMITTER_STOP_S):
                logger.warning("the last commit did not end in time; the next start goes on with it")
        for owner in (self._alarm, self.notifier, self.housekeeper):
            if owner.is_alive:
                owner.post(Stop())
                if not owner.join(HOUSEKEEPER_STOP_S):
                    owner.cancel()
                    owner.join(HOUSEKEEPER_STOP_S)
        self.locks.release_all()

    def reload(self, config: Config) -> dict[str, list[str]]:
        """Take a new configuration over: repositories appear, disappear and change; return their names."""
        old = {repo.name: repo for repo in self.config.repositories if repo.name not in self._refused}
        new = {repo.name: repo for repo in config.repositories}
        is_network_same = self.config.daemon.network_timeout == config.daemon.network_timeout
        anew = {name for name in old if name not in new or old[name].path != new[name].path or self._is_back(old[name])}
        removed = [name for name in old if name in anew]
        added = [name for name in new if name not in old or name in anew]
        kept = [name for name in new if name in old and name not in added]
        other_home = MIRROR_NAME if self.config.home != config.home else ""
        changed = [name for name in kept if old[name] != new[name] or not is_network_same or name == other_home]
        for name in removed:
            self._remove(name, old[name].path)
        for name in list(self._refused):
            del self._refused[name]
            self.board.forget(name)
        were_wanted = self._conditions
        old_jobs, new_jobs = ({job.name for job in each.jobs} for each in (self.config, config))
        self.config = config
        self.jobs.reload(config.jobs, config.daemon.network_timeout, self._first_deferral())
        self.housekeeper.hooks = config.hooks
        self.notifier.policy = config.daemon.notify
        for name in changed:
            self.exchangers.end(name)
            self.watchers.stop(name)
            self._begin(new[name])
        for name in added:
            self._admit(new[name])
        if were_wanted != self._conditions or self._first_deferral() is not None:
            self._ask_conditions()
        added += sorted(new_jobs - old_jobs)
        removed += sorted(old_jobs - new_jobs)
        return {"added": added, "removed": removed, "changed": changed}

    def _is_back(self, repo: RepoConfig) -> bool:
        """Whether a repository that was not there has been made since, or is there again."""
        error = self.board.status(repo.name).error
        return error is not None and error.code in ABSENT and (repo.path / ".git").exists()

    # -- watchers -----------------------------------------------------------------------------------------------------

    def wake_at(self) -> float | None:
        """Return when a watcher is to be rebuilt, or a repository that another gitsync holds is asked for."""
        return min((*self.watchers.remake_at.values(), *self._refused.values()), default=None)

    def remake_watchers(self) -> None:
        """Make again those watchers whose time has come; a root that is still missing is looked at again later."""
        now = self.clock.now()
        for repo in [repo for repo in self.config.repositories if self._refused.get(repo.name, now + 1) <= now]:
            self._admit(repo)
        remake_at = self.watchers.remake_at
        for name in [name for name, at in remake_at.items() if at <= now]:
            remake_at[name] = now + REMAKE_EVERY_S
            found = next((repo for repo in self.config.repositories if repo.name == name), None)
            if found is None:
                del remake_at[name]
            elif os.path.isdir(found.path) and self._is_locked(found):  # noqa: PTH112 - Path.is_dir raises for EACCES
                self.watchers.stop(name)
                if self.watchers.start(found):
                    del remake_at[name]
                    self.watchers.tell(name)
                    self.committer.post(Rescan(name, "the watcher was restarted"))

    # -- sync now -----------------------------------------------------------------------------------------------------

    def sync(self, names: list[str], *, patience_s: float, direction: str = "both") -> None:
        """Commit, fetch, integrate and push the named repositories now; return when done or out of patience."""
        sync.sync(
            self.committer,
            self.exchangers,
            self.inbox,
            self.board,
            names,
            self.clock,
            patience_s,
            direction,
            is_scanning=self._is_watching,  # a single pass has just compared everything
        )

    def begin_sync(self, names: list[str]) -> None:
        """Begin the same and return at once."""
        sync.begin(self.committer, self.exchangers, names)

    # -- one repository -----------------------------------------------------------------------------------------------

    def _admit(self, repo: RepoConfig) -> None:
        """Take a repository's lock and start it; one that another gitsync holds is asked for again and again."""
        if self._is_locked(repo):
            self._add(repo)

    def _is_locked(self, repo: RepoConfig) -> bool:
        """Take a repository's lock where it is not ours yet; show who holds it when it cannot be had."""
        try:
            self.locks.acquire(repo.name, repo.path)
        except (AlreadyRunningError, OSError) as error:
            hint = error.hint if isinstance(error, GitsyncError) else "check the permissions of its .git directory"
            problem = Problem("already-running", str(error), hint)
            if repo.name in self.watchers.remake_at:
                self._remove(repo.name)
            self._refused[repo.name] = self.clock.now() + REFUSED_EVERY_S
            self.board.set_local(
                repo.name, path=str(repo.path), state=RepoState.ERROR, reason=problem.message, error=problem
            )
            return False
        if self._refused.pop(repo.name, None) is not None:
            self.board.forget(repo.name)
        return True

    def _add(self, repo: RepoConfig) -> None:
        logger.info("watching %s: %s", repo.name, repo.path, extra={"gitsync_event": {"repo": repo.name}})
        self._begin(repo)

    def _begin(self, repo: RepoConfig) -> None:
        if repo.name not in self.board.names():
            # Until the committer, which may be at work for others, says more.
            self.board.set_local(repo.name, path=str(repo.path), state=RepoState.SYNCING, reason="starting")
        if self._is_watching:
            self.watchers.begin(repo)
            self.housekeeper.post(Watched(repo.name, repo.path, self.repo_state_dir(repo)))
        # The exchanger is there before the committer can tell it anything.
        first = self._first_deferral()
        self.exchangers.begin(repo, *([] if first is None else [first]))
        self.committer.post(Ask(Adopt(repo, self.repo_state_dir(repo), self.config.home), Future()))
        opened, closed = InboxOpened(repo, self.repo_state_dir(repo)), InboxClosed(repo.name, repo.path)
        self.inbox.post(opened if may_fetch(repo.mode) else closed)
        self.watchers.tell(repo.name)

    def _exchanger(self, config: RepoConfig) -> Exchanger:
        exchanger = Exchanger(
            config,
            timeout_s=self.config.daemon.network_timeout,
            clock=self.clock,
            board=self.board,
            committer=self.committer.post,
            system_events=self.system_events.post,
            is_scheduled=self._is_watching,
            repo_state_dir=self.repo_state_dir(config),
            on_death=self._on_message,
            turns=self._turns,
        )
        if self._is_watching:
            exchanger.rest_without_thread(self._alarm.set)
        return exchanger

    def _remove(self, name: str, root: Path | None = None) -> None:
        """Let go of a repository; with `root`, its work tree, no other gitsync watches it now."""
        logger.info("no longer watching %s", name)
        self.exchangers.end(name)
        self.housekeeper.post(Unwatched(name))
        self.watchers.stop(name)
        self.watchers.remake_at.pop(name, None)
        # Waited for: a user who has stopped watching a directory may move or delete it next.
        for owner, what in ((self.inbox, InboxClosed(name, root)), (self.committer, Drop(name))):
            try:
                owner.ask(what, DROP_S)
            except OperationError as error:
                logger.warning("%s is let go of as soon as the work under way is done: %s", name, error.message)
        self.locks.release(name)

    def repo_state_dir(self, repo: RepoConfig) -> Path:
        """Return the directory for a repository's journal and lock records, made where missing."""
        path = repository_dir(self._state_dir, repo.path)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(f"cannot make the directory {path}", error) from error
        return path

    def forget(self, repo: RepoConfig) -> None:
        """Forget what was remembered of a repository that is watched no more: a pause, a question, its remote, which
        directory it was.
        """
        directory = self.repo_state_dir(repo)
        own = (directory / PAUSE_FILE, directory / ROOT_FILE)
        for path in (*own, *directory.glob(EXCHANGE_FILES), *directory.glob(MACHINE_FILES)):
            path.unlink(missing_ok=True)
        discard(directory / FILE)
        if not self._is_watching:
            close_inbox(repo.path)

    def stuck_threads(self, now: float) -> list[str]:
        """Return the threads that have been at one step for longer than is plausible; `now` is monotonic seconds."""
        # The housekeeper may wait for a hook or for `git gc` as long as it likes: nothing waits for it.
        return [owner.name for owner in (self.committer, self.system_events, *self.exchangers) if owner.is_stuck(now)]

    def wake_all(self) -> None:
        """Have every remote and every job that failed tried again now."""
        self._route_all(Woken())

    @property
    def _conditions(self) -> ConditionsWanted:
        """Which conditions defer exchanges."""
        daemon = self.config.daemon
        return ConditionsWanted(battery=daemon.on_battery == "commit", metered=daemon.metered == "commit")

    def _first_deferral(self) -> Deferred | None:
        """Return the message that holds new exchangers and jobs until more is known; None where nothing defers them."""
        wanted = self._conditions
        return Deferred((UNKNOWN,)) if self._is_watching and (wanted.battery or wanted.metered) else None

    def _ask_conditions(self) -> None:
        """Have the conditions checked; all exchangers and jobs hear the result."""
        if self._is_watching:
            self.system_events.post(self._conditions)

    def _perform_for_job(self, name: str, act: Callable[[Worktree], object], patience_s: float) -> object:
        return self.committer.ask(Perform(name, act, self.clock.now() + patience_s), patience_s)

    def _take_event(self, event: dict[str, Any]) -> None:
        """Forward an event of the board; runs on the thread that published it."""
        self.housekeeper.post(event)
        self.notifier.post(event)
        if event["event"] in ("problem", "recovered"):
            self._on_message(Noticed())

    def _route(self, name: str, message: object) -> None:
        """Deliver what the committer or the system events say of a repository; runs on their threads."""
        if isinstance(message, WatcherDoubted | CoverageChanged):
            self._on_message(message)
        else:
            for exchanger in self.exchangers.addressed(name, message):
                exchanger.post(message)
            if isinstance(message, Opened | Resume) or getattr(message, "via", "") == INBOX:
                self.inbox.post(message)

    def _route_all(self, message: object) -> None:
        """Deliver what concerns every exchange; runs on the thread of system events."""
        for exchanger in self.exchangers:
            exchanger.post(message)
        if isinstance(message, Woken):
            self.jobs.retry()
        if isinstance(message, Deferred):
            self.jobs.defer(message)
            was, self.deferred = self.deferred, message.reasons
            if was != message.reasons:
                self.board.publish("deferred", "", sentence(message.reasons) or "pull and push go on")
        if isinstance(message, Woken):
            self.committer.post(message)
