"""gitsync commits what `git add -A` would, writes what `git checkout` would, and takes no pull for an edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential.compare import Case

# The same worlds each time: a new one that differs is for `make soak` to find. Each compares about 60 paths.
CASES = 50


@pytest.mark.parametrize("seed", range(CASES))
def test_both_come_to_the_same(tmp_path: Path, seed: int) -> None:
    Case(tmp_path, seed).run()
