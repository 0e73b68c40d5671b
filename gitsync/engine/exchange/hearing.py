"""How one exchanger learns of others' pushes: by a watch, by a channel over ssh, or by the schedule alone.

Runs on the exchanger's thread.
"""

from __future__ import annotations

from collections.abc import Callable

from gitsync.config.options import RepoConfig
from gitsync.engine.exchange.remote_branch import RemoteBranch
from gitsync.engine.exchange.schedule import Schedule
from gitsync.engine.exchange.turns import Turn, Turns
from gitsync.engine.messages import LineDoubted, Listen, ListenFar, Noticing, ServerMet
from gitsync.git.remote.local_remote import path_of
from gitsync.git.remote.ref_channel import far_branch
from gitsync.git.remote.ssh_master import SshMaster

POLL = "poll"


class Hearing:
    """The requests of one exchanger for notices, and the way by which they come."""

    def __init__(self, config: RepoConfig, tell: Callable[[object], None], turns: Turns) -> None:
        self._config = config
        self._turns = turns
        self._tell = tell
        self._far_key: object = None
        self._is_awaited = False
        self.kind = POLL

    def ask(self, place: RemoteBranch | None, times: Schedule) -> None:
        """Ask for notices of pushes to `place`, as far as there can be any and it is looked at; None: for none."""
        config = self._config
        times.see_place(self._turn_at(place))
        if place is None or not times.is_looking or config.notice == "off":
            place = None
        self._tell(Listen(config.name, None if place is None else place.directory, config.via))
        is_far = place is not None and config.transport != "libgit2" and path_of(place.url) is None
        key = (place.key, place.choice) if place is not None and is_far else None
        if key != self._far_key:
            branch = None if place is None or key is None else far_branch(config.path, *_there(place))
            self._tell(ListenFar(config.name, branch, config.via))
            self._far_key = key
            self._is_awaited = branch is not None

    def _turn_at(self, place: RemoteBranch | None) -> Turn | None:
        is_far = place is not None and path_of(place.url) is None
        return Turn(self._turns, place.server, f"{self._config.name} {self._config.via}") if place and is_far else None

    def see(self, message: Noticing, times: Schedule, line: SshMaster, now: float) -> str:
        """The way has changed: adapt the schedule and the line of the exchange; return the way."""
        self.kind = message.kind
        self._is_awaited = self._is_awaited and not message.is_final
        line.borrow(message.line)
        times.notice(now, is_noticed=self.is_noticed)
        return self.kind

    def doubt(self, line: SshMaster) -> None:
        """An exchange failed: its line, or the connection that it borrows, may be what failed."""
        line.close()
        if self._far_key is not None:
            self._tell(LineDoubted(self._config.name, self._config.via))

    def see_look(self, times: Schedule, now: float, *, has_news: bool) -> None:
        """The remote was looked at."""
        times.see_look(now, has_news=has_news, is_watched=self.is_noticed)
        if self._is_awaited and not self.is_noticed:
            self._tell(ServerMet(self._config.name, self._config.via))

    def needs_line(self, times: Schedule, now: float) -> bool:
        """Whether the exchange should keep a line of its own: not where one is shared, or will be."""
        return not self._is_awaited and times.is_lively(now)

    @property
    def is_noticed(self) -> bool:
        """Whether pushes are noticed without a look."""
        return self.kind != POLL


def _there(place: RemoteBranch) -> tuple[str, str]:
    return place.choice.remote, place.choice.branch
