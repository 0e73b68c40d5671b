"""A machine that ends, or that meets an error, at some system call of some deed goes on as if nothing had happened.

CRASH_SEED=7 tries the points of that seed again; CRASH_POINTS=500 tries more of them; `python -m tests.crashes` all.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.crashes import points, shim
from tests.crashes.scenes import SCENES
from tests.crashes.world import World
from tests.needs import needs, needs_every_process
from tests.tools import is_there

# Preparing a scene costs as much as two of its points.
SCENES_A_RUN, POINTS = 2, 12


def make_world() -> Iterator[World]:
    """Give a world where this machine can build one."""
    needs("cc")
    needs_every_process()
    if not shim.is_loadable():
        pytest.skip("the shim is loaded by glibc and musl only")
    it = World()
    yield it
    it.close()


@pytest.fixture
def world() -> Iterator[World]:
    yield from make_world()


@pytest.mark.slow
def test_some_points_of_some_scenes(world: World) -> None:
    seed = int(os.environ.get("CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    count = int(os.environ.get("CRASH_POINTS", POINTS))
    print(f"CRASH_SEED={seed}")
    dice = random.Random(seed)
    usable = [scene for scene in SCENES if all(map(is_there, scene.tools))]
    for scene in dice.sample(usable, SCENES_A_RUN):
        stage = points.prepare(world, scene)
        for way, call in points.sample(stage, dice, count // SCENES_A_RUN):
            wrong = points.attempt(world, stage, way, call.number)
            assert not wrong, "\n".join([f"CRASH_SEED={seed}: {scene.name} {way} {call}", *wrong])
