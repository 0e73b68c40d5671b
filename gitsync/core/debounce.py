"""Computes when a batch of changes is committed: after a quiet period, and never later than `max_wait`.

Pure; any thread. Times are seconds on one monotonic clock, given by the caller. There is no timer here: the committer
asks for the time and sleeps on its inbox until then.
"""

from __future__ import annotations


def due_at(first_at: float, last_at: float, quiet: float, max_wait: float) -> float:
    """Return the time to commit a batch whose first change was at `first_at` and last at `last_at`.

    That is `quiet` after the last change, but at most `max_wait` after the first, so that a file that is written
    continuously is committed too. With `max_wait` = `math.inf` there is no limit.
    """
    return min(last_at + quiet, first_at + max_wait)
