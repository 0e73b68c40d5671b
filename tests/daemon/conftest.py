"""Fixtures of the daemon tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.asked import Ask
from tests.daemon.harness import BIN, Machine, machine
from tests.fakes.person import Person


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Machine]:
    """One machine."""
    with machine(tmp_path / "a") as it:
        yield it


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """An empty bare repository that machines share."""
    path = tmp_path / "hub.git"
    path.mkdir()
    run_git(path, "init", "-q", "--bare")
    return path


@pytest.fixture
def ask(box: Machine) -> Iterator[Ask]:
    """Starts the setup on the machine, on a terminal of so many columns."""
    people: list[Person] = []

    def start(columns: int = 400, *options: str) -> Person:
        person = Person([str(BIN / "gitsyncctl"), *options, "setup"], box.env, box.home, columns)
        people.append(person)
        return person

    yield start
    for person in people:
        person.__exit__()
