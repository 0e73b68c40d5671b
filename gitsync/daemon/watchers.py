"""The watchers of a configuration: started, stopped, and rebuilt when one has ended.

Runs on the main thread, which owns the lists; the watchers' own threads do nothing but note into buffers.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gitsync.clock import Clock
from gitsync.config.options import HOME_WATCH, MIRROR_NAME, RepoConfig
from gitsync.engine.committer import Committer
from gitsync.engine.messages import Watched
from gitsync.errors import GitsyncError
from gitsync.git.rules.ignores import IgnoreRules, rule_files
from gitsync.watch.shared import SharedInotify
from gitsync.watch.watcher import Watcher

logger = logging.getLogger(__name__)

STOP_S = 2.0
REMAKE_EVERY_S = 3.0


class Watchers:
    """One watcher a repository; `remake_at` tells which of them are to be rebuilt, and when."""

    def __init__(self, committer: Committer, clock: Clock, inotify: SharedInotify) -> None:
        self._committer = committer
        self._clock = clock
        self._watchers: dict[str, Watcher] = {}
        self.remake_at: dict[str, float] = {}
        self._watcher = partial(Watcher, inotify=inotify)

    def begin(self, repo: RepoConfig) -> None:
        """Start watching, or plan to when it cannot be yet."""
        if not self.start(repo):
            self.remake_at[repo.name] = self._clock.now() + REMAKE_EVERY_S

    def start(self, repo: RepoConfig) -> bool:
        """Start a watcher; return whether it watches."""

        def make_prune() -> Callable[[bytes], bool]:
            # Called on the watch thread: the repository that the rules open must stay there.
            rules = IgnoreRules(repo.path, repo.include, repo.exclude)
            if repo.name == MIRROR_NAME:
                rules.passes_over_top = b".gitignore" in self._committer.home_buffer.coverage.files
            return rules

        buffer, read_from = self._committer.buffer_for(repo.name), partial(rule_files, repo.path)
        watcher = self._watcher(repo.name, repo.path, buffer, make_prune, mode=repo.watch, rule_files=read_from)
        return self._launch(repo.name, watcher) and (repo.name != MIRROR_NAME or self._start_home(repo))

    def _launch(self, name: str, watcher: Watcher) -> bool:
        try:
            watcher.start()
        except (GitsyncError, OSError) as error:
            logger.debug("%s: cannot watch yet: %s", name, error)
            return False
        self._watchers[name] = watcher
        return True

    def _start_home(self, repo: RepoConfig) -> bool:
        """Start the watcher of the tracked files of home, which are those of the mirror's manifest."""
        from gitsync.mirror.walk import HomePrune  # late: not everybody has a mirror

        buffer, home = self._committer.home_buffer, Path(os.path.realpath(os.path.expanduser("~")))  # noqa: PTH111 - of no user: stays as it is

        def make_prune() -> Callable[[bytes], bool]:
            rules, coverage = IgnoreRules(repo.path, repo.include, repo.exclude), buffer.coverage
            rules.passes_over_top = b".gitignore" in coverage.files
            return HomePrune(os.fsencode(home), coverage, rules)

        read_from = partial(rule_files, repo.path)
        watcher = self._watcher(HOME_WATCH, home, buffer, make_prune, mode=repo.watch, rule_files=read_from)
        return self._launch(HOME_WATCH, watcher)

    def refresh_home(self) -> None:
        """Watch what is tracked now; everything tracked is compared after that."""
        watcher = self._watchers.get(HOME_WATCH)
        if watcher is not None:
            watcher.refresh_ignores()

    def tell(self, name: str) -> None:
        """Tell the committer how a repository is watched; after `Adopt` was posted for the repository."""
        watcher = self._watchers.get(name)
        if watcher is not None:
            self._committer.post(Watched(name, watcher.kind, watcher.hint))

    def doubt(self, name: str) -> None:
        """Look whether a repository's watcher lives; plan a new one when it does not."""
        watcher = self._watchers.get(name)
        if watcher is not None and not watcher.is_alive:
            # Those of the mirror and of home are rebuilt together.
            self.remake_at.setdefault(MIRROR_NAME if name == HOME_WATCH else name, self._clock.now())

    def stop(self, name: str) -> None:
        """Stop one repository's watcher; the mirror has two."""
        for one in (name, HOME_WATCH) if name == MIRROR_NAME else (name,):
            watcher = self._watchers.pop(one, None)
            if watcher is not None:
                watcher.stop(STOP_S)

    def stop_all(self) -> None:
        """Stop all of them, in about the time that one may take."""
        ends_at = self._clock.now() + STOP_S
        for watcher in self._watchers.values():
            watcher.stop(max(0.1, ends_at - self._clock.now()))
