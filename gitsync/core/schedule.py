"""When something is tried again: back-off after failures, jitter so that machines do not meet at the same second.

Pure, so on no thread and owner of nothing. Everything is in seconds; `jitter` is a random number from 0 to 1 that the
caller draws.
"""

from __future__ import annotations

# 2 ** 64 seconds is longer than anybody waits; beyond 2 ** 1024 a float overflows.
_LARGEST_EXPONENT = 64


def back_off(failures: int, jitter: float, base: float = 5.0, cap: float = 900.0) -> float:
    """Return how long to wait after the `failures`-th failure in a row.

    The span doubles from `base` up to `cap`; `jitter` takes away up to half of it. No failure, no wait.
    """
    if failures <= 0:
        return 0.0
    span = min(cap, base * 2.0 ** min(failures - 1, _LARGEST_EXPONENT))
    return span * (0.5 + jitter / 2)


def jittered(interval: float, jitter: float, share: float = 0.25) -> float:
    """Return `interval` made longer or shorter by at most `share` of itself; a jitter of 0.5 leaves it as it is."""
    return interval * (1 + share * (2 * jitter - 1))


def next_run(last_end: float, interval: float, jitter: float) -> float:
    """Return the instant of the next periodic run, counted from the end of the last one.

    Counted from its end, because a run that takes longer than its interval would otherwise follow itself at once.
    """
    return last_end + jittered(interval, jitter)
