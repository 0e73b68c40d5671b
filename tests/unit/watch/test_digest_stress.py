"""Random changes, noticed late: what the hints miss, nobody ever looks at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.synchronous_watch import Watch
from tests.fakes.watched_tree import Vandal, View, everything, make_prune

pytestmark = pytest.mark.slow


def run_vandal(seed: int, top: Path, steps: int = 40) -> None:
    """Compare what is known by hints with what is there, after random changes that were noticed late."""
    root, outside = os.fsencode(top / "root"), os.fsencode(top / "outside")
    vandal = Vandal(seed, root, outside)
    for _ in range(10):
        vandal.act()
    watch, view = Watch(root), View(root)
    try:
        for step in range(steps):
            vandal.act()
            if (step * 7 + seed) % (1 + seed % 9) == 0:
                watch.take(size=(None, 1, 2, 5)[seed % 4])
            if (step + seed) % 11 == 0:
                paths, trees, reasons = watch.hints()
                view.look_at(paths, trees, bool(reasons))
        watch.check()
        vandal.everywhere()
        paths, trees, reasons = watch.hints()
        view.look_at(paths, trees, bool(reasons))
        there = everything(root, make_prune(root))
        wrong = {path for path in there.keys() | view.known.keys() if there.get(path) != view.known.get(path)}
        assert not wrong, f"never noted: {wrong}"
    finally:
        watch.inotify.close()


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_to_a_tree_is_noted(root: Path, seed: int) -> None:
    run_vandal(seed, root.parent)


@pytest.mark.parametrize("seed", range(3))
def test_a_long_life_of_a_tree_is_noted(root: Path, seed: int) -> None:
    run_vandal(seed, root.parent, 400)
