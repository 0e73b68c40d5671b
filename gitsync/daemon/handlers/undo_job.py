"""The answer about undoing a run of a job. Runs on connection threads, or in the control command without a daemon."""

from __future__ import annotations

from gitsync.clock import iso
from gitsync.config.options import JobConfig
from gitsync.daemon.handlers.context import HandlerContext, Json
from gitsync.errors import UsageError


def undo_job(context: HandlerContext, job: JobConfig, params: Json) -> Json:
    """Take back the last run of a git job, say what that comes to, or list the runs.

    Raise UsageError for a job whose server keeps no versions.
    """
    if job.backend != "git":
        raise UsageError(
            f"{job.name} is a job with {job.backend}, which keeps no versions to go back to: it cannot be undone",
            "a version that lost a conflict lies beside its file, as NAME.conflict-…; undo works for jobs with git",
        )
    if params.get("commit"):
        raise UsageError(f"{job.name} is a job: its last run is undone as a whole", "gitsyncctl undo NAME")
    jobs = context.runtime.jobs
    if params.get("list"):
        runs = jobs.runs_to_undo(job)
        return {"changes": [_listed(job, run.at, list(run.moves), is_undone=run.is_undone) for run in runs]}
    is_trial = bool(params.get("dry_run"))
    done = jobs.undo(job, is_keeping=bool(params.get("keep")), is_trial=is_trial)
    return {
        "job": job.name,
        "root": str(job.path),
        "undone": _listed(job, done.run.at, list(done.paths), is_undone=not is_trial),
        "branches": [
            {"branch": branch, "paths": list(paths), "commit": done.commits.get(branch)}
            for branch, paths in sorted(done.paths.items())
        ],
        "created": done.created,
        "kept": done.kept,
        "dry_run": is_trial,
    }


def _listed(job: JobConfig, at: float, branches: list[str], *, is_undone: bool) -> Json:
    return {
        "repo": job.name,
        "root": str(job.path),
        "commit": None,
        "reason": "run",
        "time": iso(at),
        "paths": [],
        "branches": branches,
        "is_undone": is_undone,
    }
