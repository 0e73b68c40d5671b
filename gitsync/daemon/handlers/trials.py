"""The answers of `sync --dry-run` and `watch --dry-run`: what would happen. They change nothing.

Run on connection threads, or in the control command.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.config import document
from gitsync.config.options import JobConfig, RepoConfig
from gitsync.config.trial import trial
from gitsync.daemon.handlers import init_repository
from gitsync.daemon.handlers.context import HandlerContext, Json, real
from gitsync.daemon.handlers.jobs import of_file
from gitsync.daemon.handlers.pending import uncommitted
from gitsync.daemon.handlers.resolve_path import whole
from gitsync.errors import GitsyncError, OperationError
from gitsync.git.remote.upstream import remote_for
from gitsync.git.repository import open_repository
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.redaction import redact


def would_sync(context: HandlerContext, params: Json) -> Json:
    """Return what would be committed and with which remote each repository would exchange; ask no remote."""
    if params.get("conf"):
        return {"dry_run": True, "repos": [], "jobs": [_job(job) for job in of_file(params)[0]]}
    targets = context.targets(params.get("names", []))
    return {
        "dry_run": True,
        "repos": [_repo(context, repo) for repo in targets.repos],
        "jobs": [_job(job) for job in targets.jobs],
    }


def _repo(context: HandlerContext, repo: RepoConfig) -> Json:
    status = context.runtime.board.status(repo.name)
    found: Json = {
        "name": repo.name,
        "path": str(repo.path),
        "state": str(status.state),
        "reason": status.reason,
        "mode": repo.mode,
        "remote": "",
        "ahead": status.ahead,
        "behind": status.behind,
        "files": [],
        "error": status.error.to_json() if status.error else None,
    }
    try:
        found["files"] = [
            {"path": os.fsdecode(touched.path), "what": touched.what}
            for touched in uncommitted(context, whole(context, repo.name)).files
        ]
        found["remote"] = _remote(repo, status.branch)
    except UNEXPECTED_ERRORS as trouble:
        found["error"] = found["error"] or _problem(as_error(repo.name, trouble))
    return found


def _problem(error: GitsyncError) -> Json:
    return {"code": error.code, "message": error.message, "hint": error.hint}


def _remote(repo: RepoConfig, branch: str) -> str:
    try:
        choice = remote_for(repo.path, repo.remote, branch) if branch else None
    except OperationError:
        return ""  # `status` reports the error
    return redact(choice.remote if choice is not None else repo.remote or "")


def _job(job: JobConfig) -> Json:
    return {"name": job.name, "backend": job.backend, "mode": job.mode, "path": str(job.path), "url": redact(job.url)}


def would_watch(context: HandlerContext, params: Json) -> Json:
    """Return what would be watched, and under which name; raise what `watch` would."""
    root = Path(params["path"])
    is_new = init_repository.check(root, is_wanted=bool(params.get("init")))
    if not is_new:
        open_repository(str(real(root))).free()
    with trial(context.config_file) as copy:
        name = document.add_repo(copy, root, name=params.get("name"), remote=None)
    already = real(root) in {real(repo.path) for repo in context.config.repos}
    return {"name": name, "path": str(root), "created": is_new, "already": already, "problem": None, "dry_run": True}
