"""Fixtures of the daemon tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine


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
