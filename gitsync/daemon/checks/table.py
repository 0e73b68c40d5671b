"""The table of checks, and how they run: concurrently, each with a time limit, independent of each other.

`examine` runs on the calling thread. Checks wait for child processes and disks, so they run on the threads of a small
pool that lives until the answer is complete; they own nothing and change nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as futures_wait
from dataclasses import dataclass

from gitsync.config.options import JobConfig, RepoConfig
from gitsync.daemon.checks import conflicting_tools, jobs, machine, machines, remotes, repository, storage
from gitsync.daemon.checks.model import Case, Finding, problem, warning
from gitsync.errors import GitsyncError
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error

logger = logging.getLogger(__name__)

# More at once would only slow down a slow network or a small machine.
WORKERS = 6
PATIENCE_S = 40.0
WAITED_TOO_LONG = "it took too long: an unreachable network drive, or a very busy machine?"

OfMachine = Callable[[Case], list[Finding]]
OfJob = Callable[[Case, JobConfig], list[Finding]]
OfRepository = Callable[[Case, RepoConfig], list[Finding]]


@dataclass(frozen=True, slots=True)
class Row:
    """One check: a stable id, and its function; that `of_exchange` is called for each remote of a repository."""

    id: str
    of_machine: OfMachine | None = None
    of_repository: OfRepository | None = None
    of_job: OfJob | None = None
    of_exchange: OfRepository | None = None


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
    Row("remote", of_exchange=remotes.answers),
    Row("host-key", of_exchange=remotes.known_host),
    Row("clock", of_exchange=remotes.clocks),
    Row("machines", None, machines.waiting),
    Row("signing", None, repository.signing),
    Row("filters", None, repository.filters),
    Row("hooks", None, repository.hooks),
    Row("file-system", None, storage.file_system),
    Row("other-tool", None, conflicting_tools.other_tools),
    Row("job", of_job=jobs.state),
    Row("job-server", of_job=jobs.server),
)


def examine(case: Case, *, patience_s: float = PATIENCE_S, rows: tuple[Row, ...] = CHECKS) -> list[tuple[str, Finding]]:
    """Return the findings of every check, in the order of the table, each with the id of its check."""
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="doctor")
    try:
        begun = [(row.id, subject, future) for row in rows for subject, future in _begin(pool, row, case)]
        futures_wait([future for _, _, future in begun], timeout=patience_s)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [(id, finding) for id, subject, future in begun for finding in _found(id, subject, future)]


def _begin(pool: ThreadPoolExecutor, row: Row, case: Case) -> list[tuple[str, Future[list[Finding]]]]:
    if row.of_machine is not None:
        return [("", pool.submit(row.of_machine, case))]
    if row.of_job is not None:
        return [(job.name, pool.submit(row.of_job, case, job)) for job in case.jobs]
    # Of a directory that does not exist one check says all there is to say.
    repos = [repo for repo in case.repos if row.of_repository is repository.state or repo.path.is_dir()]
    if row.of_exchange is not None:
        exchanges = [(repo.name, each) for repo in repos for each in repo.exchanges or (repo,)]
        return [(name, pool.submit(row.of_exchange, case, each)) for name, each in exchanges]
    assert row.of_repository is not None
    return [(repo.name, pool.submit(row.of_repository, case, repo)) for repo in repos]


def _found(id: str, subject: str, future: Future[list[Finding]]) -> list[Finding]:
    if not future.done() or future.cancelled():
        return [warning("the check did not finish in time", WAITED_TOO_LONG, subject)]
    error = future.exception()
    if error is None:
        return [Finding(each.state, each.message, each.fix, each.subject or subject) for each in future.result()]
    if isinstance(error, GitsyncError):
        return [problem(error.message, error.hint or "see the other checks", subject)]
    if isinstance(error, UNEXPECTED_ERRORS) and isinstance(error, Exception):
        told = as_error(subject or "gitsync", error)
        return [warning(f"the check could not run: {told.message}", told.hint or "see the log", subject)]
    logger.error("a bug in gitsync, in the check %s", id, exc_info=error)
    return [warning("the check failed", "a bug in gitsync: see the log", subject)]
