"""Whether the user's own git is at work, as far as the times of its files tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.git.open_commit import is_git_at_work


@pytest.mark.parametrize(("age_s", "is_at_work"), [(0.1, True), (5.0, False), (-86_400.0, False), (None, False)])
def test_a_staged_file_is_waited_for_a_moment_and_not_when_the_clock_was_set_back(
    repo: Path, age_s: float | None, is_at_work: bool
) -> None:
    (repo / ".git/index").touch()
    assert is_git_at_work(str(repo / ".git"), str(repo), age_s, staged_s=1.0) is is_at_work
