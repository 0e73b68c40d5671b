"""Looking up references costs no memory that is never given back."""

from __future__ import annotations

import gc
import sys

from gitsync.git.objects.commits import tip_of
from gitsync.git.staging.worktree import Worktree


def test_a_branch_that_is_looked_at_again_and_again_takes_no_memory(worktree: Worktree) -> None:
    blocks = []
    for _ in range(2):
        for number in range(1000):
            tip_of(worktree.repo, ("main", "none")[number % 2])
        gc.collect()
        blocks.append(sys.getallocatedblocks())
    assert blocks[1] - blocks[0] < 100
