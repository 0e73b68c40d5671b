"""The one thread class: inbox, asks with patience, the end of a bug."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from gitsync.clock import SystemClock
from gitsync.engine.alarm import Alarm
from gitsync.engine.owner import Ask, Owner, Stop, ThreadDied
from gitsync.errors import OperationError
from tests.fakes.clock import FakeClock
from tests.fakes.watching import until


class Echo(Owner):
    """Answers what it is asked; a bug when it is asked for one."""

    def step(self, message: object | None, now: float) -> None:
        if isinstance(message, Stop):
            self.end()
        elif isinstance(message, Ask) and message.what == "bug":
            raise ZeroDivisionError("a bug")
        elif isinstance(message, Ask) and message.what != "silence":
            message.future.set_result(message.what)


def started() -> tuple[Echo, list[ThreadDied]]:
    died: list[ThreadDied] = []
    echo = Echo("echo", SystemClock(), died.append)
    echo.start()
    return echo, died


def test_an_ask_is_answered_and_a_stop_ends_it() -> None:
    echo, died = started()
    assert echo.ask("hello", 10) == "hello"
    echo.post(Stop())
    assert echo.join(10)
    assert died == []


def test_patience_ends_with_a_sentence() -> None:
    echo, _ = started()
    with pytest.raises(OperationError, match="echo did not answer"):
        echo.ask("silence", 0.01)
    echo.post(Stop())
    assert echo.join(10)


def test_a_bug_is_told_and_who_waits_is_not_left_waiting() -> None:
    died: list[ThreadDied] = []
    echo = Echo("echo", SystemClock(), died.append)
    later: Future[object] = Future()
    echo.post(Ask("bug", Future()))
    echo.post(Ask("later", later))
    echo.start()
    assert echo.join(10)
    assert [type(one.error) for one in died] == [ZeroDivisionError]
    with pytest.raises(OperationError, match="has stopped"):
        later.result(0)


def test_a_step_that_takes_too_long_is_seen_from_outside() -> None:
    begun: Future[None] = Future()
    go: Future[None] = Future()

    class Slow(Owner):
        def step(self, message: object | None, now: float) -> None:
            if isinstance(message, Stop):
                self.end()
            else:
                begun.set_result(None)
                go.result(60)

    clock = SystemClock()
    slow = Slow("slow", clock, lambda death: None)
    slow.step_patience_s = 100.0
    assert not slow.is_stuck(clock.now() + 1000)
    slow.start()
    slow.post("work")
    begun.result(60)
    assert not slow.is_stuck(clock.now() + 50)
    assert slow.is_stuck(clock.now() + 101)
    go.set_result(None)
    slow.post(Stop())
    assert slow.join(60)
    assert not slow.is_stuck(clock.now() + 1000)


def test_a_step_that_looks_whether_it_is_cancelled_is_alive() -> None:
    looked: Future[bool] = Future()
    go: Future[None] = Future()

    class Transfer(Owner):
        def step(self, message: object | None, now: float) -> None:
            if isinstance(message, Stop):
                self.end()
                return
            clock.advance(90)
            looked.set_result(self.is_cancelled)
            go.result(60)

    clock = FakeClock()
    transfer = Transfer("transfer", clock, lambda death: None)
    transfer.step_patience_s = 100.0
    transfer.start()
    transfer.post("work")
    assert looked.result(60) is False
    assert not transfer.is_stuck(clock.now() + 50)
    assert transfer.is_stuck(clock.now() + 101)
    go.set_result(None)
    transfer.post(Stop())
    assert transfer.join(60)


def test_a_thread_that_sleeps_in_its_inbox_is_not_stuck() -> None:
    echo, _ = started()
    assert echo.ask("hello", 10) == "hello"
    ends_at = echo.clock.now() + 30
    while echo.is_stuck(echo.clock.now() + 1e9) and echo.clock.now() < ends_at:
        pass  # it has answered, and is on its way back to the inbox
    assert not echo.is_stuck(echo.clock.now() + 1e9)
    echo.post(Stop())
    assert echo.join(10)


LINGER_S = 0.1


class Sleeper(Owner):
    """Notes what it does, on which thread; wakes once at an instant."""

    def __init__(self, clock: SystemClock, died: list[ThreadDied]) -> None:
        super().__init__("sleeper", clock, died.append)
        self.did: list[str] = []
        self.at: float | None = None
        self.holds = False
        self.linger_s = LINGER_S

    @property
    def needs_thread(self) -> bool:
        return self.holds

    def setup(self) -> None:
        self.did.append("setup")

    def wake_at(self) -> float | None:
        return self.at

    def step(self, message: object | None, now: float) -> None:
        if isinstance(message, Stop):
            self.end()
        elif message is None:
            self.at = None
            self.did.append("woken")
        else:
            self.did.append(str(message))

    def teardown(self) -> None:
        self.did.append("teardown")


def threads(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_an_owner_at_rest_has_no_thread_and_goes_on_with_a_message_or_at_its_time() -> None:
    clock, died = SystemClock(), list[ThreadDied]()
    alarm = Alarm(clock, died.append)
    alarm.start()
    sleeper = Sleeper(clock, died)
    sleeper.rest_without_thread(alarm.set)
    sleeper.at = clock.now() + 2 * LINGER_S
    sleeper.post("first")
    sleeper.start()
    until(lambda: threads("sleeper") == 0)
    assert sleeper.did == ["setup", "first"]
    until(lambda: sleeper.did == ["setup", "first", "woken"])
    until(lambda: threads("sleeper") == 0)
    sleeper.post("second")
    until(lambda: sleeper.did[-1] == "second")
    sleeper.post(Stop())
    assert sleeper.join(10)
    assert sleeper.did == ["setup", "first", "woken", "second", "teardown"]
    alarm.post(Stop())
    assert alarm.join(10)
    assert died == []


def test_what_is_posted_as_the_thread_is_about_to_end_is_done() -> None:
    class Late(Sleeper):
        def receive(self, timeout_s: float | None) -> object | None:
            if self.did == ["setup"] and self.inbox.empty():
                self.post("late")
                return None
            return super().receive(timeout_s)

    clock, died = SystemClock(), list[ThreadDied]()
    sleeper = Late(clock, died)
    sleeper.rest_without_thread(lambda owner, at: None)
    sleeper.start()
    until(lambda: "late" in sleeper.did)
    sleeper.post(Stop())
    assert sleeper.join(10)
    assert died == []


def test_an_owner_with_a_child_of_its_thread_keeps_the_thread() -> None:
    clock, died = SystemClock(), list[ThreadDied]()
    sleeper = Sleeper(clock, died)
    sleeper.holds = True
    sleeper.rest_without_thread(lambda owner, at: None)
    sleeper.start()
    sleeper.join(1.5 * LINGER_S)
    assert threads("sleeper") == 1
    sleeper.post(Stop())
    assert sleeper.join(10)
