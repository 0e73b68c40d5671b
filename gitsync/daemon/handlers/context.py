"""What every answer works with: the engine, the configuration, and the choice of repositories by name or path.

Runs on connection threads (and in the control command while no daemon runs). Owns nothing: it reads frozen snapshots
and asks the threads with deadlines.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gitsync import places
from gitsync.clock import Clock
from gitsync.config.options import Config, JobConfig, RepoConfig
from gitsync.daemon.runtime import Runtime
from gitsync.errors import UsageError
from gitsync.git.staging.worktree import Worktree
from gitsync.text import as_word, called, did_you_mean

# A change waits until what is pending is committed, which a large batch or a held index.lock puts off.
PERFORM_PATIENCE_S = 120.0

Json = dict[str, Any]
Answer = Callable[[Json], Json]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Targets:
    """What a command is about."""

    repos: list[RepoConfig]
    jobs: list[JobConfig]


class HandlerContext:
    """Where a question is worked on; `is_daemon` is false in the control command's own process."""

    def __init__(
        self,
        runtime: Runtime,
        clock: Clock,
        config_option: str | None,
        reload: Callable[[], Json],
        stop: Callable[[], None],
        *,
        is_daemon: bool = True,
    ) -> None:
        self.runtime = runtime
        self.clock = clock
        self.reload = reload
        self.stop = stop
        self.is_daemon = is_daemon
        self.started_at = clock.now()
        self.changed: set[str] = set()
        self.config_option = config_option

    @property
    def config(self) -> Config:
        """Return the configuration in force."""
        return self.runtime.config

    @property
    def config_file(self) -> Path:
        """Return the file that changes are written to."""
        return places.config_file(self.config_option)  # not the source: an INI in force is taken over into it

    def perform(self, name: str, act: Callable[[Worktree], T], *, patience_s: float = PERFORM_PATIENCE_S) -> T:
        """Return what `act` makes of a repository's work tree, on the committer thread, when all is committed.

        Raise what it raised, or OperationError when the repository is held up or patience runs out.
        """
        answer = self.runtime.perform(name, act, patience_s=patience_s)
        self.note_change(name)
        return answer

    def note_change(self, name: str) -> None:
        """Note that a repository was changed for who asked: without a daemon that is sent before this process ends."""
        if not self.is_daemon:
            self.changed.add(name)

    def chosen(self, names: list[str]) -> list[RepoConfig]:
        """Return the repositories that names or paths mean; all of them for none. Raise UsageError for an unknown."""
        if not names:
            return list(self.config.repositories)
        return [self.one(name) for name in names]

    def targets(self, names: list[str], *, is_for_jobs: bool = False) -> Targets:
        """Return the repositories and jobs that names or paths mean; all of them for none.

        With `is_for_jobs` only jobs are meant. Raise UsageError for what is neither.
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
                there = f"there are: {', '.join(known)}" if known else "none is in config.toml or ~/.sync-conf yet"
                raise UsageError(f"no job is called {name!r}", did_you_mean(name, known, there))
            if not is_for_jobs and (
                not found or any(name in (repo.name, str(repo.path)) for repo in self.config.repositories)
            ):
                repo = self.one(name)
                repos += [repo] if repo not in repos else []
        return Targets(repos, jobs)

    def called(self, word: str) -> str:
        """Return the name of the repository or job that a word means, whatever its case; the word itself for none."""
        names = [repo.name for repo in self.config.repositories]
        return called(word, names + [job.name for job in self.config.jobs]) or word

    def one(self, name: str) -> RepoConfig:
        """Return the repository that a name or a path means. Raise UsageError when there is none."""
        meant = self.called(name)
        for repo in self.config.repositories:
            if repo.name == meant:
                return repo
        if "/" in name:
            try:
                path = real(name)
            except ValueError as error:
                raise UsageError(f"{name!r} is no path", "name a repository or a path below one") from error
            within = [repo for repo in self.config.repositories if path.is_relative_to(real(repo.path))]
            if within:
                return max(within, key=lambda repo: len(repo.path.parts))
            if self.config.home is not None and path.is_relative_to(real(Path("~").expanduser())):
                return self.config.home.settings
            raise UsageError(f"no watched repository holds {name}", f"to watch it: gitsyncctl watch {as_word(name)}")
        known = [repo.name for repo in self.config.repositories]
        hint = did_you_mean(name, known, f"there are: {', '.join(known)}" if known else "none is watched yet")
        raise UsageError(f"no repository is called {name!r}", hint)


def real(path: str | Path) -> Path:
    """Return the real path; unlike `Path.resolve` this raises nothing for links that go round in circles."""
    return Path(os.path.realpath(path))


def _is_in(name: str, root: Path) -> bool:
    return real(name).is_relative_to(real(root))
