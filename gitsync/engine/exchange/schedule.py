"""When an exchanger looks at its remote: the period, the push after a commit, the back-off after a failure.

Runs on the thread of the exchanger that owns it. Instants are monotonic seconds; None is never.

`pull` is how often a quiet remote is looked at. After something happened it is looked at more often, and ever less so
as time goes by: another machine's change is likely to be followed by the next one. The cost is bounded in three ways:
by a shortest wait, by a multiple of what a look takes, and by a share of the time that has passed.
"""

from __future__ import annotations

import random

from gitsync.config.options import RepoConfig
from gitsync.core.jobs import allowed
from gitsync.core.reconcile import may_push
from gitsync.core.schedule import back_off, next_run
from gitsync.engine.exchange.turns import SPACING_S, Turn

# Doubling from two seconds: after an outage the remote is met again within about the time that the outage took.
BACK_OFF_BASE_S, BACK_OFF_CAP_S = 2.0, 300.0
# Pushes that cross those of other machines are tried again this often before a person hears of it.
CROSSINGS = 100
# The lock of a branch over there is held for moments by a push that is under way.
LOCKED_TRIES = 3
# A push by itself (no `push` in the configuration) leaves the remote alone for this many times what it took.
PUSH_REST = 2.0
# Who asks for a look less often than this has a reason, and gets no more looks than that.
RARELY_S = 300.0
# The shortest wait, and the share of the time since the change, after a change by another machine and after one by this
# machine.
NEWS_FLOOR_S, NEWS_SHARE = 0.3, 0.05
SENT_FLOOR_S, SENT_SHARE = 2.0, 0.1
LOOK_REST = 3.0
# What is noticed at once is looked at this often besides (seconds), should a notice be lost.
NOTICED_S = 3600.0
# A server that reports nothing is looked at once a minute at most, for all repositories there, and for one of them
# after so many looks in vain this often (seconds). A shorter `pull` is kept to.
FAR_IDLE_S, FAR_EMPTY = 900.0, 10
# In a crowd every look finds something, and a later one brings more at once: looks rest up to so many times longer.
STREAK_MAX = 3
# How often a disk that is not mounted is looked for: one look costs a few system calls.
DISK_LOOK_S = 2.0
# A connection is kept for looks that come more often than this: for some minutes after news.
LIVELY_S = 15.0
# After a changed network, machines of one place do not all come at the same instant.
RETURN_SPREAD_S = 0.5


class Schedule:
    """The instants of one exchange; without `is_scheduled` only what is asked for happens (a single pass)."""

    def __init__(self, config: RepoConfig, *, is_scheduled: bool) -> None:
        self._config = config
        self._is_scheduled = is_scheduled
        self._failures = 0
        self._crossings = 0
        self._crowd = PushBackoff()
        self._streak = 0
        self._is_push_alone = False
        self._asked = ""
        self._goes_first = False  # a person waits for it
        self._is_deferred = False
        self._is_away = False
        self._is_noticed = False
        self._turn: Turn | None = None
        self._empty_looks = 0
        self._has_moved = False
        self._pull_at: float | None = None
        self._push_at: float | None = None
        self._retry_at: float | None = None
        self._push_free_at = 0.0
        self._news_at: float | None = None
        self._sent_at: float | None = None
        self._look_s = 0.0

    def next_at(self) -> float | None:
        """Return when a cycle is to begin, while nothing went wrong."""
        at = min((at for at in (self._pull_at, self._push_at) if at is not None), default=None)
        return None if self._is_held else self._not_before(at)

    @property
    def retry_at(self) -> float | None:
        """Return when a cycle is to begin after a failure, or a halted remote is to be looked at."""
        return None if self._is_held else self._not_before(self._retry_at)

    def _not_before(self, at: float | None) -> float | None:
        """Return `at`, or when the server is ready again if it asked to be left alone; a person's wish goes first."""
        return at if at is None or self._turn is None or self._goes_first else max(at, self._turn.rests_until)

    @property
    def _is_held(self) -> bool:
        return self._is_away or (self._is_deferred and not self._asked)

    @property
    def is_away(self) -> bool:
        """Whether there is no work tree to exchange anything of."""
        return self._is_away

    def leave(self) -> None:
        """The work tree is not there: nothing happens until `see_branch`."""
        self._is_away = True
        self._asked = ""

    def defer(self, *, is_deferred: bool) -> None:
        """Begin no cycle but those that a person asks for, or go on; what fell due meanwhile is due then."""
        self._is_deferred = is_deferred

    @property
    def is_pushing(self) -> bool:
        """Whether this cycle may send: `push = "off"` sends only what somebody asked to be synced."""
        return may_push(self.mode) and (self._config.push is not None or bool(self._asked))

    @property
    def mode(self) -> str:
        """Return which directions this cycle goes: those of the configuration, or the one that was asked for."""
        return (allowed(self._config.mode, self._asked) or "commit") if self._asked else self._config.mode

    @property
    def is_looking(self) -> bool:
        """Whether the remote is looked at without being asked to."""
        return self._is_scheduled and self._config.pull is not None

    def see_branch(self, now: float) -> None:
        """A branch is seen for the first time: look at its upstream, or send what waits where that is off."""
        self._is_away = False
        if not self._is_scheduled:
            return
        self._sent_at = now  # somebody has just sat down: here, and so perhaps elsewhere
        if self._config.pull is not None:
            self._pull_at = now
        else:
            self.see_commit(now)

    def see_commit(self, now: float) -> None:
        """There is a commit to send; it goes with the push that is planned already, or is to be tried again."""
        wait, is_planned = self._config.push, self._push_at is not None or self._crossings > 0
        if not self._is_scheduled or wait is None or not may_push(self._config.mode) or is_planned:
            return
        self._push_at = now + wait
        if self._config.is_push_prompt:
            self._push_at = max(now, self._push_free_at) + self._crowd.turn(now)

    def see_sent(self, now: float, took_s: float) -> None:
        """A push by gitsync succeeded `took_s` seconds after its start: the next one leaves the network some rest."""
        self._sent_at = now
        self._empty_looks = 0
        self._crowd.win()
        self._push_free_at = now + min(self._config.push or 0.0, PUSH_REST * took_s)

    def see_look(self, now: float, *, has_news: bool, is_watched: bool = False) -> None:
        """A look found another machine's commit, and the next one may follow soon; or it found nothing.

        What is watched tells of itself.
        """
        self._streak = self._streak + 1 if has_news else 0
        self._empty_looks = 0 if has_news else self._empty_looks + 1
        if not has_news:
            self._crowd.see_calm()
        elif is_watched:
            self._sent_at = now
        else:
            self._news_at = now

    def see_moved(self, now: float) -> None:
        """The remote is known to have changed: look at it at once."""
        if self.is_looking:
            self._has_moved = True
            self._pull_at = self._retry_at = now

    def see_place(self, turn: Turn | None) -> None:
        """The remote is on a server, where looks take turns, or (None) on a file system of this machine."""
        self._turn = turn

    def notice(self, now: float, *, is_noticed: bool) -> None:
        """From now on, changes of the remote are noticed without a look; or they are not any more."""
        if is_noticed == self._is_noticed:
            return
        self._is_noticed = is_noticed
        if self._pull_at is not None and self._pull_at > now:
            self._pull_at = self._plan(now, self.every(now))

    def hurry(self, now: float, direction: str = "both") -> None:
        """Begin a cycle now, because somebody asked for it: a whole one, or in one direction."""
        self._asked = direction if self._asked in ("", direction) else "both"
        self._goes_first = True
        self._pull_at = self._retry_at = now

    def begin(self, now: float) -> bool:
        """Note that a cycle begins; return whether it is for a push alone."""
        self._goes_first = False
        # Where others push, too, a push without a look is as good as lost.
        is_push_due = self._push_at is not None and self._crossings == 0 and self._crowd.span(now) == 0.0
        self._is_push_alone = is_push_due and (self._pull_at is None or self._pull_at > now)
        self._push_at = None
        self._has_moved = False
        if self._turn is not None and not self._is_push_alone:
            self._turn.see_look(now)
        return self._is_push_alone

    def rest(self, now: float, *, has_remote: bool = True, look_s: float | None = None) -> None:
        """A cycle ended well: the next one comes after the period, counted from now; `look_s` is what it took."""
        self._failures = self._crossings = 0
        self._asked = ""
        self._look_s = self._look_s if look_s is None else look_s
        every = self.every(now) if self.is_looking and has_remote else None
        # Pushes that follow each other do not put off the next look at the remote.
        is_planned = every is not None and self._is_push_alone and self._pull_at is not None
        if is_planned and self._pull_at is not None and self._pull_at <= now + (every or 0.0):
            next_at: float | None = self._pull_at
        else:
            next_at = None if every is None else self._plan(now, every)
        self._pull_at = now if self._has_moved else next_at  # it moved after this cycle had looked

    def _plan(self, now: float, every: float) -> float:
        at = next_run(now, every, random.random())
        has_turns = self._turn is not None and not self._is_noticed and every >= SPACING_S
        return self._turn.plan(at) if self._turn is not None and has_turns else at

    def every(self, now: float) -> float:
        """Return how long to wait for the next look (seconds): at most `pull`, less after something happened."""
        period = self._config.pull or RARELY_S
        if self._is_noticed:
            return max(period, NOTICED_S)
        is_spaced = self._turn is not None and period >= SPACING_S
        if is_spaced and self._empty_looks >= FAR_EMPTY:
            return max(period, FAR_IDLE_S)
        if period > RARELY_S:
            return period
        streak = min(self._streak, STREAK_MAX) if self._crowd.span(now) else 0
        least = SPACING_S if is_spaced else 0.0
        for at, floor, share in ((self._news_at, NEWS_FLOOR_S, NEWS_SHARE), (self._sent_at, SENT_FLOOR_S, SENT_SHARE)):
            if at is not None:
                rest = LOOK_REST * (1 + streak) * self._look_s
                period = min(period, max(least, floor, rest, share * (now - at)))
        return period

    def is_lively(self, now: float) -> bool:
        """Whether the next looks come so soon that a connection is worth keeping."""
        return (
            self.is_looking and not self._is_deferred and self.every(now) < min(LIVELY_S, self._config.pull or LIVELY_S)
        )

    def fail(self, now: float, wait_s: float = 0.0) -> float:
        """A cycle failed: plan the retry and return how many seconds away it is.

        The server asked to be left alone for `wait_s` seconds.
        """
        self._failures += 1
        self._crossings = 0
        self._goes_first = self._goes_first and not wait_s
        if wait_s and self._turn is not None:
            self._turn.see_refusal(now + wait_s)
        return self._retry(now, back_off(self._failures, random.random(), BACK_OFF_BASE_S, BACK_OFF_CAP_S))

    def await_disk(self, now: float) -> None:
        """The remote's disk is not mounted: plan to look whether it is by then, however long that lasts."""
        self._failures = self._crossings = 0
        self._asked = ""
        self._retry(now, DISK_LOOK_S)

    def cross(self, now: float, took_s: float = 0.0) -> int:
        """Another machine's push came first, and the try took `took_s` seconds: plan the retry.

        Return how many times in a row that happened.
        """
        self._crossings += 1
        # Two that meet by chance part at once.
        is_by_chance = self._crossings == 1 and self._crowd.span(now) == 0.0
        self._crowd.lose(now, took_s)
        self._retry(now, 0.0 if is_by_chance else self._crowd.turn(now))
        return self._crossings

    def halt(self, now: float) -> None:
        """A person is asked: look now and then whether the remote has changed by itself."""
        self._failures = self._crossings = 0
        self._asked = ""
        self._retry_at = self._plan(now, self._config.pull or RARELY_S) if self.is_looking else None

    def forgive(self, now: float) -> None:
        """A person resumed: what failed before no longer counts."""
        self._failures = 0
        if self._is_deferred:
            self._asked = self._asked or "both"
        self._retry_at = now
        self.see_branch(now)

    def see_return(self, now: float) -> None:
        """The network is another one, or the machine woke up: what failed because of it is tried again at once."""
        self._failures = 0
        if self._is_scheduled:
            self._retry_at = now + RETURN_SPREAD_S * random.random()

    def _retry(self, now: float, wait: float) -> float:
        self._retry_at = now + wait
        if self._is_push_alone:
            self._push_at = self._retry_at
        else:
            self._pull_at = self._retry_at
        return wait


# The widest window, in tries: with more machines than this, several try at once, and one of them gets through.
WIDEST = 10.0
# What takes less (seconds) needs no spreading over its own length.
SHORTEST_S = 0.1
# No push was lost for so long (seconds): the others have stopped pushing.
CALM_S = 30.0


class PushBackoff:
    """How many others push at the same time, as far as one machine can tell from whether its own pushes get through.

    Who loses a push has fetched and merged for nothing, and has slowed down the one who won. So the window over which
    tries are spread doubles with every loss. It shrinks by one try with every win: if it began again, as Ethernet's
    does, those who came last would go first, for ever. Source: Bharghavan, Demers, Shenker and Zhang, "MACAW: a media
    access protocol for wireless LANs", SIGCOMM 1994, section 3.1.
    """

    def __init__(self) -> None:
        self._window = 0.0  # in tries
        self._try_s = SHORTEST_S
        self._lost_at = 0.0

    def lose(self, now: float, took_s: float) -> None:
        """Another machine's push came first; ours took `took_s` seconds, the look before it included."""
        self._window = min(WIDEST, max(1.0, 2.0 * self._window))
        self._try_s = max(SHORTEST_S, (self._try_s + took_s) / 2.0)
        self._lost_at = now

    def win(self) -> None:
        """A push by gitsync succeeded."""
        self._window = max(0.0, self._window - 1.0)

    def see_calm(self) -> None:
        """A look found nothing new: nobody got through since the one before."""
        self._window = self._window / 2.0 if self._window > 1.0 else 0.0

    def span(self, now: float) -> float:
        """Return over how many seconds the next tries are to be spread; 0 when nobody is in the way."""
        if now - self._lost_at > CALM_S:
            self._window = 0.0
        return self._window * self._try_s

    def turn(self, now: float) -> float:
        """Return a random wait (seconds) within that span."""
        return self.span(now) * random.random()
