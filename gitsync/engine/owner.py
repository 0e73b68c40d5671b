"""A thread that owns things: an inbox, a step, a time to wake.

`Owner` is the only thread class. Whoever posts a message runs on any thread; `setup`, `step`, `wake_at` and `teardown`
run on the owner's own. Tests call `step` themselves and need no thread.
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
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def post(self, message: object) -> None:
        """Put a message into the inbox; returns at once. Nobody waits for a thread that has ended."""
        self.inbox.put(message)
        if self._is_closed:
            self._refuse_rest()

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

    def _run(self) -> None:
        self._busy_since = self.clock.now()
        try:
            self.setup()
            try:
                while not self._has_ended:
                    self.step(self._next(), self.clock.now())
            finally:
                self.teardown()
        except BaseException as error:
            logger.critical("a bug in gitsync ended the thread %s", self.name, exc_info=True)
            self._on_death(ThreadDied(self.name, error))
        finally:
            self._busy_since = None
            self._is_closed = True
            self._refuse_rest()

    def _next(self) -> object | None:
        wake_at = self.wake_at()
        self._busy_since = None
        try:
            return self.receive(None if wake_at is None else max(0.0, wake_at - self.clock.now()))
        finally:
            self._busy_since = self.clock.now()

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
