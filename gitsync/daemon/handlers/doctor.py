"""The answer about what is wrong: the checks of `gitsync.daemon.checks`, made where the daemon runs.

Runs on connection threads, or in the control command while no daemon runs.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitsync import places
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json
from gitsync.engine.offline_status import show
from gitsync.version import VERSION


def answers(desk: HandlerContext) -> dict[str, Answer]:
    """Return the answers, by method."""
    return {"doctor": lambda params: _doctor(desk, params)}


def _doctor(desk: HandlerContext, params: Json) -> Json:
    # Late: a daemon that nobody asks need not hold them.
    from gitsync.daemon.checks.model import Case
    from gitsync.daemon.checks.table import examine

    names = params["names"]
    jobs = [job for job in desk.config.jobs if not names or job.name in names]
    of_repos = [name for name in names if name not in {job.name for job in jobs}]
    repos = [] if names and not of_repos else desk.chosen(of_repos)
    if not desk.is_daemon:
        for repo in repos:
            show(desk.runtime.board, repo, desk.runtime.repo_state_dir(repo))
    case = Case(
        config=desk.config,
        repos=tuple(repos),
        jobs=tuple(jobs),
        job_errors={status.name: status.error for status in desk.runtime.board.jobs() if status.error is not None},
        config_option=desk.config_option,
        socket=Path(places.socket_address()),
        environment=dict(os.environ),
        status=desk.runtime.board.status,
        is_daemon=desk.is_daemon,
        wall=desk.clock.wall(),
    )
    return {
        "version": VERSION,
        "daemon": {"pid": os.getpid()} if desk.is_daemon else None,
        "checks": [
            {
                "id": id,
                "subject": finding.subject,
                "state": str(finding.state),
                "message": finding.message,
                "fix": finding.fix,
            }
            for id, finding in examine(case)
        ],
    }
