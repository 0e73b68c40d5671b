"""One job with a server: when it runs, under which lock, and what its runs mean for its state.

Runs on the thread `job-NAME`, one a job. It owns the job's schedule, lock, memory and history; the work itself is a
backend's. A limited number run at the same time, so that a login with twenty overdue jobs does not start all of them at
once.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import math
import os
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from gitsync.backends import state_file
from gitsync.backends.base import Backend, Direction, Level, Order, Report, memory_lost, urgent_at_last
from gitsync.clock import Clock, iso, sleep
from gitsync.config.options import JobConfig, RepoConfig
from gitsync.core.conflict import Rules
from gitsync.core.deferral import sentence
from gitsync.core.jobs import allowed, first_run, run_after
from gitsync.core.questions import ACCEPT, commands
from gitsync.engine import runs
from gitsync.engine.board import Board
from gitsync.engine.exchange.halt_reasons import STATES
from gitsync.engine.exchange.patience import Patience
from gitsync.engine.memory import Memory
from gitsync.engine.messages import Deferred, Pause, Resume, RunNow, Woken
from gitsync.engine.owner import Ask, Owner, Stop, ThreadDied
from gitsync.errors import AlreadyRunningError, OperationError, TransientError, UsageError
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import JobStatus, Problem, Question, RepoState
from gitsync.text import as_word

logger = logging.getLogger(__name__)

JOB_FILE, LOCK_FILE = "job.json", "lock"
TURN_POLL_S = 0.2


class Job(Owner):
    """Owns the exchange of one directory with its server."""

    def __init__(
        self,
        config: JobConfig,
        backend: Backend,
        *,
        clock: Clock,
        board: Board,
        state_dir: Path,
        deadline_s: float,
        borrow: Callable[[Callable[[Any], Any]], Any],
        watched: Callable[[Path], RepoConfig | None],
        turns: SimpleQueue[None],
        is_scheduled: bool,
        on_death: Callable[[ThreadDied], None],
    ) -> None:
        super().__init__(f"job-{config.name}", clock, on_death)
        self.config = config
        self._backend = backend
        self._board = board
        self._state_dir = state_dir
        self._deadline_s = deadline_s
        self._borrow = borrow
        self._watched = watched
        self._turns = turns
        self._is_scheduled = is_scheduled
        self._memory = Memory(state_dir / JOB_FILE)
        self._status = remembered(config, self._memory, clock.wall())
        self._failures = 0
        self._patience = Patience()
        self._run_at: float | None = None
        left = self._memory.pause_left(clock.wall())
        self._paused_until = None if left is None or math.isinf(left) else clock.now() + left
        self._answers: dict[str, str] = {}
        self._deferred = ""

    def setup(self) -> None:
        """Show what is remembered of the time before this start, and plan the first run."""
        last = _ended(self._memory)
        now, wall = self.clock.now(), self.clock.wall()
        if self._is_scheduled:
            at = first_run(None if last is None else now - (wall - last), self.config.every, now, random.random())
            self._run_at = at
        self._show()

    def wake_at(self) -> float | None:
        """Return when the next run is due."""
        if self._status.state is RepoState.PAUSED:
            return self._paused_until
        is_held = self._status.state is RepoState.HALTED or bool(self._deferred) or self.is_cancelled
        return None if is_held else self._run_at

    def step(self, message: object | None, now: float) -> None:
        """Take one message; run when that is due."""
        match message:
            case Stop():
                self.end()
                return
            case Ask(what=RunNow() as wanted, future=future):
                self._run_asked(wanted, future)
            case Deferred(reasons=reasons):
                self._deferred = sentence(reasons)
                self._show()
            case Woken() if self._is_scheduled and self._status.error and self._status.error.code in STATES:
                self._run_at = now
            case Pause(until=until):
                self._paused_until = until
                self._memory.remember_pause(None if until is None else self.clock.wall() + until - self.clock.now())
                self._show(state=RepoState.PAUSED, reason="paused by you")
            case Resume(is_accepted=is_accepted):
                self._resume(is_accepted=is_accepted)
        wake_at = self.wake_at()
        if wake_at is None or wake_at > self.clock.now():
            return
        if self._status.state is RepoState.PAUSED:
            self._resume(is_accepted=False)
        else:
            self._perform(Direction(self.config.mode))

    def _resume(self, *, is_accepted: bool, answers: Mapping[str, str] | None = None) -> None:
        self._paused_until = None
        # Without a word that it is meant, the brake that stopped it is met again.
        accepted = [each.id for each in self._status.questions if each.answers == (ACCEPT,)] if is_accepted else []
        self._answers = {**dict.fromkeys(accepted, ACCEPT), **(answers or {})}
        self._memory.remember(is_paused=None, until=None, halt=None, trouble=None)
        self._failures = 0
        self._run_at = self.clock.now() if self._is_scheduled else None
        self._show(state=RepoState.OK, reason="", error=None)

    def _run_asked(self, wanted: RunNow, future: Future[Any]) -> None:
        name, direction = self.config.name, allowed(self.config.mode, wanted.direction)
        several = [each for each in self._status.questions if ACCEPT not in each.answers]
        if wanted.answers or (wanted.is_accepted and self._status.state is RepoState.HALTED):
            self._resume(is_accepted=wanted.is_accepted, answers=wanted.answers)
        elif wanted.is_accepted and several:
            told = [line for each in several for line in commands(name, each, is_only=len(several) == 1)]
            future.set_exception(UsageError(f"{several[0].message}: it has several answers", "; ".join(told)))
            return
        status = self._status
        if not direction:
            future.set_exception(
                OperationError(
                    f'{name} is configured with mode = "{self.config.mode}": it does not {wanted.direction}',
                    f"to change that: gitsyncctl config set {as_word(f'job.{name}.mode')} both",
                    code="wrong-direction",
                )
            )
        elif status.state in (RepoState.PAUSED, RepoState.HALTED):
            hint = status.error.hint if status.error else f"gitsyncctl resume {as_word(name)}"
            future.set_exception(OperationError(f"{name} is {status.state}: {status.reason}", hint, code="held"))
        else:
            future.set_result(self._perform(Direction(direction)))

    # -- a run --------------------------------------------------------------------------------------------------------

    def _perform(self, direction: Direction) -> Report:
        began = self.clock.wall()
        with self._turn() as has_turn:
            if not has_turn:
                return Report(problem=Problem("cancelled", f"{self.config.name}: stopped before its turn came"))
            self._show(state=RepoState.SYNCING, reason=f"{direction} with {self.config.backend}")
            report = self._patient(self._worked(direction))
        self._settle(direction, began, report)
        return report

    def _worked(self, direction: Direction) -> Report:
        repo = self._watched(self.config.path)
        order = Order(
            self.config,
            direction,
            self._state_dir,
            self._deadline_s,
            answers=self._answers,
            is_cancelled=lambda: self.is_cancelled,
            tell=self._tell,
            rules=Rules() if repo is None else Rules.of(repo.conflict, repo.conflict_paths),
            is_watched=repo is not None,
            borrow=self._borrow,
        )
        try:
            with locked(self._state_dir / LOCK_FILE, self.config.name, lambda: self.is_cancelled) as died_at:
                lost = state_file.set_aside_damaged(self._state_dir)
                report = self._backend(replace(order, died_at=died_at))
                if lost:
                    item = memory_lost(order, f"{', '.join(lost)} in the state directory was damaged, and set aside")
                    report = replace(report, items=(item, *report.items))
                return report
        except OSError as error:
            what = error.strerror or str(error)
            message = f"{self.config.name}: {error.filename or self.config.path}: {what}"
            return Report(problem=Problem("failed", message, "check the path and its permissions"))
        except UNEXPECTED_ERRORS as trouble:
            told = as_error(self.config.name, trouble)
            return Report(problem=Problem(told.code, told.message, told.hint))

    def _settle(self, direction: Direction, began: float, report: Report) -> None:
        wall, name = self.clock.wall(), self.config.name
        problem, state = report.problem, RepoState.OK
        self._answers = {}
        if problem is not None and problem.code == "cancelled":
            self._show(state=RepoState.OK, reason="")
            return  # it did not end: the next start runs it again
        needy = next((item for item in report.items if item.level is Level.ATTENTION), None)
        if problem is None:
            self._patience.end()
        if problem is not None:
            aged = self._patience.state_of(problem, self.clock.now())
            state = RepoState.HALTED if report.is_halting else aged
        elif needy is not None:
            state = RepoState.CONFLICT if report.conflicts else RepoState.ERROR
            problem = Problem(needy.code, needy.message, needy.hint)
        elif busy := next((item for item in report.items if item.code == "busy"), None):
            state, problem = RepoState.BUSY, Problem(busy.code, busy.message, busy.hint)
        is_waiting = any(item.level is Level.WAITING for item in report.items)
        self._failures = self._failures + 1 if report.problem is not None or is_waiting else 0
        halt = problem.to_json() if problem and report.is_halting else None
        # A run that ended early says nothing about what it did not get to.
        conflicts = report.conflicts if report.problem is None or report.conflicts else self._status.conflicts
        open_ones = report.questions if report.problem is None or report.is_halting else self._status.questions
        trouble = {**problem.to_json(), "state": str(state)} if problem else None
        asked = [each.to_json() for each in open_ones]
        self._memory.remember(
            ended=wall, halt=halt, trouble=trouble, conflicts=list(conflicts) or None, questions=asked or None
        )
        run = {"started": iso(began), "ended": iso(wall), "direction": str(direction), "state": str(state)}
        told = {"items": [item.to_json() for item in report.items], "error": problem.to_json() if problem else None}
        runs.note(self._state_dir, {**run, **told})
        if self._is_scheduled:
            self._run_at = run_after(self.clock.now(), self.config.every, self._failures, random.random())
        changed = sum(item.level is Level.DONE for item in report.items)
        if changed:
            count = f"{changed} {'change' if changed == 1 else 'changes'}"
            self._board.publish("job", name, f"{name}: {direction} with {self.config.backend}: {count}")
        self._show(
            state=state,
            reason=problem.message if problem else "",
            error=problem,
            last_run=iso(wall),
            conflicts=conflicts,
            questions=open_ones,
        )

    def _patient(self, report: Report) -> Report:
        """Return a report in which what did not go away by itself in three runs is a person's."""
        if report.problem is not None:
            return report
        found, waited = urgent_at_last(report.items, self._memory.get("waited"))
        self._memory.remember(waited=waited or None)
        return replace(report, items=found)

    def _tell(self, line: str) -> None:
        self._show(reason=line)
        self._board.publish("progress", self.config.name, f"{self.config.name}: {line}", level=logging.DEBUG)

    def _show(self, **changes: Any) -> None:
        until = self._run_at
        planned = None if until is None else iso(self.clock.wall() + max(0.0, until - self.clock.now()))
        self._status = replace(self._status, **changes)
        if self._status.state in (RepoState.PAUSED, RepoState.HALTED):
            planned = None
        self._status = replace(self._status, next_run=planned)
        if self._deferred and self._status.state is RepoState.OK:
            self._board.set_job(replace(self._status, reason=self._deferred, next_run=None))
        else:
            self._board.set_job(self._status)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[bool]:
        """Wait for a turn; without one, because the thread is to stop, the run is left out."""
        while not self.is_cancelled:
            try:
                self._turns.get(timeout=TURN_POLL_S)
            except Empty:
                continue
            try:
                yield True
            finally:
                self._turns.put(None)
            return
        yield False


def remembered(config: JobConfig, memory: Memory, wall: float) -> JobStatus:
    """Return the status of a job at `wall` (seconds since the epoch) by what its last run left behind."""
    last, trouble, conflicts = _ended(memory), memory.get("trouble"), memory.get("conflicts")
    trouble = memory.get("halt") or trouble
    status = JobStatus(config.name, config.backend, config.mode, str(config.path))
    status = replace(status, last_run=None if last is None else iso(last))
    if isinstance(conflicts, list):
        status = replace(status, conflicts=tuple(map(str, conflicts)))
    asked = memory.get("questions")
    found = map(Question.from_json, asked if isinstance(asked, list) else ())
    status = replace(status, questions=tuple(question for question in found if question is not None))
    if isinstance(trouble, dict):
        problem = Problem(str(trouble.get("code")), str(trouble.get("message")), str(trouble.get("hint", "")))
        # A halt is remembered without a state.
        state = next((state for state in RepoState if state == trouble.get("state")), RepoState.HALTED)
        status = replace(status, state=state, reason=problem.message, error=problem)
    if memory.pause_left(wall) is not None:
        status = replace(status, state=RepoState.PAUSED, reason="paused by you")
    return status


def is_due(memory: Memory, every: float | None, wall: float) -> bool:
    """Return whether a job that runs `every` so many seconds is due at `wall`, by what it remembers."""
    last = _ended(memory)
    is_held = memory.pause_left(wall) is not None or isinstance(memory.get("halt"), dict)
    return every is not None and not is_held and (last is None or last > wall or last + every <= wall)


def _ended(memory: Memory) -> float | None:
    ended = memory.get("ended")
    return float(ended) if isinstance(ended, int | float) else None


LOOK_EVERY_S = 0.2
# In the lock's file, instead of a PID, once the run got to its end.
ENDED = "-"


@contextlib.contextmanager
def locked(path: Path, name: str, is_cancelled: Callable[[], bool] | None = None) -> Iterator[float | None]:
    """Hold a job's lock; with `is_cancelled`, wait for another job of this process that has the same directory.

    Yield when the last holder took it, in seconds since the epoch, if that did not get to its end; else None.
    Raise AlreadyRunningError when it is taken, TransientError when the wait was cancelled.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while not _is_taken_now(fd):
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            # Nothing is written yet, or any more, where it was taken or is given back at this instant.
            is_ours = holder in ("", ENDED, str(os.getpid()))
            if is_cancelled is None or not is_ours:
                who = "is running" if is_ours else f"is being run by another gitsync with PID {holder}"
                raise AlreadyRunningError(f"{name} {who}", "wait until it has ended")
            if is_cancelled():
                raise TransientError(f"{name}: stopped before its turn came", code="cancelled")
            sleep(LOOK_EVERY_S)
        facts, said = os.fstat(fd), os.pread(fd, 32, 0)
        _write(fd, str(os.getpid()))
        # A power cut leaves the file empty, as a new one is: there, no lock is older.
        yield None if said == f"{ENDED}\n".encode() else facts.st_mtime
        _write(fd, ENDED)
    finally:
        os.close(fd)


def _write(fd: int, word: str) -> None:
    """Write who holds a lock, as far as there is space for it."""
    with contextlib.suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{word}\n".encode(), 0)


def _is_taken_now(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
