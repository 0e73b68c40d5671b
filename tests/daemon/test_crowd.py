"""Real daemons that are killed while people work end with the same tree, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.convergence.crowd import crowd, live


@pytest.mark.soak
def test_three_daemons_that_are_killed_and_cut_off(tmp_path: Path) -> None:
    with crowd(tmp_path, 3) as (hub, desks):
        live(hub, desks, 8.0, 1)
