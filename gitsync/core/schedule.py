"""Retry intervals: exponential back-off after failures, and jitter so that machines do not run at the same second.

Pure; any thread. All times are in seconds; `jitter` is a random number from 0 to 1 that the caller draws.
"""

from __future__ import annotations

# 2 ** 64 seconds is longer than any cap; beyond 2 ** 1024 a float overflows.
_LARGEST_EXPONENT = 64


def back_off(failures: int, jitter: float, base: float = 5.0, cap: float = 900.0) -> float:
    """Return how long to wait after `failures` consecutive failures.

    The wait doubles from `base` up to `cap`; `jitter` reduces it by up to half. Zero failures, no wait.
    """
    if failures <= 0:
        return 0.0
    span = min(cap, base * 2.0 ** min(failures - 1, _LARGEST_EXPONENT))
    return span * (0.5 + jitter / 2)


def jittered(interval: float, jitter: float, share: float = 0.25) -> float:
    """Return `interval` lengthened or shortened by at most `share` of itself; a jitter of 0.5 leaves it unchanged."""
    return interval * (1 + share * (2 * jitter - 1))


def next_run(last_end: float, interval: float, jitter: float) -> float:
    """Return the time of the next periodic run, counted from the end of the last one.

    Counted from the end, because a run that takes longer than its interval would otherwise start again at once.
    """
    return last_end + jittered(interval, jitter)
