"""The jobs of one configuration: started, stopped, changed and run.

Runs on the main thread, which owns the list of jobs; connection threads ask them to run, with a deadline.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from gitsync import digests
from gitsync.backends.base import Direction, Item, Level, Order, Report
from gitsync.backends.registry import BACKENDS
from gitsync.clock import Clock
from gitsync.config.options import JobConfig, RepoConfig
from gitsync.daemon.lock import RepositoryLocks
from gitsync.engine import runs
from gitsync.engine.board import Board
from gitsync.engine.job import JOB_FILE, LOCK_FILE, Job, is_due, locked, remembered
from gitsync.engine.memory import Memory
from gitsync.engine.messages import Deferred, RunNow, Woken
from gitsync.engine.owner import Ask, Stop
from gitsync.errors import GitsyncError
from gitsync.git.applying.apply import recover
from gitsync.git.files import storage_error
from gitsync.git.staging.worktree import Worktree
from gitsync.model import Problem

# How many jobs run at the same time: each is a program with a network connection of its own.
TURNS = 3
STOP_S = 4.0
# A change to a watched work tree waits until what is pending there is committed.
PERFORM_S = 120.0
DELETE_S = 60.0
LOOK_EVERY_S = 1.0

Act = Callable[[Worktree], Any]


class JobThreads:
    """The threads of the jobs."""

    def __init__(
        self,
        clock: Clock,
        board: Board,
        state_dir: Path,
        on_message: Callable[[object], None],
        perform: Callable[[str, Act, float], Any],
        watched: Callable[[Path], RepoConfig | None],
        *,
        is_scheduled: bool,
    ) -> None:
        self._clock = clock
        self._board = board
        self._state_dir = state_dir
        self._on_message = on_message
        self._perform = perform
        self._watched = watched
        self._is_scheduled = is_scheduled
        self._deadline_s = 0.0
        self._jobs: dict[str, Job] = {}
        self._first: Deferred | None = None
        self._turns: SimpleQueue[None] = SimpleQueue()
        for _ in range(TURNS):
            self._turns.put(None)

    def __contains__(self, name: object) -> bool:
        """Whether there is a job of that name."""
        return name in self._jobs

    def _start(self, config: JobConfig) -> None:
        job = self._make(config, is_scheduled=self._is_scheduled)
        if self._first is not None:
            job.post(self._first)
        self._jobs[config.name] = job
        job.start()

    def retry(self) -> None:
        """Have jobs that failed for want of a network or of access run again; may be called from any thread."""
        for job in list(self._jobs.values()):
            job.post(Woken())

    def defer(self, message: Deferred) -> None:
        """Let jobs that nobody asked for wait, or go on; may be called from any thread."""
        for job in list(self._jobs.values()):
            job.post(message)

    def _make(self, config: JobConfig, *, is_scheduled: bool) -> Job:
        state_dir = self.state_dir(config)
        return Job(
            config,
            BACKENDS[config.backend],
            clock=self._clock,
            board=self._board,
            state_dir=state_dir,
            deadline_s=self._deadline_s,
            watched=self._watched,
            borrow=partial(self._borrow, config, state_dir),
            turns=self._turns,
            is_scheduled=is_scheduled,
            on_death=self._on_message,
        )

    def stop(self, names: list[str] | None = None) -> None:
        """End jobs, all of them when none is named; what is under way is cancelled and runs again at the next start."""
        gone = [self._jobs.pop(name) for name in list(self._jobs) if names is None or name in names]
        for job in gone:
            job.cancel()
            job.post(Stop())
        ends_at = self._clock.now() + STOP_S
        for job in gone:
            job.join(max(0.0, ends_at - self._clock.now()))

    def reload(self, wanted: tuple[JobConfig, ...], deadline_s: float, first: Deferred | None = None) -> None:
        """Take over a configuration: jobs appear, disappear and change; `first` holds new ones until more is known."""
        self._first = first
        is_same = deadline_s == self._deadline_s
        self._deadline_s = deadline_s
        kept = {job.name for job in wanted if is_same and job.name in self._jobs and self._jobs[job.name].config == job}
        gone = [name for name in self._jobs if name not in kept]
        self.stop(gone)
        for name in gone:
            self._board.forget_job(name)
        for job in wanted:
            if job.name not in kept and job.backend in BACKENDS:
                self._start(job)

    def tell(self, name: str, message: object) -> None:
        """Post a message (Pause, Resume) to a job."""
        self._jobs[name].post(message)

    def run(
        self,
        wanted: list[JobConfig],
        direction: str,
        patience_s: float,
        *,
        is_accepted: bool = False,
        answers: Mapping[str, str] | None = None,
    ) -> list[Report]:
        """Run jobs now and return their reports; what could not be run is the problem of its report.

        With `is_accepted` the changes that brakes stopped at their last runs are meant; `answers` are words by the ids
        of the questions that they answer.
        Those that are not configured (they are in a file that was named) get a thread for this run alone.
        """
        guests: list[Job] = []
        futures: list[Future[Any]] = []
        for config in wanted:
            job = self._jobs.get(config.name)
            if job is None or job.config != config:
                job = self._make(config, is_scheduled=False)
                guests.append(job)
                job.start()
            futures.append(Future())
            job.post(Ask(RunNow(direction, is_accepted, answers or {}), futures[-1]))
        ends_at = self._clock.now() + patience_s
        try:
            return [self._report(config, future, ends_at) for config, future in zip(wanted, futures, strict=True)]
        finally:
            for guest in guests:
                guest.cancel()
                guest.post(Stop())
                guest.join(STOP_S)
                if guest.config.name not in self._jobs:
                    self._board.forget_job(guest.config.name)

    def begin(self, wanted: list[JobConfig], direction: str) -> None:
        """Begin runs of configured jobs and return at once."""
        for config in wanted:
            self._jobs[config.name].post(Ask(RunNow(direction), Future()))

    def due(self, wanted: tuple[JobConfig, ...]) -> list[JobConfig]:
        """Return those whose period is over, for a single pass."""
        wall = self._clock.wall()
        return [job for job in wanted if job.backend in BACKENDS and is_due(self._memory(job), job.every, wall)]

    def _report(self, config: JobConfig, future: Future[Any], ends_at: float) -> Report:
        name = config.name
        while True:
            try:
                report: Report = future.result(LOOK_EVERY_S)
            except TimeoutError:
                if self._clock.now() < ends_at:
                    continue
                return Report(problem=Problem("no-answer", f"{name} is still running", "gitsyncctl status shows it"))
            except GitsyncError as error:
                return Report(problem=Problem(error.code, error.message, error.hint))
            return report

    def delete_branch(self, config: JobConfig, branch: str) -> Item:
        """Delete a branch of a git job here, and note that the next run deletes it on the server."""
        from gitsync.backends.git.job import delete_branch

        with self._alone(config) as order:
            return delete_branch(order, branch)

    def undo(self, config: JobConfig, *, is_keeping: bool, is_trial: bool) -> Any:
        """Take back the last run of a git job, all branches or none; return an `UndoneRun`. Raise OperationError."""
        from gitsync.backends.git.job import undo

        with self._alone(config) as order:
            return undo(order, is_keeping=is_keeping, is_trial=is_trial)

    def runs_to_undo(self, config: JobConfig) -> list[Any]:
        """Return the runs of a git job that are remembered, as `JobRun`, the newest first."""
        from gitsync.backends.git.undo import runs_of

        return runs_of(self._order(config))

    @contextmanager
    def _alone(self, config: JobConfig) -> Iterator[Order]:
        """Give an order for something else than a run, under the job's lock."""
        order = self._order(config)
        with locked(order.state_dir / LOCK_FILE, config.name):
            yield order

    def _order(self, config: JobConfig) -> Order:
        state_dir = self.state_dir(config)
        borrow = partial(self._borrow, config, state_dir)
        return Order(config, Direction(config.mode), state_dir, self._deadline_s or DELETE_S, borrow=borrow)

    def look(self, wanted: tuple[JobConfig, ...]) -> None:
        """Put onto the board what is remembered of jobs that nobody runs."""
        for config in wanted:
            self._board.set_job(remembered(config, self._memory(config), self._clock.wall()))

    def conflicts(self, config: JobConfig) -> list[dict[str, Any]]:
        """Return what the last runs of a job left in conflict, with what they said of it."""
        past = runs.read(self.state_dir(config), runs.KEPT)
        items = [item for run in reversed(past) for item in run.get("items") or ()]
        told = {item.get("subject"): item for item in items if item.get("level") == Level.ATTENTION}
        return [
            {
                "job": config.name,
                "backend": config.backend,
                "root": str(config.path),
                "path": path,
                "message": str(told.get(path, {}).get("message", "")),
                "hint": str(told.get(path, {}).get("hint", "")),
            }
            for path in remembered(config, self._memory(config), self._clock.wall()).conflicts
        ]

    def history(self, config: JobConfig, count: int) -> list[dict[str, Any]]:
        """Return the last runs of a job, the newest first. Raise OperationError when they cannot be read."""
        return runs.read(self.state_dir(config), count)

    def _memory(self, config: JobConfig) -> Memory:
        return Memory(self.state_dir(config) / JOB_FILE)

    def state_dir(self, config: JobConfig) -> Path:
        """Return the directory for a job's lock, memory and history, made where missing."""
        # By what is synced, not by name: a renamed job keeps its history, and two names for one pair share a lock.
        both = os.fsencode(config.path) + b"\0" + os.fsencode(config.url) + b"\0" + config.backend.encode()
        path = self._state_dir / "jobs" / digests.sha256(both).hexdigest()[:16]
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(f"cannot make the directory {path}", error) from error
        return path

    def _borrow(self, config: JobConfig, state_dir: Path, act: Act) -> Any:
        """Return what `act` makes of a job's git work tree; runs on the job's thread.

        A watched one is the committer's: there `act` runs on its thread, when what is pending is committed.
        """
        repo = self._watched(config.path)
        if repo is not None:
            return self._perform(repo.name, act, PERFORM_S)
        locks = RepositoryLocks()
        locks.acquire(config.name, config.path)
        try:
            # A project where its user works with git, now and then visited: a lock there is theirs to judge.
            worktree = Worktree(config.path, state_dir, removes_dead_locks=False)
            try:
                recover(worktree)
                return act(worktree)
            finally:
                worktree.close()
        finally:
            locks.release_all()


def watching(repos: Callable[[], tuple[RepoConfig, ...]]) -> Callable[[Path], RepoConfig | None]:
    """Return a function from a directory to the watched repository whose root it is, None for none."""

    def watched(path: Path) -> RepoConfig | None:
        wanted = os.path.realpath(path)
        return next((repo for repo in repos() if os.path.realpath(repo.path) == wanted), None)

    return watched
