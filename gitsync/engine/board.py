"""The status board: the last status that every thread has shown of its part.

Any thread may read. Each part of an entry is written by one thread only: the local part by the committer, the exchange
part by that repository's exchanger. Parts are frozen and replaced whole, so a reader never sees half a change.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from gitsync.clock import Clock, iso, parse_iso
from gitsync.core.machines import Report, newest
from gitsync.core.notices import Notified, changes
from gitsync.core.states import ExchangeState
from gitsync.model import (
    CommitInfo,
    JobStatus,
    Problem,
    Quarantined,
    Question,
    RemoteStatus,
    RepoState,
    RepoStatus,
)

logger = logging.getLogger(__name__)

KEPT_EVENTS = 1000
# In the place of a remote's name, which has no blank: what others hand over to a work tree.
INBOX = "the inbox"
# An exchange that takes longer (seconds) is shown; most are over before anybody looks.
LONG_S = 1.0
_WORK = {ExchangeState.INBOUND: "fetching from", ExchangeState.OUTBOUND: "pushing to"}
WORST_FIRST = (
    RepoState.PAUSED,
    RepoState.HALTED,
    RepoState.BUSY,
    RepoState.ERROR,
    RepoState.CONFLICT,
    RepoState.AUTH,
    RepoState.OFFLINE,
    RepoState.SYNCING,
    RepoState.PENDING,
    RepoState.OK,
)


@dataclass(frozen=True, slots=True)
class LocalPart:
    """What the committer knows of a repository; `conflicts` hold up its exchange, `kept` have both versions on disk.

    `distances` are ahead and behind of each exchange, by its `via`.
    """

    path: str = ""
    branch: str = ""
    head: str | None = None
    state: RepoState = RepoState.PENDING
    reason: str = ""
    pending: int = 0
    ahead: int = 0
    behind: int = 0
    distances: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    watch: str = "native"
    conflicts: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    last_commit: CommitInfo | None = None
    error: Problem | None = None
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    asked: tuple[Question, ...] = ()  # by a brake


@dataclass(frozen=True, slots=True)
class HomePart:
    """What the committer knows of the home files: how many are tracked, and (path, letter) of what is not in order.

    `left_out` is (path, why) of what is not tracked in tracked directories.
    """

    repo: str = ""
    tracked: int = 0
    broken: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ExchangePart:
    """What an exchanger knows of a repository; `remote` is the remote's name, "" without one, `url` has no secret."""

    state: RepoState = RepoState.OK
    reason: str = ""
    last_pull: str | None = None
    last_push: str | None = None
    error: Problem | None = None
    asked: tuple[Question, ...] = ()
    deferred: str = ""  # why exchanges wait; "" when they do not
    remote: str = ""
    url: str = ""
    notice: str = "poll"
    deaf: str = ""  # the limit for which pushes to a remote nearby are not noticed
    machine: ExchangeState = ExchangeState.IDLE
    moved_at: float = 0.0  # when `machine` became that, on the clock of `now`
    machines: tuple[Report, ...] = ()
    presence: str = ""  # why this machine is not reported to the remote; "" where it is


class Subscription:
    """One listener's queue of events; used by the thread that made it."""

    def __init__(self, close: Callable[[Subscription], None]) -> None:
        self.queue: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._close = close

    def get(self, timeout: float) -> dict[str, Any] | None:
        """Return the next event, or None when there was none for `timeout` seconds."""
        try:
            return self.queue.get(timeout=timeout)
        except Empty:
            return None

    def close(self) -> None:
        """Stop listening."""
        self._close(self)


class Board:
    """Snapshots of every repository, and the stream of what happened."""

    def __init__(self, clock: Clock, on_event: Callable[[dict[str, Any]], None] | None = None) -> None:
        self._clock = clock
        self._on_event = on_event
        self._local: dict[str, LocalPart] = {}
        self._exchange: dict[str, dict[str, ExchangePart]] = {}
        self._pending: dict[str, Callable[[], int]] = {}
        self._notified: dict[str, Notified] = {}
        self._jobs: dict[str, JobStatus] = {}
        self.home = HomePart()
        self.refused_reload: Problem | None = None
        self._events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)
        # A list, because append and remove of one are atomic: listeners come and go on connection threads.
        self._subscriptions: list[Subscription] = []

    def local(self, name: str) -> LocalPart:
        """Return the committer's part."""
        return self._local.get(name, LocalPart())

    def exchange(self, name: str, via: str = "") -> ExchangePart:
        """Return an exchanger's part; `via` is the remote that it is for where there are several."""
        return self._exchange.get(name, {}).get(via, ExchangePart())

    def reports(self, name: str) -> tuple[Report, ...]:
        """Return the newest report of each machine that any of a repository's exchanges has read."""
        return newest(report for part in list(self._exchange.get(name, {}).values()) for report in part.machines)

    def set_local(self, name: str, **changes: Any) -> None:
        """Replace fields of the committer's part; runs on the committer thread."""
        before = self.status(name) if name in self._local else None
        self._local[name] = replace(self.local(name), **changes)
        self._tell(name, before)

    def set_exchange(self, name: str, via: str = "", **changes: Any) -> None:
        """Replace fields of an exchanger's part, which `begin_exchanges` made; runs on that exchange's thread."""
        before = self.status(name) if name in self._local else None
        if "machine" in changes:
            changes["moved_at"] = self._clock.now()
        # Assigned in place: another exchange's thread may do the same with its own part.
        self._exchange.setdefault(name, {})[via] = replace(self.exchange(name, via), **changes)
        self._tell(name, before)

    def begin_exchanges(self, name: str, vias: Iterable[str]) -> None:
        """Make the parts of a repository's exchanges, in this order; runs before any of them does."""
        self._exchange[name] = {via: self.exchange(name, via) for via in vias}

    def set_home(self, part: HomePart) -> None:
        """Replace what is known of the home files; runs on the committer thread."""
        self.home = part

    def set_refused_reload(self, problem: Problem | None) -> None:
        """Replace why the configuration was not taken over; runs on the main thread."""
        self.refused_reload = problem

    def set_job(self, status: JobStatus) -> None:
        """Replace a job's status, and publish when a problem begins, changes or ends; runs on that job's thread."""
        before, self._jobs[status.name] = self._jobs.get(status.name), status
        was, now = (before.error if before else None), status.error
        if now is not None and (was is None or was.code != now.code):
            text = f"{now.message}; {now.hint}" if now.hint else now.message
            details = {"code": now.code, "hint": now.hint}
            self.publish("problem", status.name, text, level=logging.WARNING, path=status.path, **details)
        elif was is not None and now is None and status.state is RepoState.OK:
            self.publish("recovered", status.name, f"{status.name}: recovered", path=status.path)

    def jobs(self) -> list[JobStatus]:
        """Return every job's status in the order of the configuration."""
        return list(self._jobs.values())

    def synced(self) -> tuple[Path, ...]:
        """Return the directories whose files a remote can change, the mirror of home files among them."""
        jobs = [job.path for job in self.jobs() if job.mode != "push"]
        return tuple(Path(path) for path in (*(local.path for local in list(self._local.values())), *jobs) if path)

    def forget_job(self, name: str) -> None:
        """Remove a job that is no longer configured."""
        self._jobs.pop(name, None)

    def count_pending_by(self, name: str, count: Callable[[], int]) -> None:
        """Let `count` tell how many noted paths wait; it must be cheap and callable from any thread."""
        self._pending[name] = count

    def forget(self, name: str) -> None:
        """Remove a repository that is no longer configured."""
        for part in (self._local, self._exchange, self._pending, self._notified):
            part.pop(name, None)

    def status(self, name: str) -> RepoStatus:
        """Return one repository's status, both parts together."""
        local, parts = self.local(name), dict(self._exchange.get(name, {}))
        is_quiet = INBOX in parts and parts[INBOX].state is RepoState.OK
        exchange = _combined([part for via, part in parts.items() if not (is_quiet and via == INBOX)])
        state, reason = local.state, local.reason
        if _rank(exchange.state) < _rank(state):
            state, reason = exchange.state, exchange.reason
        count = self._pending.get(name)
        pending = local.pending + (count() if count is not None else 0)
        if state is RepoState.OK and pending:
            state = RepoState.PENDING
        work = next((part for part in parts.values() if self._is_long_at_work(part)), None)
        if state is RepoState.OK and work is not None:
            state, reason = RepoState.SYNCING, f"{_WORK[work.machine]} {work.remote or 'the remote'}"
        if state in (RepoState.OK, RepoState.PENDING):
            reason = reason or exchange.deferred or exchange.reason
        return RepoStatus(
            name=name,
            path=local.path,
            branch=local.branch,
            state=state,
            reason=reason,
            pending=pending,
            ahead=local.ahead,
            behind=local.behind,
            watch=local.watch,
            conflicts=(*local.conflicts, *(path for path in local.kept if path not in local.conflicts)),
            quarantined=local.quarantined,
            last_commit=local.last_commit,
            last_pull=exchange.last_pull,
            last_push=exchange.last_push,
            error=local.error or exchange.error,
            notes=(*local.notes, *dict.fromkeys(_deafness(part) for part in parts.values() if part.deaf)),
            questions=(*local.asked, *local.questions, *exchange.asked),
            remotes=tuple(_remote(via, part, local) for via, part in parts.items() if part.remote),
        )

    def _is_long_at_work(self, part: ExchangePart) -> bool:
        return part.machine in _WORK and self._clock.now() - part.moved_at > LONG_S

    def names(self) -> list[str]:
        """Return the repositories' names in the order of the configuration."""
        return list(self._local)

    def publish(self, event: str, repo: str, message: str, *, level: int = logging.INFO, **details: Any) -> None:
        """Tell everybody what happened: the log (a user's story), the kept events and the listeners."""
        record = {"event": event, "repo": repo, "path": self.local(repo).path, "message": message}
        entry = {"time": iso(self._clock.wall()), **record, **details}
        self._events.append(entry)
        for subscription in list(self._subscriptions):
            subscription.queue.put(entry)
        if self._on_event is not None:
            self._on_event(entry)
        logger.log(level, "%s", message, extra={"gitsync_event": entry})

    def events(self) -> list[dict[str, Any]]:
        """Return the events that are kept, oldest first."""
        return list(self._events)

    def subscribe(self) -> Subscription:
        """Return a listener that gets every event from now on; close it when done."""
        subscription = Subscription(self._unsubscribe)
        self._subscriptions.append(subscription)
        return subscription

    def _unsubscribe(self, gone: Subscription) -> None:
        if gone in self._subscriptions:
            self._subscriptions.remove(gone)

    def _tell(self, name: str, before: RepoStatus | None) -> None:
        after = self.status(name)
        if before is None:
            return
        if (before.state, before.reason) != (after.state, after.reason):
            text = f"{name}: {after.state}" + (f" ({after.reason})" if after.reason else "")
            self.publish("state", name, text, level=logging.DEBUG, state=str(after.state), reason=after.reason)
        # One notice when a problem begins and one when it ends, however often it is met in between.
        self._notified[name], notices = changes(self._notified.get(name, Notified()), after)
        for notice in notices:
            event = "recovered" if notice.code == "recovered" else "problem"
            level = logging.WARNING if event == "problem" else logging.INFO
            text = f"{notice.text}; {notice.hint}" if notice.hint else notice.text
            details = {"code": notice.code, "hint": notice.hint, "title": notice.title}
            self.publish(event, name, text, level=level, severity=str(notice.severity), **details)


def _deafness(part: ExchangePart) -> str:
    return f"pushes of others to {part.remote or part.url} are noticed only when it is looked at: {part.deaf}"


def _combined(parts: Sequence[ExchangePart]) -> ExchangePart:
    """Return what several exchanges come to: the worst one; one that is away does not count while another is not."""
    if len(parts) <= 1:
        return next(iter(parts), ExchangePart())
    near = [part for part in parts if part.state is not RepoState.OFFLINE]
    worst = min(near or parts, key=lambda part: _rank(part.state))
    return replace(
        worst,
        last_pull=max((part.last_pull for part in parts if part.last_pull), key=parse_iso, default=None),
        last_push=max((part.last_push for part in parts if part.last_push), key=parse_iso, default=None),
        error=worst.error or next((part.error for part in near if part.error), None),
        asked=tuple(question for part in parts for question in part.asked),
    )


def _remote(via: str, part: ExchangePart, local: LocalPart) -> RemoteStatus:
    ahead, behind = local.distances.get(via, (local.ahead, local.behind))
    return RemoteStatus(
        name=part.remote,
        url=part.url,
        state=part.state,
        reason=part.reason,
        notice=part.notice,
        ahead=ahead,
        behind=behind,
        last_pull=part.last_pull,
        last_push=part.last_push,
        error=part.error,
    )


def _rank(state: RepoState) -> int:
    return WORST_FIRST.index(state)
