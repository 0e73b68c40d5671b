"""What a check is given and what it finds. Frozen values, so any thread may hold them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gitsync.config.options import Config, JobConfig, RepoConfig
from gitsync.model import Problem, RepoStatus


class CheckState(StrEnum):
    """How it stands: a problem keeps gitsync from its work, a warning may do so one day."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: a sentence, what mends it, and what it is about ("" for the machine, or the repository)."""

    state: CheckState
    message: str
    fix: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What the checks look at: the repositories and jobs that were asked for, and the process that they run in."""

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


def ok(message: str, subject: str = "") -> Finding:
    """Return that all is well."""
    return Finding(CheckState.OK, message, "", subject)


def warning(message: str, fix: str, subject: str = "") -> Finding:
    """Return what may go wrong one day, or goes less well than it could."""
    return Finding(CheckState.WARNING, message, fix, subject)


def problem(message: str, fix: str, subject: str = "") -> Finding:
    """Return what keeps gitsync from its work."""
    return Finding(CheckState.PROBLEM, message, fix, subject)
