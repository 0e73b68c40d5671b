"""When a batch of noted changes is committed: after a quiet moment, and never later than `max_wait`.

Pure, so on no thread and owner of nothing. Instants and spans are seconds on one monotonic clock, given by the caller.
There is no timer here: the committer asks for the instant and sleeps on its inbox until then.
"""

from __future__ import annotations


def due_at(first_at: float, last_at: float, quiet: float, max_wait: float) -> float:
    """Return the instant at which a batch is committed that was first noted at `first_at` and last at `last_at`.

    That is `quiet` after the last note, but at most `max_wait` after the first, so that a file which is written
    for ever is committed too. `math.inf` as `max_wait` takes the cap away.
    """
    return min(last_at + quiet, first_at + max_wait)
