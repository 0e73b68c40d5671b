"""What a check of `doctor` is given, around a real repository."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gitsync import clock
from gitsync.config.options import Config, RepoConfig
from gitsync.daemon.checks.model import Case, CheckState, Finding
from gitsync.model import RepoState, RepoStatus


def repository(root: Path, **options: Any) -> RepoConfig:
    """Return the configuration of a repository called notes."""
    return RepoConfig(name="notes", path=root, **options)


def case(*repos: RepoConfig, status: RepoStatus | None = None, **given: Any) -> Case:
    """Return what the daemon would look at, all of it well but for what is `given`."""
    standing = status or RepoStatus("notes", "/notes", state=RepoState.OK)
    given.setdefault("config", Config(repos=repos))
    given.setdefault("environment", dict(os.environ))
    given.setdefault("socket", Path("/nowhere/socket"))
    given.setdefault("is_daemon", True)
    given.setdefault("jobs", ())
    given.setdefault("job_errors", {})
    return Case(repos=repos, config_option=None, status=lambda _: standing, wall=clock.SystemClock().wall(), **given)


def only(found: list[Finding]) -> Finding:
    """Return the one finding."""
    assert len(found) == 1, found
    return found[0]


def verdicts(found: list[Finding]) -> list[CheckState]:
    """Return the verdicts alone."""
    return [finding.state for finding in found]
