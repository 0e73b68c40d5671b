"""When a repository is tried again after a failure, and when it is compared again without one.

Runs on the committer thread. Instants are monotonic seconds.
"""

from __future__ import annotations

import random

from gitsync.core.schedule import back_off, next_run

BASE_S, CAP_S = 0.5, 60.0
# The user's own git is at work, mostly for moments: tried again at once a few times, then steadily.
SOON_S, SOON_TRIES, HELD_RETRY_S = 0.05, 8, 0.4


class Retry:
    """The failures in a row, when the next try is, and when the next periodic scan is."""

    def __init__(self) -> None:
        self.failures = 0
        self.at = 0.0
        self.reconcile_at: float | None = None

    def is_waiting(self, now: float) -> bool:
        """Whether nothing is to be tried yet."""
        return self.at > now

    def try_now(self) -> None:
        """Try without waiting; the failures still count."""
        self.at = 0.0

    def see_failure(self, now: float, *, is_collision: bool = False) -> None:
        """Count a failure, and wait longer after each one; a collision with the user's own git is soon over."""
        self.failures += 1
        if is_collision:
            self.at = now + (SOON_S * (1 + random.random()) if self.failures <= SOON_TRIES else HELD_RETRY_S)
            return
        self.at = now + back_off(self.failures, random.random(), BASE_S, CAP_S)

    def see_success(self) -> None:
        """Forget the failures."""
        self.failures = 0

    def plan_reconcile(self, every_s: float | None, now: float) -> None:
        """Plan the next periodic scan; None for never."""
        self.reconcile_at = None if every_s is None else next_run(now, every_s, random.random())
