"""Fixtures of the engine's unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.engine import Bench


@pytest.fixture
def bench(repo: Path, tmp_path: Path) -> Iterator[Bench]:
    """A committer that has come to rest on a clean repository."""
    it = Bench(repo, tmp_path / "notes-dir", quiet="2s", max_wait="30s", reconcile="1h")
    it.run()
    yield it
    it.close()
