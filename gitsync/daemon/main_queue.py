"""What the main thread sleeps in: a queue that signals wake, too.

Anybody may `put`, a signal handler included; only the main thread calls `get`. The pipe lives as long as the process:
a thread that puts late must not write into a descriptor that means something else by then.

A handler written in Python runs between two instructions of the main thread. A signal that comes in the moment before
that thread falls asleep in a lock is noted, and nothing wakes it: on a busy machine a daemon then does not hear that it
is to stop. So the interpreter's own handler writes a byte into a pipe (`signal.set_wakeup_fd`), and it is the pipe
that is slept in.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from queue import Empty, SimpleQueue

from gitsync.clock import Clock

DRAIN_BYTES = 4096
# poll counts milliseconds in a C int.
LONGEST_S = 86_400.0


class MainQueue:
    """The main thread's inbox."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: SimpleQueue[object] = SimpleQueue()
        self._reading, self._writing = os.pipe()
        for end in (self._reading, self._writing):
            os.set_blocking(end, False)
        self._poll = select.poll()
        self._poll.register(self._reading, select.POLLIN)

    def catch_signals(self) -> None:
        """Let every signal that has a handler wake `get`; called on the main thread."""
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)

    def put(self, message: object) -> None:
        """Put a message into the inbox; returns at once."""
        self._queue.put(message)
        with contextlib.suppress(BlockingIOError):  # full of bytes that nobody has read yet: it wakes all the same
            os.write(self._writing, b"\0")

    def get(self, until: float | None) -> object | None:
        """Return the next message, or None when there is none at the monotonic instant `until` (None: never)."""
        while True:
            with contextlib.suppress(Empty):
                return self._queue.get_nowait()
            left = LONGEST_S if until is None else until - self._clock.now()
            if left <= 0:
                return None
            if self._poll.poll(min(left, LONGEST_S) * 1000):
                with contextlib.suppress(BlockingIOError):
                    os.read(self._reading, DRAIN_BYTES)
