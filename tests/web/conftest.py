"""Fixtures of the page's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine
from tests.web.kit import Site, page


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
    run_git(path, "init", "-q", "--bare", "-b", "main")
    return path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One machine with one repository, without a daemon, for tests that change nothing."""
    with machine(tmp_path_factory.mktemp("web") / "a") as it:
        it.configure(it.repo())
        yield it


@pytest.fixture(scope="module")
def site(shared: Machine) -> Iterator[Site]:
    """A page that was entered, for tests that change nothing."""
    with page(shared) as it:
        it.enter()
        yield it
