"""A pause of a job goes on over a restart, until its end; waiting for a server does not go on for ever."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue

import pytest

from gitsync.backends.base import Report
from gitsync.config.options import JobConfig
from gitsync.engine.board import Board
from gitsync.engine.job import JOB_FILE, Job, is_due
from gitsync.engine.memory import Memory
from gitsync.engine.messages import Pause, Resume
from gitsync.model import Problem, RepoState
from tests.fakes.clock import FakeClock

HOUR_S = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def a_job(clock: FakeClock, state_dir: Path, report: Report = Report()) -> Job:  # noqa: B008 - frozen
    turns: SimpleQueue[None] = SimpleQueue()
    turns.put(None)
    return Job(
        JobConfig(name="thesis", path=state_dir, backend="rsync", url="/server", every=300.0),
        lambda order: report,
        clock=clock,
        board=Board(clock),
        state_dir=state_dir,
        deadline_s=1.0,
        borrow=lambda act: act(None),
        watched=lambda path: None,
        turns=turns,
        is_scheduled=True,
        on_death=lambda died: None,
    )


def is_due_now(clock: FakeClock, state_dir: Path) -> bool:
    return is_due(Memory(state_dir / JOB_FILE), 300.0, clock.wall())


@pytest.mark.parametrize("hours", [2.0, None])
def test_a_pause_goes_on_after_a_restart(clock: FakeClock, tmp_path: Path, hours: float | None) -> None:
    job = a_job(clock, tmp_path)
    job.setup()
    job.step(Pause("thesis", None if hours is None else clock.now() + hours * HOUR_S), clock.now())
    clock.advance(HOUR_S)
    again = a_job(clock, tmp_path)
    again.setup()
    assert again.wake_at() == (None if hours is None else pytest.approx(clock.now() + HOUR_S))
    assert not is_due_now(clock, tmp_path)
    clock.advance(HOUR_S + 1)
    assert is_due_now(clock, tmp_path) is (hours is not None)
    last = a_job(clock, tmp_path)
    last.setup()
    last.step(Resume("thesis", is_accepted=False), clock.now())
    assert Memory(tmp_path / JOB_FILE).pause_left(clock.wall()) is None


def test_a_pause_with_an_end_follows_one_without(clock: FakeClock, tmp_path: Path) -> None:
    job = a_job(clock, tmp_path)
    job.setup()
    job.step(Pause("thesis", None), clock.now())
    job.step(Pause("thesis", clock.now() + HOUR_S), clock.now())
    assert Memory(tmp_path / JOB_FILE).pause_left(clock.wall()) == pytest.approx(HOUR_S)


@pytest.mark.parametrize(("said", "is_aging"), [("Connection refused", True), ("Could not resolve host: h", False)])
def test_a_server_that_is_waited_for_becomes_an_error(
    clock: FakeClock, tmp_path: Path, said: str, is_aging: bool
) -> None:
    job = a_job(clock, tmp_path, Report(problem=Problem("offline", f"thesis: /server cannot be reached: {said}")))
    job.setup()
    states = []
    for _ in range(12):
        clock.advance(max(0.0, (job.wake_at() or 0.0) - clock.now()))
        job.step(None, clock.now())
        states.append(job._board.jobs()[0].state)
    assert states[0] is RepoState.OFFLINE
    assert (states[-1] is RepoState.ERROR) == is_aging
