"""The engine put together: committer, exchangers and watchers of one configuration.

Runs on the main thread, which owns the locks and the lists of threads. Started in order (committer, watcher, first
scan, exchanger: the watcher before the scan, so that there is no gap) and stopped in reverse. The daemon, `--once` and
the control command without a daemon all use it; without `is_watching` there are no watchers.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from pathlib import Path
from typing import Any

from gitsync.clock import Clock
from gitsync.config.options import Config, RepoConfig
from gitsync.daemon.lock import RepositoryLocks
from gitsync.engine.board import Board
from gitsync.engine.committer import Committer
from gitsync.engine.exchanger import Exchanger
from gitsync.engine.housekeeper import Housekeeper
from gitsync.engine.messages import Adopt, CommitNow, Drop, ExchangeNow, Rescan, Watched, WatcherDoubted
from gitsync.engine.owner import Ask, Stop
from gitsync.errors import AlreadyRunningError, GitsyncError
from gitsync.git.ignores import IgnoreRules
from gitsync.watch.watcher import Watcher

logger = logging.getLogger(__name__)

# The whole stop stays under 20 seconds: service managers kill what takes much longer.
WATCHER_STOP_S = 2.0
EXCHANGER_STOP_S = 4.0
COMMITTER_STOP_S = 10.0
HOUSEKEEPER_STOP_S = 2.0
ADOPT_S = 30.0
REMAKE_EVERY_S = 3.0


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
    ) -> None:
        self.config = config
        self.clock = clock
        self.housekeeper = Housekeeper(config.hooks, clock, on_message)
        self.board = Board(clock, self.housekeeper.post)
        self.locks = RepositoryLocks()
        self.committer = Committer(clock, self.board, self._route, on_message)
        self.exchangers: dict[str, Exchanger] = {}
        self._watchers: dict[str, Watcher] = {}
        self._state_dir = state_dir
        self._on_message = on_message
        self._is_watching = is_watching
        self._remake_at: dict[str, float] = {}

    def lock_all(self) -> None:
        """Take the lock of every repository. Raise AlreadyRunningError when another process holds one."""
        try:
            for repo in self.config.repos:
                self.locks.acquire(repo.name, repo.path)
        except AlreadyRunningError:
            self.locks.release_all()
            raise

    def start(self) -> None:
        """Start the committer, then every repository."""
        self.housekeeper.start()
        self.committer.start()
        for repo in self.config.repos:
            self._add(repo)

    def stop(self) -> None:
        """Stop in reverse: no more hints, no more network, commit what is pending, let go of the locks."""
        for exchanger in self.exchangers.values():
            exchanger.cancel()
            exchanger.post(Stop())
        for watcher in self._watchers.values():
            watcher.stop(WATCHER_STOP_S)
        ends_at = self.clock.now() + EXCHANGER_STOP_S
        for exchanger in self.exchangers.values():
            if not exchanger.join(max(0.0, ends_at - self.clock.now())):
                logger.warning("%s did not stop in time", exchanger.name)
        if self.committer.is_alive:
            self.committer.post(Stop())
            if not self.committer.join(COMMITTER_STOP_S):
                logger.warning("the last commit did not end in time; the next start goes on with it")
        if self.housekeeper.is_alive:
            self.housekeeper.post(Stop())
            if not self.housekeeper.join(HOUSEKEEPER_STOP_S):
                self.housekeeper.cancel()
                self.housekeeper.join(HOUSEKEEPER_STOP_S)
        self.locks.release_all()

    def reload(self, config: Config) -> dict[str, list[str]]:
        """Take a new configuration over: repositories appear, disappear and change; return their names."""
        old = {repo.name: repo for repo in self.config.repos}
        new = {repo.name: repo for repo in config.repos}
        is_network_same = self.config.daemon.network_timeout == config.daemon.network_timeout
        removed = [name for name in old if name not in new or old[name].path != new[name].path]
        added = [name for name in new if name not in old or old[name].path != new[name].path]
        kept = [name for name in new if name in old and name not in added]
        changed = [name for name in kept if old[name] != new[name] or not is_network_same]
        for name in removed:
            self._remove(name)
        self.config = config
        self.housekeeper.hooks = config.hooks
        for name in changed:
            self._stop_exchanger(name)
            self._stop_watcher(name)
            self._begin(new[name])
        for name in added:
            try:
                self.locks.acquire(name, new[name].path)
            except AlreadyRunningError as error:
                self.board.publish("problem", name, error.message, level=logging.WARNING, code=error.code)
                continue
            self._add(new[name])
        return {"added": added, "removed": removed, "changed": changed}

    # -- watchers -----------------------------------------------------------------------------------------------------

    def doubt_watcher(self, name: str) -> None:
        """Look whether a repository's watcher lives; plan a new one when it does not."""
        watcher = self._watchers.get(name)
        if watcher is not None and not watcher.is_alive:
            self._remake_at.setdefault(name, self.clock.now())

    def wake_at(self) -> float | None:
        """Return when a watcher is to be made anew."""
        return min(self._remake_at.values(), default=None)

    def remake_watchers(self) -> None:
        """Make anew those watchers whose time has come; a root that is still missing is looked at again later."""
        now = self.clock.now()
        for name in [name for name, at in self._remake_at.items() if at <= now]:
            self._remake_at[name] = now + REMAKE_EVERY_S
            repo = next((repo for repo in self.config.repos if repo.name == name), None)
            if repo is None:
                del self._remake_at[name]
            elif repo.path.is_dir():
                self._stop_watcher(name)
                if self._start_watcher(repo):
                    del self._remake_at[name]
                    self._tell_watched(name)
                    self.committer.post(Rescan(name, "the watcher was made anew"))

    # -- sync now -----------------------------------------------------------------------------------------------------

    def sync(self, names: list[str], *, patience_s: float) -> None:
        """Commit, fetch, integrate and push the named repositories now; return when done or out of patience."""
        ends_at = self.clock.now() + patience_s
        self._await([self._ask(self.committer, CommitNow(name)) for name in names], ends_at)
        live = [self.exchangers[name] for name in names if name in self.exchangers]
        self._await([self._ask(exchanger, ExchangeNow()) for exchanger in live], ends_at)
        # What a pull wrote is noted like any other change: look at it now, so that nothing is pending afterwards.
        self._await([self._ask(self.committer, CommitNow(name, is_scanning=False)) for name in names], ends_at)

    def begin_sync(self, names: list[str]) -> None:
        """Begin the same and return at once."""
        for name in names:
            future = self._ask(self.committer, CommitNow(name))
            exchanger = self.exchangers.get(name)
            if exchanger is not None:
                future.add_done_callback(partial(_exchange_after, exchanger))

    def _ask(self, owner: Committer | Exchanger, what: object) -> Future[Any]:
        future: Future[Any] = Future()
        owner.post(Ask(what, future))
        return future

    def _await(self, futures: list[Future[Any]], ends_at: float) -> None:
        for future in futures:
            try:
                future.result(max(0.0, ends_at - self.clock.now()))
            except (FutureTimeout, GitsyncError) as error:
                logger.debug("sync did not end: %s", error or "out of patience")

    # -- one repository -----------------------------------------------------------------------------------------------

    def _add(self, repo: RepoConfig) -> None:
        logger.info("watching %s: %s", repo.name, repo.path)
        self._begin(repo)

    def _begin(self, repo: RepoConfig) -> None:
        if self._is_watching and not self._start_watcher(repo):
            self._remake_at[repo.name] = self.clock.now() + REMAKE_EVERY_S
        # The exchanger is there before the committer can tell it anything.
        if repo.mode != "commit" and repo.remote != "":
            exchanger = Exchanger(
                repo,
                timeout_s=self.config.daemon.network_timeout,
                clock=self.clock,
                board=self.board,
                committer=self.committer.post,
                is_scheduled=self._is_watching,
                on_death=self._on_message,
            )
            self.exchangers[repo.name] = exchanger
            exchanger.start()
        self.committer.ask(Adopt(repo, self.notes_dir(repo)), ADOPT_S)
        self._tell_watched(repo.name)

    def _remove(self, name: str) -> None:
        logger.info("no longer watching %s", name)
        self._stop_exchanger(name)
        self._stop_watcher(name)
        self._remake_at.pop(name, None)
        self.committer.ask(Drop(name), ADOPT_S)
        self.locks.release(name)

    def _stop_exchanger(self, name: str) -> None:
        exchanger = self.exchangers.pop(name, None)
        if exchanger is not None:
            exchanger.cancel()
            exchanger.post(Stop())
            exchanger.join(EXCHANGER_STOP_S)

    def _start_watcher(self, repo: RepoConfig) -> bool:

        def make_prune() -> Callable[[bytes], bool]:
            # Called on the watch thread: the repository that the rules open must stay there.
            return IgnoreRules(repo.path, repo.include, repo.exclude).is_prunable

        watcher = Watcher(
            repo.name,
            repo.path,
            self.committer.buffer_for(repo.name),
            make_prune,
            mode=repo.watch,
        )
        try:
            watcher.start()
        except (GitsyncError, OSError) as error:
            logger.debug("%s: cannot watch yet: %s", repo.name, error)
            return False
        self._watchers[repo.name] = watcher
        return True

    def _tell_watched(self, name: str) -> None:
        watcher = self._watchers.get(name)
        if watcher is not None:
            self.committer.post(Watched(name, watcher.kind, watcher.hint))

    def _stop_watcher(self, name: str) -> None:
        watcher = self._watchers.pop(name, None)
        if watcher is not None:
            watcher.stop(WATCHER_STOP_S)

    def notes_dir(self, repo: RepoConfig) -> Path:
        """Return the directory for a repository's journal and lock records, made where missing."""
        # By path, not by name: a repository that is renamed in the configuration keeps its journal.
        digest = hashlib.sha256(os.fsencode(repo.path)).hexdigest()[:16]
        path = self._state_dir / "repos" / digest
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def _route(self, name: str, message: object) -> None:
        """Deliver what the committer says of a repository; runs on the committer thread."""
        if isinstance(message, WatcherDoubted):
            self._on_message(message)
            return
        exchanger = self.exchangers.get(name)
        if exchanger is not None:
            exchanger.post(message)


def _exchange_after(exchanger: Exchanger, _: Future[Any]) -> None:
    exchanger.post(Ask(ExchangeNow(), Future()))
