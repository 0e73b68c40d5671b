"""The table of checks, and how they are run: side by side, each with an end, none in the way of another.

`examine` runs on the thread of whoever asks. Checks wait for children and disks, so they are given to a few threads of
a pool that lives as long as the answer takes; they own nothing and change nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as futures_wait
from dataclasses import dataclass

from gitsync.config.options import JobConfig, RepoConfig
from gitsync.daemon.checks import conflicting_tools, jobs, machine, remotes, repository, storage
from gitsync.daemon.checks.model import Case, Finding, problem, warning
from gitsync.errors import GitsyncError
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error

logger = logging.getLogger(__name__)

# More at once would only make a slow network slower, and a small machine busy.
WORKERS = 6
PATIENCE_S = 40.0
WAITED_TOO_LONG = "its answer takes too long: a dead network drive, or a very busy machine?"

OfMachine = Callable[[Case], list[Finding]]
OfJob = Callable[[Case, JobConfig], list[Finding]]
OfRepository = Callable[[Case, RepoConfig], list[Finding]]


@dataclass(frozen=True, slots=True)
class Row:
    """One check: a stable id, and what looks."""

    id: str
    of_machine: OfMachine | None = None
    of_repository: OfRepository | None = None
    of_job: OfJob | None = None


CHECKS = (
    Row("daemon", machine.daemon),
    Row("configuration", machine.configuration),
    Row("git", machine.git_version),
    Row("environment", machine.environment),
    Row("permissions", storage.permissions),
    Row("disk", storage.room),
    Row("log", storage.log_size),
    Row("inotify", machine.inotify),
    Row("time", machine.time_service),
    Row("ssh-keys", remotes.ssh_keys),
    Row("repository", None, repository.state),
    Row("identity", None, repository.identity),
    Row("remote", None, remotes.answers),
    Row("host-key", None, remotes.known_host),
    Row("clock", None, remotes.clocks),
    Row("signing", None, repository.signing),
    Row("filters", None, repository.filters),
    Row("hooks", None, repository.hooks),
    Row("file-system", None, storage.file_system),
    Row("other-tool", None, conflicting_tools.other_tools),
    Row("job", of_job=jobs.state),
    Row("job-server", of_job=jobs.server),
)


def examine(case: Case, *, patience_s: float = PATIENCE_S) -> list[tuple[str, Finding]]:
    """Return what every check found, in the order of the table, each with its check's id."""
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="doctor")
    try:
        begun = [(row.id, subject, future) for row in CHECKS for subject, future in _begin(pool, row, case)]
        futures_wait([future for _, _, future in begun], timeout=patience_s)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [(id, finding) for id, subject, future in begun for finding in _found(id, subject, future)]


def _begin(pool: ThreadPoolExecutor, row: Row, case: Case) -> list[tuple[str, Future[list[Finding]]]]:
    if row.of_machine is not None:
        return [("", pool.submit(row.of_machine, case))]
    if row.of_job is not None:
        return [(job.name, pool.submit(row.of_job, case, job)) for job in case.jobs]
    assert row.of_repository is not None
    return [(repo.name, pool.submit(row.of_repository, case, repo)) for repo in case.repos]


def _found(id: str, subject: str, future: Future[list[Finding]]) -> list[Finding]:
    if not future.done() or future.cancelled():
        return [warning("it could not be looked at in time", WAITED_TOO_LONG, subject)]
    error = future.exception()
    if error is None:
        return [Finding(each.state, each.message, each.fix, each.subject or subject) for each in future.result()]
    if isinstance(error, GitsyncError):
        return [problem(error.message, error.hint or "see the other checks", subject)]
    if isinstance(error, UNEXPECTED_ERRORS) and isinstance(error, Exception):
        told = as_error(subject or "gitsync", error)
        return [warning(f"it could not be looked at: {told.message}", told.hint or "see the log", subject)]
    logger.error("a bug of ours in the check %s", id, exc_info=error)
    return [warning(f"the check itself has failed: {type(error).__name__}", "a bug of ours: see the log", subject)]
