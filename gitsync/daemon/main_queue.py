"""The queue in which the main thread sleeps; signals wake it, too.

Any thread may call `put`, and so may a signal handler; only the main thread calls `get`. The pipe lives as long as the
process: a late `put` must not write to a descriptor that belongs to another file by then.

A Python signal handler runs between two instructions of the main thread. A signal that arrives just before that thread
blocks on a lock is recorded, but does not wake the thread: on a busy machine the daemon would not notice that it is to
stop. So the interpreter's own handler writes a byte into a pipe (`signal.set_wakeup_fd`), and the thread sleeps in poll
on that pipe.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from queue import Empty, SimpleQueue
from typing import Protocol

from gitsync.clock import Clock

DRAIN_BYTES = 4096
# poll takes milliseconds in a C int.
LONGEST_S = 86_400.0


class Sleep(Protocol):
    """What a queue sleeps by: the part of a poll object that it uses."""

    def register(self, handle: int, events: int, /) -> None:
        """Wake up for these events of a file descriptor."""

    def poll(self, milliseconds: float, /) -> list[tuple[int, int]]:
        """Sleep until one comes, or so long; return those that came."""
        raise NotImplementedError


class MainQueue:
    """The main thread's inbox."""

    def __init__(self, clock: Clock, sleep: Sleep | None = None) -> None:
        self._clock = clock
        self._queue: SimpleQueue[object] = SimpleQueue()
        self._reading, self._writing = os.pipe()
        for end in (self._reading, self._writing):
            os.set_blocking(end, False)
        self._poll: Sleep = sleep or select.poll()
        self._poll.register(self._reading, select.POLLIN)

    def catch_signals(self) -> None:
        """Let every handled signal wake `get`; called on the main thread."""
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)

    def put(self, message: object) -> None:
        """Put a message into the inbox; returns at once."""
        self._queue.put(message)
        with contextlib.suppress(BlockingIOError):  # the pipe is full of unread bytes, which wake the thread anyway
            os.write(self._writing, b"\0")

    def get(self, until: float | None) -> object | None:
        """Return the next message, or None when there is none by the monotonic time `until` (None: wait for ever)."""
        while True:
            with contextlib.suppress(Empty):
                return self._queue.get_nowait()
            left = LONGEST_S if until is None else until - self._clock.now()
            if left <= 0:
                return None
            if self._poll.poll(min(left, LONGEST_S) * 1000):
                with contextlib.suppress(BlockingIOError):
                    os.read(self._reading, DRAIN_BYTES)
