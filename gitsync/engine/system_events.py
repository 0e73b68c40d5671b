"""System events: one thread that notices what concerns exchanges and comes from outside of every work tree.

Runs on the thread `system-events`, which owns the descriptors of `watch.outside` and the watches on remotes that are
on this file system. It sends messages to exchangers and decides nothing; without it (no Linux, no descriptors left)
they keep to their schedules.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from queue import Empty
from typing import TYPE_CHECKING

from gitsync.clock import Clock
from gitsync.engine.messages import Listen, NetworkChanged, RemoteMoved, Woken
from gitsync.engine.owner import Owner, Stop, ThreadDied

if TYPE_CHECKING:
    from gitsync.watch.outside import Outside
    from gitsync.watch.refs import RefWatches

logger = logging.getLogger(__name__)


class SystemEvents(Owner):
    """Hears pushes into remotes nearby, the network and the clock; `tell_all` reaches everybody who may care."""

    def __init__(
        self,
        clock: Clock,
        tell: Callable[[str, object], None],
        tell_all: Callable[[object], None],
        on_death: Callable[[ThreadDied], None],
    ) -> None:
        super().__init__("system-events", clock, on_death)
        self._tell = tell
        self._tell_all = tell_all
        self._outside: Outside | None = None
        self._refs: RefWatches | None = None

    def post(self, message: object) -> None:
        """Put a message into the inbox and wake the thread."""
        super().post(message)
        if self._outside is not None:
            self._outside.ring()

    def setup(self) -> None:
        """Open the descriptors: here, because who detaches from a terminal closes those that were open before."""
        if sys.platform != "linux":
            return
        from gitsync.watch.outside import Outside  # both Linux's alone
        from gitsync.watch.refs import RefWatches

        try:
            self._outside = Outside()
        except OSError as error:
            logger.debug("nothing is heard from outside: %s", error)
            return
        self._refs = RefWatches(self._outside.inotify)

    def teardown(self) -> None:
        """Give the descriptors back."""
        if self._outside is not None:
            self._outside.close()

    def step(self, message: object | None, now: float) -> None:
        """Take one message, and pass on which remotes have moved."""
        if isinstance(message, Stop):
            self.end()
            return
        if self._refs is None:
            return
        if isinstance(message, Listen) and self._refs.listen(message.repo, message.directory):
            # Changes between the last check and the watch are found by another check.
            self._tell(message.repo, RemoteMoved(message.repo))
        for name in self._refs.take():
            self._tell(name, RemoteMoved(name))

    def receive(self, timeout_s: float | None) -> object | None:
        """Return the next message, None after news from outside; there is nothing that it would wake up for."""
        if self._outside is None:
            return super().receive(timeout_s)
        if self.inbox.empty():
            news = self._outside.wait()
            if news.has_network_changed:
                logger.debug("the network has changed")
                self._tell_all(NetworkChanged())
            if news.has_clock_jumped:
                logger.debug("the clock has jumped")
                self._tell_all(Woken())
        try:
            return self.inbox.get_nowait()
        except Empty:
            return None
