"""When a job runs and what its last run means for the next. Pure; instants are seconds, walls since the epoch."""

from __future__ import annotations

from gitsync.core.schedule import back_off, next_run

# After an outage the server is met again within about the time that the outage took, but never more often than this.
BACK_OFF_BASE_S, BACK_OFF_CAP_S = 30.0, 1800.0
# A job that is overdue at the start waits this long, so that a login is not slowed down by all of them at once.
START_DELAY_S = 5.0


def first_run(last_end: float | None, every: float | None, now: float, jitter: float) -> float | None:
    """Return when a job runs first after a start: at once when it never ran or is overdue; None for never."""
    if every is None:
        return None
    soon = now + START_DELAY_S * jitter
    if last_end is None or last_end > now:  # a clock that was set back says nothing about what is due
        return soon
    return max(soon, next_run(last_end, every, jitter))


def run_after(end: float, every: float | None, failures: int, jitter: float) -> float | None:
    """Return when a job runs again: after its period, or earlier where the last run failed for a passing reason."""
    if every is None:
        return None
    regular = next_run(end, every, jitter)
    if not failures:
        return regular
    return min(regular, end + back_off(failures, jitter, BACK_OFF_BASE_S, BACK_OFF_CAP_S))


def allowed(mode: str, wanted: str) -> str:
    """Return the direction of a run of a job in `mode` when `wanted` was asked for; "" when it may not go there."""
    if mode == "both" or mode == wanted:
        return wanted
    return mode if wanted == "both" else ""
