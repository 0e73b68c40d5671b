"""The handler of doctor: runs the checks of `gitsync.daemon.checks` in the daemon's process.

Runs on connection threads, or in the control command while no daemon runs.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitsync import places
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json
from gitsync.daemon.handlers.machines import others_of
from gitsync.engine.offline_status import show
from gitsync.version import VERSION


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the handlers by method."""
    return {"doctor": lambda params: _doctor(context, params)}


def _doctor(context: HandlerContext, params: Json) -> Json:
    # Imported late: a daemon that is not asked need not load them.
    from gitsync.daemon.checks.model import Case
    from gitsync.daemon.checks.table import examine

    names = params["names"]
    jobs = [job for job in context.config.jobs if not names or job.name in names]
    of_repos = [name for name in names if name not in {job.name for job in jobs}]
    repos = [] if names and not of_repos else context.chosen(of_repos)
    if not context.is_daemon:
        for repo in repos:
            show(context.runtime.board, repo, context.runtime.repo_state_dir(repo))
    case = Case(
        config=context.config,
        repos=tuple(repos),
        jobs=tuple(jobs),
        job_errors={status.name: status.error for status in context.runtime.board.jobs() if status.error is not None},
        config_option=context.config_option,
        socket=Path(places.socket_address()),
        environment=dict(os.environ),
        status=context.runtime.board.status,
        is_daemon=context.is_daemon,
        wall=context.clock.wall(),
        reports=lambda name: tuple(others_of(context, context.one(name))),
    )
    return {
        "version": VERSION,
        "daemon": {"pid": os.getpid(), "managed": context.is_managed} if context.is_daemon else None,
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
