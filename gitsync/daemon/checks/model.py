"""The input and the result of a check. Frozen values; any thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gitsync.config.options import Config, JobConfig, RepoConfig
from gitsync.core.machines import Report
from gitsync.model import Problem, RepoStatus


class CheckState(StrEnum):
    """The result: a problem prevents gitsync from working, a warning may become one."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding: a sentence, how to fix it, and its subject ("" for the machine, or the name of the repository)."""

    state: CheckState
    message: str
    fix: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """The repositories and jobs to check, and the process that the checks run in."""

    config: Config
    repos: tuple[RepoConfig, ...]
    jobs: tuple[JobConfig, ...]
    config_option: str | None
    socket: Path
    environment: Mapping[str, str]
    status: Callable[[str], RepoStatus]
    job_errors: Mapping[str, Problem]
    is_daemon: bool
    wall: float
    # The reports of the other machines of a repository, by its name.
    reports: Callable[[str], tuple[Report, ...]] = lambda _: ()


def ok(message: str, subject: str = "") -> Finding:
    """Return a finding without a problem."""
    return Finding(CheckState.OK, message, "", subject)


def warning(message: str, fix: str, subject: str = "") -> Finding:
    """Return a finding that may become a problem, or makes something slower than necessary."""
    return Finding(CheckState.WARNING, message, fix, subject)


def problem(message: str, fix: str, subject: str = "") -> Finding:
    """Return a finding that prevents gitsync from working."""
    return Finding(CheckState.PROBLEM, message, fix, subject)
