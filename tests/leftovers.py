"""Fails the run of the tests when a process that one of them started is still running at the end.

A process is known by its environment: the tests' own processes inherit a name of this run, and pytest's name of the
test. Where there is no /proc, nothing is looked for.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

import pytest

NAME = "TESTS_RUN"
# What is about to end (a server that a fixture closed, a `git gc` in the background) has this long.
PATIENCE_S = 10.0


class Leftover(NamedTuple):
    """A process that runs, the command line of it, and the test that started it."""

    pid: int
    command: str
    test: str


def mark() -> None:
    """Give this run a name, which everything that it starts inherits; a worker of pytest-xdist has its parent's."""
    os.environ.setdefault(NAME, f"{os.getpid()}-{time.time_ns()}")


def leftovers() -> list[Leftover]:
    """Return the processes that tests of this run started and that still run."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environment = dict(
                pair.partition("=")[::2] for pair in os.fsdecode((place / "environ").read_bytes()).split("\0")
            )
            command = os.fsdecode((place / "cmdline").read_bytes()).replace("\0", " ").strip()
        except OSError:  # it has ended, or is another user's
            continue
        test = environment.get("PYTEST_CURRENT_TEST", "")
        # A worker is started outside of any test, and a run of pytest inside a test has a name of its own.
        if environment.get(NAME) == os.environ[NAME] and test and int(place.name) != os.getpid():
            found.append(Leftover(int(place.name), command, test))
    return found


def wait_for_leftovers() -> list[Leftover]:
    """Return what still runs when it has had time to end."""
    ends_at = time.monotonic() + PATIENCE_S
    while (found := leftovers()) and time.monotonic() < ends_at:
        time.sleep(0.1)
    return found


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run for what still runs; by now the workers have ended."""
    if hasattr(session.config, "workerinput"):
        return
    found = wait_for_leftovers()
    if not found:
        return
    session.exitstatus = pytest.ExitCode.TESTS_FAILED
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.section("still running", red=True)
        for each in found:
            reporter.write_line(f"PID {each.pid}: {each.command}: started by {each.test}")
