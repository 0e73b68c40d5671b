"""What is noticed by looking, where no kernel reports it: a sleep, another network."""

from __future__ import annotations

import socket
import sys
import time
from typing import Any

import pytest

from gitsync.engine.messages import NetworkChanged, Woken
from gitsync.engine.system_events import SystemEvents
from gitsync.watch import looks
from gitsync.watch.looks import Looks, Seen
from gitsync.watch.shared import SharedInotify
from tests.fakes.clock import FakeClock


class Routes:
    """The system's choice of an address; it changes with the network."""

    address = "10.0.0.7"

    def __init__(self, family: int, kind: int) -> None:
        self._family = family

    def __enter__(self) -> Routes:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def connect(self, address: tuple[str, int]) -> None:
        if not self.address:
            raise OSError(101, "Network is unreachable")

    def getsockname(self) -> tuple[str, int]:
        return self.address, 1


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> type[Routes]:
    monkeypatch.setattr(Routes, "address", "10.0.0.7")
    monkeypatch.setattr(socket, "socket", Routes)
    return Routes


def test_another_address_is_another_network(routes: type[Routes], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Looks()
    assert seen.take() == Seen(has_network_changed=False, has_clock_jumped=False)
    for address in ("", "192.168.1.2"):
        monkeypatch.setattr(routes, "address", address)
        assert seen.take() == Seen(has_network_changed=True, has_clock_jumped=False)
        assert seen.take() == Seen(has_network_changed=False, has_clock_jumped=False)


def test_a_sleep_and_a_network_reach_everybody(routes: type[Routes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    said: list[Any] = []
    clock = FakeClock()
    events = SystemEvents(clock, lambda name, message: None, said.append, lambda died: None, SharedInotify())
    events.setup()
    assert events.wake_at() == clock.now() + looks.LOOK_EVERY_S
    clock.advance(looks.LOOK_EVERY_S)
    events.step(None, clock.now())
    assert said == []
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)
    monkeypatch.setattr(routes, "address", "192.168.1.2")
    events.step(None, clock.now())
    assert said == []  # not yet: a look costs a wake-up
    clock.advance(looks.LOOK_EVERY_S)
    events.step(None, clock.now())
    assert said == [NetworkChanged(), Woken()]
    events.teardown()
