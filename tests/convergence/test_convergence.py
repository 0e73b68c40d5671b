"""Machines that were cut off, killed, refused and edited on meanwhile end with the same tree, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence.engines import Engines
from tests.convergence.machine import FAST, ConvergenceMachine


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    it = Engines()
    yield it
    it.close()


def machine(engines: Engines, **chosen: object) -> type[ConvergenceMachine]:
    return type("Machine", (ConvergenceMachine,), {"engines": engines, **chosen})


@pytest.mark.parametrize("is_shared", [False])
def test_everybody_ends_with_the_same_and_nothing_is_lost(engines: Engines, is_shared: bool) -> None:
    # The same worlds each time: a new one that fails is for `make soak` to find.
    chosen = settings(FAST, derandomize=True, max_examples=4, stateful_step_count=40)
    run_state_machine_as_test(machine(engines, is_shared=is_shared), settings=chosen)
    assert engines.tally["versions owed"] > 20
    assert engines.tally["deaths"] > 5
