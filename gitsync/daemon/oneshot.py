"""One pass without a daemon: for cron (`gitsync --once`) and for control commands while no daemon runs.

Runs on the main thread of its process, with the daemon's lock and engine, but without watchers.
"""

from __future__ import annotations

import logging
import signal
from queue import SimpleQueue
from types import FrameType
from typing import Any

from gitsync import places
from gitsync.clock import SystemClock
from gitsync.config.load import load
from gitsync.config.options import Config
from gitsync.control.table import MAKERS
from gitsync.core.deferral import sentence
from gitsync.core.reconcile import may_push
from gitsync.daemon import sync
from gitsync.daemon.handlers.context import HandlerContext
from gitsync.daemon.handlers.dispatch import Handlers
from gitsync.daemon.lock import InstanceLock
from gitsync.daemon.runtime import Runtime
from gitsync.daemon.sync import SYNC_PATIENCE_S
from gitsync.engine.owner import ThreadDied
from gitsync.errors import EXIT_ATTENTION, EXIT_OK
from gitsync.model import JobStatus, Problem, RepoStatus

logger = logging.getLogger(__name__)

# The caller waits for it; what takes longer is reported, and pushed by the next pass.
SEND_PATIENCE_S = 30.0
ENDING = (signal.SIGTERM, signal.SIGINT)


def run_once(config: Config) -> tuple[int, list[RepoStatus | JobStatus]]:
    """Commit, pull and push everything and run due jobs, once; return the exit status and all states."""
    runtime, bugs = _runtime(config)
    runtime.lock_all()
    names = [repo.name for repo in config.repositories]
    try:
        _end_in_order()
        runtime.start()
        if waiting := sentence(_deferral(config)):
            logger.info("%s", waiting)
            sync.commit(runtime.committer, names, runtime.clock, SYNC_PATIENCE_S, is_scanning=False)
        else:
            _exchange(runtime, names)
        statuses: list[RepoStatus | JobStatus] = [runtime.board.status(name) for name in names]
        statuses += runtime.board.jobs()
    finally:
        runtime.stop()
    _raise_bug(bugs)
    return (EXIT_ATTENTION if any(status.needs_person for status in statuses) else EXIT_OK), statuses


def _exchange(runtime: Runtime, names: list[str]) -> None:
    runtime.sync(names, patience_s=SYNC_PATIENCE_S)
    # What came in may have been committed on: a conflict copy of a home file becomes an entry of the manifest.
    late = {status.name for status in map(runtime.board.status, names) if _is_ahead(status) and status.error is None}
    _send(runtime, late)
    due = runtime.jobs.due(runtime.config.jobs)
    runtime.jobs.run(due, "both", SYNC_PATIENCE_S)


def _deferral(config: Config) -> tuple[str, ...]:
    """Return why exchanges that nobody asked for wait now: the power supply, the link."""
    battery, metered = config.daemon.on_battery == "commit", config.daemon.metered == "commit"
    if not (battery or metered):
        return ()
    from gitsync.watch.conditions import Conditions  # most configurations need none

    conditions = Conditions()
    try:
        return conditions.read(battery=battery, metered=metered)
    finally:
        conditions.close()


def act(method: str, params: dict[str, Any], config_option: str | None) -> dict[str, Any]:
    """Return the reply that the daemon would give to a command that changes something, under its lock.

    Raise AlreadyRunningError when a daemon has started meanwhile.
    """
    runtime, bugs = _runtime(load(config_option, is_to_be_made=method in MAKERS))

    def reload() -> dict[str, Any]:
        return dict(runtime.reload(load(config_option)))

    context = HandlerContext(
        lambda: runtime.config, lambda: runtime, runtime.clock, config_option, reload, lambda: None, is_daemon=False
    )
    lock = InstanceLock(places.state_dir() / "lock", ends_soon=True)
    lock.acquire()
    try:
        runtime.lock_all()
        try:
            _end_in_order()
            runtime.start()
            answer = Handlers(context).dispatch(method, params)
            unsent = _send(runtime, context.changed)
        finally:
            runtime.stop()
    finally:
        lock.release()
    _raise_bug(bugs)
    return {**answer, "unsent": unsent} if unsent else answer


def resting(config: Config) -> Runtime:
    """Return an engine that is not started: the states that it would find can be asked for, and nothing is changed."""
    return _runtime(config)[0]


def _send(runtime: Runtime, names: set[str]) -> list[dict[str, Any]]:
    """Push what was committed to `names`, as the daemon does after a commit; return what was not, and why."""
    wanted = [
        repo
        for repo in runtime.config.repositories
        if repo.name in names and runtime.exchangers.of(repo.name) and repo.push is not None and may_push(repo.mode)
    ]
    waiting = sentence(_deferral(runtime.config)) if wanted else ""
    if waiting:
        problem = Problem("deferred", waiting, "gitsyncctl sync").to_json()
        statuses = [runtime.board.status(repo.name) for repo in wanted]
        return [{"repo": status.name, "ahead": status.ahead, "error": problem} for status in statuses if status.ahead]
    if wanted:
        runtime.sync([repo.name for repo in wanted], patience_s=SEND_PATIENCE_S, direction="push")
    # The remote may have new commits: then fetch, as after any rejected push.
    again = [repo.name for repo in wanted if _is_crossed(runtime.board.status(repo.name)) and repo.pull is not None]
    if again:
        runtime.sync(again, patience_s=SEND_PATIENCE_S)
    found = [status for status in (runtime.board.status(repo.name) for repo in wanted) if status.ahead]
    return [
        {"repo": status.name, "ahead": status.ahead, "error": status.error.to_json() if status.error else None}
        for status in found
    ]


def _is_ahead(status: RepoStatus) -> bool:
    """Whether a remote that can be reached has not got all commits."""
    return bool(status.ahead) or any(remote.ahead and remote.error is None for remote in status.remotes)


def _is_crossed(status: RepoStatus) -> bool:
    return bool(status.ahead) and status.error is not None and status.error.code == "diverged"


def _end_in_order() -> None:
    """Make SIGTERM end this process like Ctrl-C: pending changes are committed, children end."""

    def end(number: int, frame: FrameType | None) -> None:
        for each in ENDING:
            # Not SIG_IGN, which the children of the last commits would inherit.
            signal.signal(each, lambda number, frame: None)
        raise KeyboardInterrupt

    for each in ENDING:
        signal.signal(each, end)


def _runtime(config: Config) -> tuple[Runtime, SimpleQueue[object]]:
    messages: SimpleQueue[object] = SimpleQueue()
    return Runtime(config, SystemClock(), places.state_dir(), messages.put, is_watching=False), messages


def _raise_bug(messages: SimpleQueue[object]) -> None:
    """Raise the error that ended a thread: a bug must end this process as it ends the daemon."""
    while not messages.empty():
        message = messages.get()
        if isinstance(message, ThreadDied):
            raise message.error
