"""What systemd is told, heard by a socket of our own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitsync.daemon.readiness import Readiness, summary
from gitsync.model import RepoState, RepoStatus
from tests.fakes.clock import FakeClock


class Ear:
    """systemd's end."""

    def __init__(self, directory: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(directory / "notify"))
        self.socket.setblocking(False)
        self.environment = {"NOTIFY_SOCKET": str(directory / "notify"), "PATH": "/bin"}

    def heard(self) -> list[str]:
        try:
            return self.socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return []


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    it = Ear(tmp_path)
    yield it
    it.socket.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_without_systemd_nothing_is_said_and_nothing_wakes(clock: FakeClock) -> None:
    readiness = Readiness(clock, {"WATCHDOG_USEC": "1000000"})
    assert not readiness.is_heard
    assert readiness.wake_at() is None
    readiness.ready("x")
    readiness.ping()


def test_a_life_is_told_in_order(ear: Ear, clock: FakeClock) -> None:
    readiness = Readiness(clock, ear.environment)
    readiness.ready("watching\n1")
    assert ear.heard() == ["READY=1", "STATUS=watching\\n1"]
    readiness.say("watching\n1")
    assert ear.heard() == []
    readiness.say("trouble")
    assert ear.heard() == ["STATUS=trouble"]
    clock.advance(2.5)
    readiness.reloading()
    heard = ear.heard()
    assert heard[:2] == ["RELOADING=1", f"MONOTONIC_USEC={int(clock.now() * 1e6)}"]
    readiness.stopping()
    assert ear.heard()[0] == "STOPPING=1"


def test_children_inherit_nothing_of_it(ear: Ear, clock: FakeClock) -> None:
    ear.environment |= {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}
    Readiness(clock, ear.environment)
    assert ear.environment == {"PATH": "/bin"}


def test_a_ping_comes_at_half_the_patience_and_only_then(ear: Ear, clock: FakeClock) -> None:
    readiness = Readiness(clock, ear.environment | {"WATCHDOG_USEC": "10000000"})
    assert readiness.wake_at() == clock.now() + 5
    readiness.ping()
    assert ear.heard() == []
    clock.advance(5)
    readiness.ping()
    assert ear.heard() == ["WATCHDOG=1"]
    assert readiness.wake_at() == clock.now() + 5
    clock.advance(5)
    readiness.skip()
    assert ear.heard() == []
    assert not readiness.is_due


@pytest.mark.parametrize("more", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {}])
def test_a_watchdog_for_another_process_or_none_is_not_fed(ear: Ear, clock: FakeClock, more: dict[str, str]) -> None:
    given = {"WATCHDOG_USEC": "1000000", **more} if more else {}
    assert Readiness(clock, ear.environment | given).wake_at() is None


def test_a_manager_that_is_gone_does_no_harm(ear: Ear, clock: FakeClock) -> None:
    readiness = Readiness(clock, ear.environment)
    ear.socket.close()
    readiness.ready("x")


def test_an_abstract_address_works_too(clock: FakeClock) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        name = f"gitsync-test-{os.getpid()}"
        abstract.bind(f"\0{name}")
        Readiness(clock, {"NOTIFY_SOCKET": f"@{name}"}).ready("x")
        assert abstract.recv(100).startswith(b"READY=1")


def test_trouble_stands_first_in_the_line() -> None:
    good = RepoStatus(name="a", path="/a")
    bad = replace(good, name="b", state=RepoState.HALTED)
    assert summary([good]) == "watching 1 repository"
    assert summary([good, bad]) == "b: halted, watching 2 repositories"
    assert summary([bad] * 7).startswith("b: halted, ")
    assert "2 more" in summary([bad] * 7)
