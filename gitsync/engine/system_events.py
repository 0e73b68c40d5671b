"""System events: one thread that notices what concerns exchanges and comes from outside of every work tree.

Runs on the thread `system-events`, which owns the descriptors of `watch.outside`, the watches on remotes that are on
this file system (on the inotify instance that the watchers use, too), and the connection of `watch.conditions`. It
sends messages to exchangers and jobs; without the descriptors (no Linux, none left) it looks every few seconds.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from queue import Empty
from typing import TYPE_CHECKING

from gitsync.clock import Clock
from gitsync.engine.exchange.notice import Notices
from gitsync.engine.messages import (
    ConditionsWanted,
    Deferred,
    LineDoubted,
    Listen,
    ListenFar,
    NetworkChanged,
    Noticing,
    RemoteMoved,
    ServerMet,
    Woken,
)
from gitsync.engine.owner import Owner, Stop, ThreadDied
from gitsync.watch import looks

if TYPE_CHECKING:
    from gitsync.watch.conditions import Conditions
    from gitsync.watch.outside import News, Outside
    from gitsync.watch.refs import RefWatches
    from gitsync.watch.shared import SharedInotify

logger = logging.getLogger(__name__)

# Changes are reported by the system bus. This is for what has none, and for a service that starts late.
LOOK_EVERY_S = 30.0


class SystemEvents(Owner):
    """Hears pushes into remotes nearby, the network, the clock and the power supply.

    `tell_all` reaches everybody who may care.
    """

    def __init__(
        self,
        clock: Clock,
        tell: Callable[[str, object], None],
        tell_all: Callable[[object], None],
        on_death: Callable[[ThreadDied], None],
        inotify: SharedInotify,
    ) -> None:
        super().__init__("system-events", clock, on_death)
        self._inotify = inotify
        self._tell = tell
        self._tell_all = tell_all
        self._outside: Outside | None = None
        self._refs: RefWatches | None = None
        self._conditions: Conditions | None = None
        self._wanted = ConditionsWanted(battery=False, metered=False)
        self._look_at: float | None = None
        self._looks: looks.Looks | None = None
        self._looks_at: float | None = None
        self._watched: set[tuple[str, str]] = set()
        self._refused: dict[tuple[str, str], str] = {}
        self._notices = Notices(clock, tell, on_death)

    def post(self, message: object) -> None:
        """Put a message into the inbox and wake the thread."""
        super().post(message)
        if self._outside is not None:
            self._outside.ring()

    def setup(self) -> None:
        """Open the descriptors: here, because who detaches from a terminal closes those that were open before."""
        if sys.platform == "linux":
            self._open()
        if self._outside is None:
            self._looks, self._looks_at = looks.Looks(), self.clock.now() + looks.LOOK_EVERY_S

    def _open(self) -> None:
        from gitsync.watch.outside import Outside  # both Linux's alone
        from gitsync.watch.refs import RefWatches

        try:
            self._outside = Outside()
        except OSError as error:
            logger.debug("nothing is heard from outside: %s", error)
            return
        self._refs = RefWatches(self._inotify, self._outside.ring)

    def teardown(self) -> None:
        """End the channels, and give the descriptors back."""
        self._notices.stop()
        if self._refs is not None:
            self._refs.close()
        if self._outside is not None:
            self._outside.wait_for(None)
            self._outside.close()
        if self._conditions is not None:
            self._conditions.close()

    def wake_at(self) -> float | None:
        """Return when the power supply and the link are checked without a report, or the network and the clock."""
        return min((at for at in (self._look_at, self._looks_at) if at is not None), default=None)

    def step(self, message: object | None, now: float) -> None:
        """Take one message, and pass on which remotes have moved."""
        if isinstance(message, Stop):
            self.end()
            return
        if self._looks is not None and self._looks_at is not None and now >= self._looks_at:
            self._looks_at = now + looks.LOOK_EVERY_S
            self._pass_on(self._looks.take())
        if isinstance(message, ConditionsWanted):
            self._wanted = message
            self._check_conditions()
        elif self._look_at is not None and now >= self._look_at:
            self._check_conditions()
        elif isinstance(message, ListenFar):
            self._notices.listen(message)
        elif isinstance(message, LineDoubted | ServerMet):
            self._notices.pass_on(message)
        if self._refs is not None:
            self._see_watches(self._refs, message)

    def _see_watches(self, refs: RefWatches, message: object | None) -> None:
        if isinstance(message, Listen):
            refs.listen((message.repo, message.via), message.directory)
        moved, watched, refused = refs.take(), refs.names, refs.refused
        for (name, via), why in refused.items():
            if self._refused.get((name, via)) != why:
                self._tell(name, Noticing(name, "poll", via, why=why))
        self._refused = refused
        for name, via in watched - self._watched:
            self._tell(name, Noticing(name, "watch", via))
        for name, via in self._watched - watched:
            self._tell(name, Noticing(name, "poll", via))
        # Changes between the last check and the watch are found by another check.
        for name, via in moved | (watched - self._watched):
            self._tell(name, RemoteMoved(name, via))
        self._watched = watched

    def receive(self, timeout_s: float | None) -> object | None:
        """Return the next message, None after news from outside or `timeout_s` seconds."""
        if self._outside is None:
            return super().receive(timeout_s)
        if self.inbox.empty():
            news = self._outside.wait(timeout_s)
            self._pass_on(news)
            if self._look_at is not None and (news.has_other or news.has_network_changed or news.has_clock_jumped):
                self._check_conditions()
        try:
            return self.inbox.get_nowait()
        except Empty:
            return None

    def _pass_on(self, news: News | looks.Seen) -> None:
        if news.has_network_changed:
            logger.debug("the network has changed")
            self._tell_all(NetworkChanged())
            self._notices.tell_all(NetworkChanged())
        if news.has_clock_jumped:
            logger.debug("the clock has jumped")
            self._tell_all(Woken())
            self._notices.tell_all(Woken())

    def _check_conditions(self) -> None:
        """Tell everybody whether exchanges are to wait; exchangers that hear the same again do nothing new."""
        wanted = self._wanted
        is_wanted = wanted.battery or wanted.metered
        if self._conditions is None and is_wanted:
            from gitsync.watch.conditions import Conditions  # most configurations need none

            self._conditions = Conditions()
        if self._outside is not None:
            self._outside.wait_for(None)
        reasons: tuple[str, ...] = ()
        if self._conditions is not None:
            if is_wanted:
                reasons = self._conditions.read(battery=wanted.battery, metered=wanted.metered)
            else:
                self._conditions.close()
            if self._outside is not None:
                self._outside.wait_for(self._conditions.fd)
        self._look_at = self.clock.now() + LOOK_EVERY_S if is_wanted else None
        self._tell_all(Deferred(reasons))
