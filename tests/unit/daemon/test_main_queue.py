"""The main thread's inbox: messages in order, a deadline, and signals that come at any moment."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from gitsync.clock import SystemClock
from gitsync.daemon.main_queue import DRAIN_BYTES, MainQueue

CLOCK = SystemClock()


class Sleep:
    """The sleep of a queue, with something that happens in the moment before it."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def register(self, handle: int, events: int) -> None:
        self._poll.register(handle, events)

    def poll(self, milliseconds: float) -> list[tuple[int, int]]:
        self.before()
        found = self._poll.poll(milliseconds)
        if found:
            self.after()
        return found


@pytest.fixture
def sleep() -> Sleep:
    return Sleep()


@pytest.fixture
def mailbox(sleep: Sleep) -> Iterator[MainQueue]:
    """A mailbox that hears SIGUSR1, and forgets it afterwards."""
    box = MainQueue(CLOCK, sleep)

    def put(number: int, frame: FrameType | None) -> None:
        box.put(number)

    before = signal.signal(signal.SIGUSR1, put)
    box.catch_signals()
    yield box
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGUSR1, before)
    for end in (box._reading, box._writing):
        os.close(end)


def test_messages_come_in_order_and_nothing_after_the_deadline(mailbox: MainQueue) -> None:
    for number in range(3):
        mailbox.put(number)
    assert [mailbox.get(None) for _ in range(3)] == [0, 1, 2]
    assert mailbox.get(CLOCK.now() + 0.01) is None
    assert mailbox.get(CLOCK.now() - 1) is None


def test_more_messages_than_the_pipe_holds_are_all_there(mailbox: MainQueue) -> None:
    count = 20 * DRAIN_BYTES
    for number in range(count):
        mailbox.put(number)
    assert [mailbox.get(None) for _ in range(count)] == list(range(count))


def test_a_signal_in_the_moment_before_it_falls_asleep_wakes_it(mailbox: MainQueue, sleep: Sleep) -> None:
    # The handler in Python is put off, as between the last instruction and the sleep: only the byte has come.
    late: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, frame: late.append(number))
    sleep.before = lambda: os.kill(os.getpid(), signal.SIGUSR1)
    sleep.after = lambda: mailbox.put(late.pop())
    assert mailbox.get(CLOCK.now() + 30.0) == signal.SIGUSR1
