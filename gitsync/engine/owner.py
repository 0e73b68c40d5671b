"""A thread that owns things: an inbox, a step, a time to wake.

`Owner` is the only thread class. Whoever posts a message runs on any thread; `setup`, `step`, `wake_at` and `teardown`
run on the owner's own. Tests call `step` themselves and need no thread.

An owner of which there are many, and that is mostly at rest, has an alarm: after `LINGER_S` without anything to do its
thread ends, and a message, or the alarm at the time to wake, starts another one, which goes on where that one ended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from gitsync.clock import Clock
from gitsync.errors import OperationError

logger = logging.getLogger(__name__)

# How long one step may take without checking for cancellation before the service manager is notified that the thread
# is stuck. The children that are not looked after have deadlines of 10 minutes at most; killing a step that only takes
# long would begin it again for ever.
STEP_PATIENCE_S = 1800.0
# How long a thread that may end waits for more to do: a push soon follows a commit.
LINGER_S = 2.0


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish what cannot be left, then end."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question with a reply; `future` is completed by the owner with a frozen value or an error."""

    what: object
    future: Future[Any]


@dataclass(frozen=True, slots=True)
class ThreadDied:
    """An exception left a step: a bug in gitsync, reported to the main thread."""

    name: str
    error: BaseException


class Owner:
    """One thread with an inbox; subclasses say what it owns."""

    def __init__(self, name: str, clock: Clock, on_death: Callable[[ThreadDied], None]) -> None:
        self.name = name
        self.clock = clock
        self.inbox: SimpleQueue[object] = SimpleQueue()
        self._on_death = on_death
        self._has_ended = False
        self._is_closed = False
        self._is_cancelled = threading.Event()
        self._busy_since: float | None = None
        self.step_patience_s = STEP_PATIENCE_S
        self.linger_s = LINGER_S
        self._alarm: Callable[[Owner, float], None] | None = None
        self._lock = threading.Lock()
        self._is_resting = False
        self._is_set_up = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def rest_without_thread(self, alarm: Callable[[Owner, float], None]) -> None:
        """End the thread whenever there is nothing to do for a while; `alarm` calls `rouse` at an instant. To be called
        before the start.
        """
        self._alarm = alarm

    def post(self, message: object) -> None:
        """Put a message into the inbox; returns at once. Nobody waits for a thread that has ended."""
        self.inbox.put(message)
        self.rouse()
        if self._is_closed:
            self._refuse_rest()

    def rouse(self) -> None:
        """Start a thread where there is none because there was nothing to do; may be called from any thread."""
        with self._lock:
            if self._is_resting:
                self._is_resting = False
                self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
                self._thread.start()

    def ask(self, what: object, patience_s: float) -> Any:
        """Return the owner's reply to `what`; raise its error, or OperationError when patience (seconds) runs out."""
        future: Future[Any] = Future()
        self.post(Ask(what, future))
        try:
            return future.result(patience_s)
        except FutureTimeout as error:
            raise OperationError(
                f"{self.name} did not answer within {patience_s:.0f} s",
                "it may be busy with a large repository; look at gitsyncctl status and try again",
                code="no-answer",
            ) from error

    def cancel(self) -> None:
        """Ask whatever the thread waits for to be abandoned; children are ended."""
        self._is_cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether work in progress should be abandoned; asked by the thread itself, again and again while it waits."""
        # Who asks is alive: a transfer of many hours, which looks here ten times a second, is not stuck.
        if self._busy_since is not None:
            self._busy_since = self.clock.now()
        return self._is_cancelled.is_set()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def is_stuck(self, now: float) -> bool:
        """Whether the thread has been at one step for longer than is plausible; asked by the main thread."""
        since = self._busy_since
        return since is not None and now - since > self.step_patience_s

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end, at most `timeout_s` seconds; return whether it has."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def end(self) -> None:
        """Leave the loop after this step; called by the owner itself."""
        self._has_ended = True

    def setup(self) -> None:
        """Acquire what the thread owns."""

    def step(self, message: object | None, now: float) -> None:
        """Handle one message, or None when `wake_at` has come; `now` is monotonic seconds."""
        raise NotImplementedError

    def wake_at(self) -> float | None:
        """Return the monotonic instant at which `step` wants to run without a message, or None."""
        return None

    def teardown(self) -> None:
        """Let go of what the thread owns."""

    @property
    def needs_thread(self) -> bool:
        """Whether the thread must not end now: the kernel ends the children that are to end with us when it ends."""
        return False

    def _run(self) -> None:
        has_ended = True
        try:
            has_ended = self._live()
        except BaseException as error:
            logger.critical("a bug in gitsync ended the thread %s", self.name, exc_info=True)
            self._on_death(ThreadDied(self.name, error))
        finally:
            if has_ended:
                self._busy_since = None
                self._is_closed = True
                self._refuse_rest()

    def _live(self) -> bool:
        """Work until the end, or until another thread may go on; return whether it is the end."""
        self._busy_since = self.clock.now()
        if not self._is_set_up:
            self.setup()
            self._is_set_up = True
        is_resting = False
        try:
            while not self._has_ended:
                message, is_resting = self._next()
                if is_resting:
                    break
                self.step(message, self.clock.now())
        finally:
            if not is_resting:
                self.teardown()
        return not is_resting

    def _next(self) -> tuple[object | None, bool]:
        """Return the next message or None, and whether this thread has to leave everything to another one."""
        self._busy_since = None
        while True:
            wake_at, now = self.wake_at(), self.clock.now()
            patience = None if wake_at is None else max(0.0, wake_at - now)
            may_rest = (
                self._alarm is not None and not self.needs_thread and (patience is None or patience > self.linger_s)
            )
            message = self.receive(self.linger_s if may_rest else patience)
            if message is None and may_rest:
                if self._rests_until(wake_at):
                    return None, True
            else:
                self._busy_since = self.clock.now()
                return message, False

    def _rests_until(self, wake_at: float | None) -> bool:
        """Leave everything to another thread, unless a message has come."""
        if self._alarm is not None and wake_at is not None:
            self._alarm(self, wake_at)
        with self._lock:
            self._is_resting = self.inbox.empty()
            return self._is_resting

    def receive(self, timeout_s: float | None) -> object | None:
        """Return the next message, or None after `timeout_s` seconds; overridden by who waits for more than that."""
        try:
            return self.inbox.get(timeout=timeout_s)
        except Empty:
            return None

    def _refuse_rest(self) -> None:
        while True:
            try:
                message = self.inbox.get_nowait()
            except Empty:
                return
            if isinstance(message, Ask) and not message.future.done():
                message.future.set_exception(
                    OperationError(f"{self.name} has stopped", "gitsync is shutting down", code="stopping")
                )
