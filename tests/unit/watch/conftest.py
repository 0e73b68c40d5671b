"""Trees to watch."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.synchronous_watch import Watch

collect_ignore_glob = ["test_digest*.py"] if sys.platform != "linux" else []


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    return tmp_path / "root"


@pytest.fixture
def watch(root: Path) -> Iterator[Watch]:
    watch = Watch(os.fsencode(root))
    yield watch
    watch.inotify.close()
