"""The check for commits that wait on another machine, or for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitsync.clock import SystemClock
from gitsync.core.machines import Report
from gitsync.daemon.checks.machines import waiting
from gitsync.daemon.checks.model import CheckState, Finding
from gitsync.model import RepoStatus
from tests.conftest import Git
from tests.fakes import checkup
from tests.fakes.checkup import case, only


@pytest.fixture
def sent(repo: Path, git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Send two commits, the second half an hour old; return the first, which another machine has."""
    git(repo, "init", "-q", "--bare", str(tmp_path / "hub.git"))
    git(repo, "remote", "add", "origin", str(tmp_path / "hub.git"))
    first = git(repo, "rev-parse", "HEAD")
    date = f"@{int(SystemClock().wall()) - 1800} +0000"
    monkeypatch.setenv("GIT_COMMITTER_DATE", date)
    git(repo, "commit", "-q", "--allow-empty", "-m", "second")
    git(repo, "push", "-q", "origin", "HEAD:main")
    git(repo, "fetch", "-q")
    return first


def check(repo: Path, age_s: float, commit: str, **given: Any) -> Finding:
    report = Report("a" * 16, "desk", SystemClock().wall() - age_s, commit, **{"branch": "main", **given})
    status = RepoStatus("notes", str(repo), branch="main")
    notes = checkup.repository(repo)
    return only(waiting(case(notes, status=status, reports=lambda _: (report,)), notes))


def test_commits_that_wait_for_a_machine_in_use_are_a_warning(repo: Path, git: Git, sent: str) -> None:
    found = check(repo, 300, sent)
    assert found.state is CheckState.WARNING
    assert "the machine desk, seen 5 min ago, lacks 1 commit, the oldest sent 30 min ago" in found.message
    assert "waits for you there" in check(repo, 300, sent, needs_user=True).message
    assert "the branch draft is checked out there, and main here" in check(repo, 300, sent, branch="draft").message


def test_a_machine_that_is_off_or_has_everything_is_fine(repo: Path, git: Git, sent: str) -> None:
    head = git(repo, "rev-parse", "HEAD")
    for found in (check(repo, 3600, sent), check(repo, 60, head), check(repo, 60, "b" * 40)):
        assert found.state is CheckState.OK


def test_commits_that_wait_on_a_machine_are_a_warning_after_ten_minutes(repo: Path, git: Git, sent: str) -> None:
    head = git(repo, "rev-parse", "HEAD")
    assert check(repo, 500, head, unsent=2, head="c" * 40).state is CheckState.OK
    assert "has not sent 2 commits" in check(repo, 700, head, unsent=2, head="c" * 40).message
