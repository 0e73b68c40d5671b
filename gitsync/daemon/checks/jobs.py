"""Checks of one job: its program, its last run, its server.

Run on the pool threads of `table`; they change nothing, neither here nor on the server.
"""

from __future__ import annotations

import os
import shutil

from gitsync.config.options import JobConfig
from gitsync.daemon.checks import remotes
from gitsync.daemon.checks.model import Case, Finding, ok, problem
from gitsync.text import as_word, clean


def state(case: Case, job: JobConfig) -> list[Finding]:
    """Check whether the job's program is installed and its last run succeeded."""
    if shutil.which(job.backend) is None:
        return [
            problem(f"{job.backend} is not installed, or not on the PATH", f"install {job.backend}, or correct PATH")
        ]
    trouble = case.job_errors.get(job.name)
    if trouble is not None:
        return [problem(trouble.message, trouble.hint or f"gitsyncctl status {as_word(job.name)}")]
    return [ok(f"{job.backend} exchanges {clean(str(job.path))} with {clean(job.url)}")]


def server(case: Case, job: JobConfig) -> list[Finding]:
    """Check whether the server's host key is known and, for git, whether its repository answers."""
    key = remotes.host_key(job.url, os.environ.get("GIT_SSH_COMMAND", "ssh") if job.backend == "git" else "ssh")
    if job.backend != "git" or key.fix:
        return [key]
    timeout_s = min(case.config.daemon.network_timeout, remotes.NETWORK_S)
    trouble = remotes.unanswered(job.url, str(job.path), job.remote, timeout_s)
    if trouble is None:
        return [ok(f"{clean(job.url)} answers")]
    return [problem(trouble.message, trouble.hint)]
