"""The checks of jobs, with real git and a real ssh -G."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitsync.config.options import JobConfig
from gitsync.daemon.checks import jobs
from gitsync.daemon.checks.model import CheckState
from gitsync.model import Problem
from tests.fakes.checkup import case, only
from tests.fakes.sshd import require_sshd


def job(path: Path, **options: Any) -> JobConfig:
    return JobConfig(name="thesis", path=path, **{"backend": "git", "url": "host:x", **options})


def test_a_job_whose_program_is_missing_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(jobs.state(case(), job(tmp_path))).state is CheckState.OK
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "unison is not installed" in only(jobs.state(case(), job(tmp_path, backend="unison"))).message


def test_what_its_last_run_met_is_told(tmp_path: Path) -> None:
    trouble = {"thesis": Problem("contest", "both changed a.txt", "look")}
    assert only(jobs.state(case(job_errors=trouble), job(tmp_path))).message == "both changed a.txt"


def test_a_git_server_is_asked(repo: Path, tmp_path: Path) -> None:
    assert only(jobs.server(case(), job(tmp_path, url=str(repo)))).message == f"{repo} answers"
    found = only(jobs.server(case(), job(tmp_path, url=str(tmp_path / "gone"))))
    assert (found.state, found.fix) == (CheckState.PROBLEM, f"git ls-remote {tmp_path / 'gone'}")


def test_the_host_of_another_kind_of_job_has_to_be_known(tmp_path: Path) -> None:
    require_sshd()
    found = only(jobs.server(case(), job(tmp_path, backend="rsync", url="nobody.invalid:/srv")))
    assert (found.state, "nobody.invalid" in found.message) == (CheckState.PROBLEM, True)
    assert only(jobs.server(case(), job(tmp_path, backend="rsync", url="/srv"))).state is CheckState.OK
