"""Learns of others' pushes to a server by one channel for all repositories there.

`Notices` is owned by the thread of system events, which starts a `Notice` for each server, user and ssh command. That
is the thread `notice-SERVER`, which owns the connection that is kept open to the server (exchanges go by it, too), and
the channel in it. Without a channel the exchangers keep to their schedules. Reports of a channel are hints: they look.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import select
from collections.abc import Callable
from queue import Empty

from gitsync import places
from gitsync.clock import Clock
from gitsync.core.schedule import back_off
from gitsync.engine.messages import LineDoubted, ListenFar, NetworkChanged, Noticing, RemoteMoved, ServerMet, Woken
from gitsync.engine.owner import Owner, Stop, ThreadDied
from gitsync.errors import OperationError
from gitsync.git.remote import ref_channel
from gitsync.git.remote.ref_channel import Channel, FarBranch
from gitsync.git.remote.shell import gives_shell
from gitsync.git.remote.ssh_master import SshMaster, giving_up_after
from gitsync.text import clean

logger = logging.getLogger(__name__)

# Repositories that are added shortly after each other get one channel (seconds).
SETTLE_S = 1.0
# How often and how long a new connection is waited for (seconds).
CONNECT_POLL_S, CONNECT_S = 0.2, 30.0
BACK_OFF_BASE_S, BACK_OFF_CAP_S = 5.0, 900.0
# A server that is asked whether it is there answers within this (seconds).
PING_S = 10.0
# A channel that lasted so long (seconds) ended because its hour was over, or by chance: it is opened again at once.
LASTED_S = 60.0
STOP_S = 3.0

Key = tuple[str, str]
Tell = Callable[[str, object], None]


class Notice(Owner):
    """Owns the connection to one server and the channel in it."""

    def __init__(self, server: str, clock: Clock, tell: Tell, on_death: Callable[[ThreadDied], None]) -> None:
        super().__init__(f"notice-{server}", clock, on_death)
        self._tell = tell
        self._wanted: dict[Key, FarBranch] = {}
        self._line = SshMaster()
        self._channel: Channel | None = None
        self._heard: list[Key | None] = []  # the branches of the channel, by their numbers
        self._listening: set[Key] = set()
        self._at: float | None = None  # the next try, or until when an answer is awaited
        self._change_at: float | None = None
        self._connecting_until: float | None = None
        self._opened_at = 0.0
        self._failures = 0
        self._is_refused = False
        self._is_away = False  # the last try met nobody
        self._bell = os.pipe()
        for fd in self._bell:
            os.set_blocking(fd, False)

    def post(self, message: object) -> None:
        """Put a message into the inbox and wake the thread."""
        super().post(message)
        with contextlib.suppress(BlockingIOError):  # it rings already
            os.write(self._bell[1], b"!")

    def wake_at(self) -> float | None:
        """Return when something is to be tried, or the server has been silent for too long."""
        return min((at for at in (self._at, self._change_at) if at is not None), default=None)

    def receive(self, timeout_s: float | None) -> object | None:
        """Return the next message, None when the channel has something to say or after `timeout_s` seconds."""
        if self.inbox.empty():
            channel = [] if self._channel is None else [self._channel.fileno()]
            select.select([self._bell[0], *channel], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            os.read(self._bell[0], 4096)
        try:
            return self.inbox.get_nowait()
        except Empty:
            return None

    def step(self, message: object | None, now: float) -> None:
        """Take one message and what the channel says; try what is due."""
        match message:
            case Stop():
                self.end()
                return
            case ListenFar():
                self._listen(message, now)
            case NetworkChanged() | Woken() | LineDoubted() if self._channel is not None:
                self._channel.ping()
                self._at = now + PING_S if self._at is None else min(now + PING_S, self._at)
            case NetworkChanged() | Woken() if self._at is not None and self._connecting_until is None:
                self._failures = 0
                self._at = now + random.random()
            case ServerMet() if self._is_away and self._at is not None:
                self._is_away = False  # what fails next is not for want of a way there
                self._at = min(self._at, now + random.random())
        if self._channel is not None and self._channel.is_readable(0):
            self._hear(self._channel, now)
        now = self.clock.now()
        if self._change_at is not None and now >= self._change_at:
            self._change(now)
        elif self._at is not None and now >= self._at:
            self._try(now)

    def teardown(self) -> None:
        """End the channel and the connection."""
        self._close()
        self._line.close()

    def _listen(self, message: ListenFar, now: float) -> None:
        key = (message.repo, message.via)
        if self._wanted.get(key) == message.branch:
            return
        self._wanted.pop(key, None)
        self._silence(key)
        if message.branch is not None:
            self._wanted[key] = message.branch
        if self._is_refused:
            self._tell(message.repo, Noticing(message.repo, "poll", message.via, is_final=True))
            return
        if self._channel is None and self._connecting_until is None and self._at is None:
            self._at = now  # the connection can be made meanwhile
        self._change_at = now + SETTLE_S

    def _change(self, now: float) -> None:
        """Open a channel for other branches than before."""
        self._change_at = None
        if not self._wanted:
            self._close()
            self._line.close()
            self._at = self._connecting_until = None
        elif self._channel is not None:
            self._close()
            self._open(now)

    def _try(self, now: float) -> None:
        if self._channel is not None:
            self._fail(now, "the server does not answer")
        elif not self._wanted:
            self._at = None
        elif self._connecting_until is not None:
            self._await_line(now)
        else:
            self._connect(now)

    def _connect(self, now: float) -> None:
        first = next(iter(self._wanted.values()))
        try:
            has_shell = gives_shell(first.root, first.remote, is_cancelled=lambda: self.is_cancelled)
        except (OperationError, OSError) as error:
            self._fail(now, str(error))
            return
        if has_shell is False:
            logger.debug("%s: the server gives no shell: pushes there are looked for", self.name)
            self._is_refused = True
            self._at = self._change_at = None
            for repo, via in self._wanted:
                self._tell(repo, Noticing(repo, "poll", via, is_final=True))
        elif has_shell is None:
            self._fail(now, "the server cannot be asked", is_away=True)
        else:
            checks = giving_up_after(ref_channel.SILENCE_S)
            self._line.keep(first.root, first.remote, rest_s=0.0, checks=checks)
            self._connecting_until = self.clock.now() + CONNECT_S
            self._at = self.clock.now() + CONNECT_POLL_S

    def _await_line(self, now: float) -> None:
        first = next(iter(self._wanted.values()))
        if self._line.path and self._line.is_ready(first.root, first.remote):
            if self._change_at is None:
                self._line.probe(**ref_channel.PROBES)
                self._open(self.clock.now())
            else:
                self._at = self._change_at + CONNECT_POLL_S
        elif self._line.path and now < (self._connecting_until or now):
            self._at = now + CONNECT_POLL_S
        else:
            self._fail(now, "no connection", is_away=True)

    def _open(self, now: float) -> None:
        self._connecting_until = None
        self._heard = list(self._wanted)
        branches = list(self._wanted.values())
        self._channel = ref_channel.open_channel(branches, self._line.path)
        self._opened_at = now
        self._at = now + ref_channel.BEGIN_S
        if self._channel is None:
            self._fail(now, "its ssh is not OpenSSH's")

    def _hear(self, channel: Channel, now: float) -> None:
        news = channel.hear()
        for number in news.missing:
            self._heard[number] = None
        if news.is_ready:
            self._at = None  # ssh notices when the server is silent for too long, and the channel ends
            self._failures = 0
            self._begin_listening()
        for number, commit in news.moved.items():
            if (key := self._heard[number]) is not None:
                self._tell(key[0], RemoteMoved(key[0], key[1], commit))
        if channel.has_ended:
            self._take_end(now)

    def _begin_listening(self) -> None:
        for key in self._heard:
            if key is not None and key in self._wanted and key not in self._listening:
                self._listening.add(key)
                self._tell(key[0], Noticing(key[0], "ssh", key[1], self._line.path))

    def _take_end(self, now: float) -> None:
        if now - self._opened_at < LASTED_S or not self._line.path:
            self._fail(now, "the channel ended")
            return
        self._close()
        self._open(now)

    def _fail(self, now: float, why: str, *, is_away: bool = False) -> None:
        """Go back to the schedule, and try again later."""
        self._close()
        self._line.close()
        self._connecting_until = None
        for key in list(self._listening):
            self._silence(key)
        self._is_away = is_away
        self._failures += 1
        wait = back_off(self._failures, random.random(), BACK_OFF_BASE_S, BACK_OFF_CAP_S)
        logger.debug("%s: %s; tried again in %.0f s", self.name, clean(why), wait)
        self._at = now + wait

    def _silence(self, key: Key) -> None:
        if key in self._listening:
            self._listening.discard(key)
            self._tell(key[0], Noticing(key[0], "poll", key[1]))

    def _close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.end()


class Notices:
    """The threads for all servers, by server, user and ssh command."""

    def __init__(self, clock: Clock, tell: Tell, on_death: Callable[[ThreadDied], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._on_death = on_death
        self._by_server: dict[tuple[str, ...], Notice] = {}
        self._server_of: dict[Key, tuple[str, ...]] = {}

    def listen(self, message: ListenFar) -> None:
        """Have a branch listened for by the thread of its server."""
        key = (message.repo, message.via)
        server = None if message.branch is None else message.branch.key
        before = self._server_of.pop(key, None)
        if before is not None and before != server:
            self._by_server[before].post(ListenFar(message.repo, None, message.via))
        if message.branch is None or server is None:
            return
        self._server_of[key] = server
        if server not in self._by_server:
            name = clean(message.branch.server[-1])
            self._by_server[server] = Notice(name, self._clock, self._tell, self._on_death)
            self._by_server[server].start()
        self._by_server[server].post(message)

    def pass_on(self, message: LineDoubted | ServerMet) -> None:
        """Tell the thread of its server how an exchange with that went."""
        server = self._server_of.get((message.repo, message.via))
        if server is not None:
            self._by_server[server].post(message)

    def tell_all(self, message: object) -> None:
        """Hand a message to every thread."""
        for notice in self._by_server.values():
            notice.post(message)

    def stop(self) -> None:
        """End them all; returns when they have ended, or soon."""
        for notice in self._by_server.values():
            notice.cancel()
            notice.post(Stop())
        ends_at = self._clock.now() + STOP_S
        for notice in self._by_server.values():
            notice.join(max(0.0, ends_at - self._clock.now()))
        places.leave_short_runtime_dir()
