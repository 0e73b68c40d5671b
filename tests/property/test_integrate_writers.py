"""A program that has the file open while we take our steps: what it writes late is not lost."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gitsync.git.applying.apply import apply, recover
from tests.fakes.deaths import Case, Death, at, fresh, points, settle, template

pytestmark = pytest.mark.slow

__all__ = ["fresh", "points", "template"]  # fixtures are found by name


@pytest.mark.parametrize("dies", [False, True])
def test_a_writer_that_keeps_the_file_open(
    points: list[tuple[str, bytes]], fresh: Callable[[], Case], dies: bool
) -> None:
    """Somebody opens the file, we take our step, and only then he writes."""
    for number, (_, path) in enumerate(points):
        if path != b"a.txt":
            continue
        pair = fresh()
        made = pair.made
        held: list[int] = []

        def act(pair: Case = pair, held: list[int] = held) -> None:
            held.append(os.open(pair.ours / "a.txt", os.O_WRONLY | os.O_APPEND))
            if dies:
                raise Death

        try:
            apply(pair.worktree, made, message="Merge", probe=at(number, act))
        except Death:
            pair.reopen()
            recover(pair.worktree)
        os.write(held[0], b"written late\n")
        os.close(held[0])
        found = (pair.ours / "a.txt").read_bytes()
        assert found.endswith(b"written late\n"), (points[number], found)
        settle(pair, made.upstream)
