"""What every handler works with: the engine, the configuration, and the selection of repositories by name or path.

Runs on connection threads (and in the control command while no daemon runs). Owns nothing: it reads frozen snapshots
and asks the owning threads with deadlines. The engine is imported late: a handler that only reads needs none of it, and
the control command loads it for that one question.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gitsync import places
from gitsync.clock import Clock
from gitsync.config.options import Config, JobConfig, RepoConfig
from gitsync.errors import GitsyncError, UsageError
from gitsync.text import as_word, called, did_you_mean

if TYPE_CHECKING:
    from gitsync.daemon.runtime import Runtime
    from gitsync.git.history.distance import Distances
    from gitsync.git.staging.worktree import Worktree

# A change waits until everything pending is committed, which a large batch or a held index.lock may delay.
PERFORM_PATIENCE_S = 120.0

Json = dict[str, Any]
Answer = Callable[[Json], Json]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Targets:
    """The repositories and jobs that a command is for."""

    repos: list[RepoConfig]
    jobs: list[JobConfig]


class Selection:
    """The repositories and jobs of a configuration, by name or path; all that a handler needs that only reads them."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config

    @property
    def config(self) -> Config:
        """Return the current configuration."""
        return self._config()

    def chosen(self, names: list[str]) -> list[RepoConfig]:
        """Return the repositories for names or paths; all of them for none. Raise UsageError for an unknown one."""
        if not names:
            return list(self.config.repositories)
        return [self.one(name) for name in names]

    def targets(self, names: list[str], *, is_for_jobs: bool = False) -> Targets:
        """Return the repositories and jobs for names or paths; all of them for none.

        With `is_for_jobs`, only jobs. Raise UsageError for an unknown one.
        """
        if not names:
            return Targets([] if is_for_jobs else list(self.config.repositories), list(self.config.jobs))
        repos: list[RepoConfig] = []
        jobs: list[JobConfig] = []
        for given in names:
            name = self.called(given)
            found = [job for job in self.config.jobs if name == job.name or ("/" in name and _is_in(name, job.path))]
            jobs += [job for job in found if job not in jobs]
            if is_for_jobs and not found:
                known = [job.name for job in self.config.jobs]
                there = f"the jobs are: {', '.join(known)}" if known else "there are no jobs yet"
                raise UsageError(f"there is no job {name!r}", did_you_mean(name, known, there))
            if not is_for_jobs and (
                not found or any(name in (repo.name, str(repo.path)) for repo in self.config.repositories)
            ):
                repo = self.one(name)
                repos += [repo] if repo not in repos else []
        return Targets(repos, jobs)

    def called(self, word: str) -> str:
        """Return the name of the repository or job for a word, ignoring case; the word itself for none."""
        names = [repo.name for repo in self.config.repositories]
        return called(word, names + [job.name for job in self.config.jobs]) or word

    def one(self, name: str) -> RepoConfig:
        """Return the repository for a name or a path. Raise UsageError when there is none."""
        meant = self.called(name)
        for repo in self.config.repositories:
            if repo.name == meant:
                return repo
        if "/" in name:
            try:
                path = real(name)
            except ValueError as error:
                raise UsageError(f"{name!r} is not a path", "give a repository or a path in one") from error
            within = [repo for repo in self.config.repositories if path.is_relative_to(real(repo.path))]
            if within:
                return max(within, key=lambda repo: len(repo.path.parts))
            if self.config.home is not None and path.is_relative_to(real(Path("~").expanduser())):
                return self.config.home.settings
            raise UsageError(f"no watched repository contains {name}", f"to watch it: gitsyncctl watch {as_word(name)}")
        known = [repo.name for repo in self.config.repositories]
        hint = did_you_mean(
            name, known, f"there are: {', '.join(known)}" if known else "to watch one: gitsyncctl watch DIR"
        )
        raise UsageError(f"there is no repository {name!r}", hint)


class HandlerContext(Selection):
    """The environment of handlers; `is_daemon` is false in the control command's own process.

    `runtime` is called for the first handler that needs the engine. `is_managed` is whether a service manager started
    the daemon.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        runtime: Callable[[], Runtime],
        clock: Clock,
        config_option: str | None,
        reload: Callable[[], Json],
        stop: Callable[[], None],
        *,
        is_daemon: bool = True,
        is_managed: bool = False,
    ) -> None:
        super().__init__(config)
        self._runtime = runtime
        self.clock = clock
        self.reload = reload
        self.stop = stop
        self.is_daemon = is_daemon
        self.is_managed = is_managed
        self.started_at = clock.now()
        self.changed: set[str] = set()
        self.config_option = config_option

    @cached_property
    def runtime(self) -> Runtime:
        """Return the engine."""
        return self._runtime()

    @cached_property
    def distances(self) -> Distances:
        """Return the distances between machines that were counted so far."""
        from gitsync.git.history.distance import Distances

        return Distances()

    @property
    def config_file(self) -> Path:
        """Return the file that changes are written to."""
        return places.config_file(self.config_option)  # not the source: an INI file is imported into it

    def perform(
        self,
        name: str,
        act: Callable[[Worktree], T],
        *,
        patience_s: float = PERFORM_PATIENCE_S,
        revives: frozenset[bytes] = frozenset(),
    ) -> T:
        """Run `act` on a repository's work tree on the committer thread, when everything is committed; return its
        result.

        Raise what it raises, or OperationError when the repository is held, or after `patience_s` seconds. Where a
        brake holds it because files are missing, `revives` are written back.
        """
        from gitsync.engine.messages import Perform

        answer: T = self.runtime.committer.ask(Perform(name, act, self.clock.now() + patience_s, revives), patience_s)
        self.note_change(name)
        return answer

    def note_change(self, name: str) -> None:
        """Note that a request changed a repository: without a daemon, the change is pushed before this process ends."""
        if not self.is_daemon:
            self.changed.add(name)


def problem(name: str, error: GitsyncError) -> Json:
    """Return why a repository is not in an answer about several."""
    return {"repo": name, "code": error.code, "message": error.message, "hint": error.advice}


def real(path: str | Path) -> Path:
    """Return the real path; unlike `Path.resolve`, this does not raise for circular links."""
    return Path(os.path.realpath(path))


def _is_in(name: str, root: Path) -> bool:
    return real(name).is_relative_to(real(root))
