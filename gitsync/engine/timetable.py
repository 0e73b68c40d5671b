"""When an exchanger looks at its remote: the period, the push after a commit, the back-off after a failure.

Runs on the thread of the exchanger that owns it. Instants are monotonic seconds; None is never.
"""

from __future__ import annotations

import random

from gitsync.config.options import RepoConfig
from gitsync.core.reconcile import may_push
from gitsync.core.schedule import back_off, next_run

# Doubling from two seconds: after an outage the remote is met again within about the time that the outage took.
BACK_OFF_BASE_S, BACK_OFF_CAP_S = 2.0, 300.0


class Timetable:
    """The instants of one exchange; without `is_scheduled` only what is asked for happens (a single pass)."""

    def __init__(self, config: RepoConfig, *, is_scheduled: bool) -> None:
        self._config = config
        self._is_scheduled = is_scheduled
        self._failures = 0
        self._is_push_alone = False
        self._is_asked = False
        self._pull_at: float | None = None
        self._push_at: float | None = None
        self._retry_at: float | None = None

    def next_at(self) -> float | None:
        """Return when a cycle is to begin, while nothing went wrong."""
        return min((at for at in (self._pull_at, self._push_at) if at is not None), default=None)

    @property
    def retry_at(self) -> float | None:
        """Return when a cycle is to begin after a failure."""
        return self._retry_at

    @property
    def is_pushing(self) -> bool:
        """Whether this cycle may send: `push = "off"` sends only what somebody asked to be synced."""
        return may_push(self._config.mode) and (self._config.push is not None or self._is_asked)

    def see_branch(self, now: float) -> None:
        """A branch is seen for the first time: look at its upstream, or send what waits where that is off."""
        if not self._is_scheduled:
            return
        if self._config.pull is not None:
            self._pull_at = now
        else:
            self.see_commit(now)

    def see_commit(self, now: float) -> None:
        """There is a commit to send; later ones until then go with it."""
        if self._is_scheduled and self._config.push is not None and may_push(self._config.mode):
            self._push_at = now + self._config.push if self._push_at is None else self._push_at

    def hurry(self, now: float) -> None:
        """Begin a whole cycle now, because somebody asked for it."""
        self._is_asked = True
        self._pull_at = self._retry_at = now

    def begin(self, now: float) -> bool:
        """Note that a cycle begins; return whether it is for a push alone."""
        self._is_push_alone = self._push_at is not None and (self._pull_at is None or self._pull_at > now)
        self._push_at = None
        return self._is_push_alone

    def rest(self, now: float, *, has_remote: bool = True) -> None:
        """A cycle ended well: the next one comes after the period, counted from now."""
        self._failures = 0
        self._is_asked = False
        if self._is_push_alone and self._pull_at is not None:
            return  # pushes that follow each other do not put off the next look at the remote
        every = self._config.pull if self._is_scheduled and has_remote else None
        self._pull_at = None if every is None else next_run(now, every, random.random())

    def fail(self, now: float) -> float:
        """A cycle failed: plan the retry and return how many seconds away it is."""
        self._failures += 1
        wait = back_off(self._failures, random.random(), BACK_OFF_BASE_S, BACK_OFF_CAP_S)
        self._retry_at = now + wait
        if self._is_push_alone:
            self._push_at = self._retry_at
        else:
            self._pull_at = self._retry_at
        return wait

    def forgive(self, now: float) -> None:
        """A person resumed: what failed before no longer counts."""
        self._failures = 0
        self._retry_at = now
        self.see_branch(now)
