"""Machines that were cut off, killed, refused and edited on meanwhile end with the same tree, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence import schedules
from tests.convergence.engines import Engines
from tests.convergence.machine import FAST, AskingMachine, MeetingMachine
from tests.convergence.planted import BUGS
from tests.convergence.world import World

ROOT = Path(__file__).parents[2]
SCHEDULES = int(os.environ.get("SCHEDULES", "16"))


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    it = Engines()
    yield it
    it.close()


def machine(base: type[MeetingMachine], engines: Engines, **chosen: object) -> type[MeetingMachine]:
    return type("Machine", (base,), {"engines": engines, **chosen})


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SCHEDULES, SCHEDULES // 2))
def test_everybody_ends_with_the_same_and_nothing_is_lost(first: int) -> None:
    # The same worlds each time: a new one that fails is for `make soak` to find.
    with schedules.template() as template:
        assert sum(schedules.try_one(first + number, template) for number in range(SCHEDULES // 2)) > SCHEDULES


@pytest.mark.soak
def test_people_settle_in_the_middle_of_it(engines: Engines) -> None:
    engines.tally.clear()
    chosen = settings(FAST, derandomize=True, max_examples=6, stateful_step_count=14)
    run_state_machine_as_test(machine(AskingMachine, engines, conflict="manual"), settings=chosen)
    assert engines.tally["resolve: done"] > 0


@pytest.mark.parametrize("what", ["undo", "resolve"])
def test_who_asks_is_met_in_the_middle_of_it(engines: Engines, what: str) -> None:
    engines.tally.clear()
    for call in range(6):
        world = World(engines, 2)
        try:
            for site in (0, 1):
                world.edit(site, "save", 0, 3, False)
            for site in (0, 1):
                world.run(site, 70.0)
            if call % 2:
                world.arm_death(1, call, True)
            else:
                world.arm_save(1, call, True, 0, 5, False, False)
            assert world.undo(1, 0, False) if what == "undo" else world.resolve(1, 0, call // 2)
            world.settle()
        finally:
            world.close()
    assert engines.tally[f"{what}: died"] > 1
    assert engines.tally[f"{what}: done"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    """The test is tested: one of these, planted into the engine, makes a schedule fail, which says how to repeat it."""
    # Those of the seeds before do not meet it.
    seed = {"unlooked": 8}.get(bug, 0)
    command = [sys.executable, "-m", "tests.convergence.schedules", str(seed), "50", "--bug", bug]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=250)
    assert done.returncode == 1, done
    assert "to repeat it: python -m tests.convergence.schedules " in done.stdout
