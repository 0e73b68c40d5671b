"""The seeds of tests that make their worlds by chance: the same ones each time, or those that the environment names.

CHAOS_SEED=7 makes the world of seed 7 alone; CHAOS_SEEDS=50 those of the seeds from 0 to 49. The name of each test has
its seed, and what fails prints it.
"""

from __future__ import annotations

import os


def seeds(count: int) -> range:
    """Return the seeds to run; `count` of them unless the environment says otherwise."""
    one = os.environ.get("CHAOS_SEED")
    if one is not None:
        return range(int(one), int(one) + 1)
    return range(int(os.environ.get("CHAOS_SEEDS", count)))
