"""Computes when a job runs, and how its last run affects the next. Pure; times are in seconds, wall clock times since
the epoch.
"""

from __future__ import annotations

from gitsync.core.schedule import back_off, next_run

# After an outage, the server is tried again within about the time that the outage lasted, at most every 30 minutes.
BACK_OFF_BASE_S, BACK_OFF_CAP_S = 30.0, 1800.0
# Jobs that are overdue at the start wait this long, so that they do not all slow down a login.
START_DELAY_S = 5.0


def first_run(last_end: float | None, every: float | None, now: float, jitter: float) -> float | None:
    """Return when a job first runs after a start: at once when it never ran or is overdue; None for never."""
    if every is None:
        return None
    soon = now + START_DELAY_S * jitter
    if last_end is None or last_end > now:  # the clock was set back: nothing can be said about what is due
        return soon
    return max(soon, next_run(last_end, every, jitter))


def run_after(end: float, every: float | None, failures: int, jitter: float) -> float | None:
    """Return when a job runs again: after its period, or earlier when the last run failed temporarily."""
    if every is None:
        return None
    regular = next_run(end, every, jitter)
    if not failures:
        return regular
    return min(regular, end + back_off(failures, jitter, BACK_OFF_BASE_S, BACK_OFF_CAP_S))


def allowed(mode: str, wanted: str) -> str:
    """Return the direction in which a job with `mode` may run when `wanted` was requested; "" for not at all."""
    if mode == "both" or mode == wanted:
        return wanted
    return mode if wanted == "both" else ""
