"""Machines that were cut off, killed, refused and edited on meanwhile end with the same tree, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence.engines import Engines
from tests.convergence.machine import FAST, AskingMachine, ConvergenceMachine, MeetingMachine
from tests.convergence.planted import BUGS
from tests.convergence.world import World


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    it = Engines()
    yield it
    it.close()


def machine(base: type[MeetingMachine], engines: Engines, **chosen: object) -> type[MeetingMachine]:
    return type("Machine", (base,), {"engines": engines, **chosen})


def test_everybody_ends_with_the_same_and_nothing_is_lost(engines: Engines) -> None:
    # The same worlds each time: a new one that fails is for `make soak` to find.
    chosen = settings(FAST, derandomize=True, max_examples=5, stateful_step_count=40)
    run_state_machine_as_test(machine(ConvergenceMachine, engines), settings=chosen)
    assert engines.tally["versions owed"] > 20
    assert engines.tally["deaths"] > 5


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


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(engines: Engines, bug: str) -> None:
    """The test is tested: whoever plants one of these into the engine has to see it fail."""
    planted = seed(3)(machine(MeetingMachine, engines, bug=bug))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(planted, settings=settings(FAST, max_examples=60, stateful_step_count=12))
