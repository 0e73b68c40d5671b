"""The life of the daemon: the composition root. Nothing below may import it.

Theory of operation
-------------------
Runs on the main thread, which owns the lock, the signals and the list of threads, and nothing else. Things are started
in order and stopped in reverse: lock, engine (committer, watchers, first scans, exchangers), socket, readiness. Each
is acquired and its undoing registered on adjacent lines, so that a failure half way undoes what there is.

The main thread then sleeps in its own inbox (`main_queue`). A signal handler puts a number there and does nothing else:
`Queue.put` and `Event.set` take locks that the interrupted thread may hold, `SimpleQueue.put` does not. Dead threads,
doubted watchers, `reload` and `stop` of the control socket come the same way and are handled one after the other.

Three ends: asked to stop (status 0, what is pending is committed), a thread's bug (status 70, the service manager
restarts us), a failure to start (the error's own status, said before anything was detached).
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from gitsync import places
from gitsync.clock import Clock
from gitsync.config.difference import differences
from gitsync.config.load import load
from gitsync.config.options import Config
from gitsync.control import bugs
from gitsync.control.server import ControlServer
from gitsync.daemon import logs, session_environment
from gitsync.daemon.handlers.context import HandlerContext
from gitsync.daemon.handlers.dispatch import Handlers
from gitsync.daemon.main_queue import MainQueue
from gitsync.daemon.readiness import Readiness, bound_errors, is_launchd, summary
from gitsync.daemon.refusal import RefusedReload
from gitsync.daemon.runtime import Runtime
from gitsync.daemon.socket_activation import inherited
from gitsync.engine import heap
from gitsync.engine.messages import CoverageChanged, WatcherDoubted
from gitsync.engine.owner import Ask, ThreadDied
from gitsync.errors import EXIT_BUG, EXIT_OK, GitsyncError, OperationError
from gitsync.model import RepoState

logger = logging.getLogger(__name__)

SOCKET_STOP_S = 2.0
RELOAD_S = 60.0


@dataclass(frozen=True, slots=True)
class Signalled:
    """A signal came."""

    number: int


@dataclass(frozen=True, slots=True)
class ReloadWanted:
    """Read the configuration again."""


@dataclass(frozen=True, slots=True)
class StopWanted:
    """End the daemon."""


class Service:
    """The daemon's main thread."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        config_option: str | None,
        socket: Path,
        level_of: Callable[[Config], int],
    ) -> None:
        self._clock = clock
        self._level_of = level_of
        self._config_option = config_option
        self._socket = socket
        self._inbox = MainQueue(clock)
        self._readiness = Readiness(clock)
        self._session_at: float | None = None
        self._refused = RefusedReload(clock, places.config_file(config_option))
        self.runtime = Runtime(config, clock, places.state_dir(), self._inbox.put, is_watching=True)

    def lock_repositories(self) -> None:
        """Take the repositories' locks; called before detaching, so that a refusal can still be said."""
        self.runtime.lock_all()

    def run(self, on_ready: Callable[[], None]) -> int:
        """Run until asked to stop; return the exit status. `on_ready` is called when the socket answers."""
        runtime = self.runtime
        with contextlib.ExitStack() as stack:
            self._catch_signals()
            heap.have_few_arenas()
            listen_fd = inherited(self._socket)
            stack.callback(runtime.stop)
            runtime.start()
            context = HandlerContext(
                lambda: runtime.config,
                lambda: runtime,
                self._clock,
                self._config_option,
                self.reload_soon,
                self.stop_soon,
                is_managed=self._readiness.is_heard or is_launchd(),
            )
            handlers = Handlers(context)
            server = ControlServer(
                self._socket, handlers.dispatch, runtime.board.subscribe, listen_fd, on_bug=self._take_bug
            )
            server.start()
            stack.callback(server.stop, SOCKET_STOP_S)
            logger.debug("answering on %s", self._socket)
            on_ready()
            if is_launchd():
                bound_errors(0)  # the reasons of earlier starts are over
            self._readiness.ready(self._story())
            self._take_over_edits()
            heap.give_back()  # what the start needed
            status = self._loop()
            self._readiness.stopping()
            return status

    def reload_soon(self) -> dict[str, Any]:
        """Ask the main thread to reload and return what changed; called on a connection's thread."""
        future: Future[dict[str, Any]] = Future()
        self._inbox.put(Ask(ReloadWanted(), future))
        try:
            return future.result(RELOAD_S)
        except TimeoutError as error:
            raise OperationError("the reload takes longer than a minute", "look at gitsyncctl status") from error

    def stop_soon(self) -> None:
        """Ask the main thread to stop; called on a connection's thread."""
        self._inbox.put(StopWanted())

    def _loop(self) -> int:
        while True:
            match self._next():
                case Signalled(number=number) if number == signal.SIGHUP:
                    logs.reopen()
                    self._reload_for_signal()
                case Signalled() | StopWanted():
                    logger.info("stopping: committing what is pending")
                    return EXIT_OK
                case Ask(what=ReloadWanted(), future=future):
                    try:
                        future.set_result(self._reload())
                    except GitsyncError as error:
                        self._tell_refusal(error)
                        future.set_exception(error)
                case CoverageChanged():
                    self.runtime.watchers.refresh_home()
                case WatcherDoubted(repo=name):
                    self.runtime.watchers.doubt(name)
                case ThreadDied(name=name, error=error):
                    report = bugs.save(error, sys.argv[1:], "gitsync")
                    logger.critical("ending: a bug in gitsync in the thread %s; the report is in %s", name, report)
                    return EXIT_BUG
            self._look_at_session()
            if self._refused.is_due():
                self._reload_for_signal()
            self.runtime.remake_watchers()
            self._show_life()

    def _look_at_session(self) -> None:
        """While a remote refuses the user, take over an agent that the session has by now, and try again."""
        board, now = self.runtime.board, self._clock.now()
        names = [repo.name for repo in self.runtime.config.repositories]
        is_refused = any(board.status(name).state is RepoState.AUTH for name in names) or any(
            job.state is RepoState.AUTH for job in board.jobs()
        )
        if not (self._readiness.is_heard and is_refused):
            self._session_at = None
        elif self._session_at is None or self._session_at <= now:
            self._session_at = now + session_environment.LOOK_EVERY_S
            if session_environment.refresh():
                self.runtime.wake_all()

    def _show_life(self) -> None:
        """Send the state to the service manager, and a keep-alive unless a thread is stuck."""
        if not self._readiness.is_heard:
            return
        self._readiness.say(self._story())
        stuck = self.runtime.stuck_threads(self._clock.now())
        if not stuck:
            self._readiness.ping()
        elif self._readiness.is_due:
            logger.critical("no sign of life for the service manager: stuck: %s", ", ".join(stuck))
            self._readiness.skip()

    def _story(self) -> str:
        return summary([self.runtime.board.status(repo.name) for repo in self.runtime.config.repositories])

    def _next(self) -> object | None:
        instants = (self.runtime.wake_at(), self._readiness.wake_at(), self._refused.wake_at(), self._session_at)
        wake_at = min((instant for instant in instants if instant is not None), default=None)
        return self._inbox.get(wake_at)

    def _reload(self) -> dict[str, Any]:
        self._readiness.reloading()
        try:
            if self._readiness.is_heard and session_environment.refresh():
                self.runtime.wake_all()
            old, new = self.runtime.config, load(self._config_option)
            changed = self.runtime.reload(new)
            values = differences(old, new)
            logs.set_level(self._level_of(new))
            self._refused.end()
            self.runtime.board.set_refused_reload(None)
        except GitsyncError as error:
            self.runtime.board.set_refused_reload(self._refused.note(error))
            raise
        finally:
            self._readiness.ready(self._story())
        difference = ", ".join(f"{what} {', '.join(names)}" for what, names in changed.items() if names)
        named = ", ".join(each.key for each in values)
        logger.info("configuration read again: %s", "; ".join(filter(None, (difference, named))) or "nothing changed")
        return {**changed, "values": [each.to_json() for each in values]}

    def _reload_for_signal(self) -> None:
        try:
            self._reload()
        except GitsyncError as error:
            self._tell_refusal(error)

    def _tell_refusal(self, error: GitsyncError) -> None:
        message = f"the configuration is not taken over, the old one stays in force: {error.message}"
        self.runtime.board.publish("problem", "", message, level=logging.ERROR, code=error.code)

    def _take_over_edits(self) -> None:
        """Reload when the configuration was changed since it was read: a command that found no socket did so alone.

        A command that writes it later finds the socket, and says so.
        """
        try:
            is_changed = load(self._config_option) != self.runtime.config
        except GitsyncError:
            is_changed = True  # the reload says what is wrong
        if is_changed:
            self._reload_for_signal()

    def _take_bug(self, error: BaseException) -> None:
        self._inbox.put(ThreadDied("control", error))

    def _catch_signals(self) -> None:
        def put(number: int, frame: FrameType | None) -> None:
            self._inbox.put(Signalled(number))

        self._inbox.catch_signals()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, put)
