"""Handlers of jobs with a server: pull, push, set-conf, delete-branch.

Run on connection threads, or in the control command while no daemon runs. A run continues after failures: the errors of
jobs or lines of a file are in the reply, next to the successes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gitsync.backends.base import Item, Level, Report
from gitsync.backends.git.setup import set_identity, set_remote
from gitsync.config.legacy.sync_conf import ENV_VARIABLE, read_conf
from gitsync.config.options import Config, JobConfig
from gitsync.core.questions import chosen
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json
from gitsync.engine.exchange.halt_reasons import STATES
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.model import RepoState
from gitsync.redaction import redact
from gitsync.text import as_word

PATIENCE_S = 6 * 3600.0


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the handlers by method."""
    jobs = NamedJobs(context)
    return {
        "pull": lambda params: jobs.exchange("pull", params),
        "push": lambda params: jobs.exchange("push", params),
        "set-conf": jobs.set_conf,
        "delete-branch": jobs.delete_branch,
    }


class NamedJobs:
    """The configured jobs, and those of a given file."""

    def __init__(self, context: HandlerContext) -> None:
        self._context = context

    def exchange(self, direction: str, params: Json) -> Json:
        """Run repositories and jobs in a direction, or the jobs of the given file."""
        runtime = self._context.runtime
        if params.get("conf"):
            jobs, faults = of_file(params)
            return {"direction": direction, "repos": [], "jobs": self._run(jobs, direction, params), "faults": faults}
        targets = self._context.targets(params.get("names", []))
        names = [repo.name for repo in targets.repos]
        if names:
            runtime.sync(names, patience_s=PATIENCE_S, direction=direction)
        return {
            "direction": direction,
            "repos": [runtime.board.status(name).to_json() for name in names],
            "jobs": self._run(targets.jobs, direction, params),
            **unread(self._context.config, params),
        }

    def _run(self, jobs: list[JobConfig], direction: str, params: Json) -> list[Json]:
        is_accepted = bool(params.get("accept"))
        reports = self._context.runtime.jobs.run(jobs, direction, PATIENCE_S, is_accepted=is_accepted)
        found = [shown(job, direction, report) for job, report in zip(jobs, reports, strict=True)]
        for job in found:
            error = job["error"]
            # `resume` is for the daemon's own jobs.
            if params.get("conf") and error is not None and "--accept" in error["hint"]:
                verb = "sync" if direction == "both" else direction
                error["hint"] = f"to accept it: gitsyncctl {verb} -f {params['conf']} {job['name']} --accept"
            for item in job["items"] if params.get("conf") else ():
                if "--answer" in item["hint"]:
                    first = f"gitsyncctl import --sync-conf {as_word(str(Path(params['conf']).parent))}"
                    item["hint"] = f"{first} makes it a configured job; then: {item['hint']}"
        return found

    def answer(self, names: list[str], ids: list[str], word: str) -> list[Json]:
        """Give the answer `word` to the questions of jobs, those of `ids` or the only one, and run the jobs.

        Return the reports; none when no selected job has a question. Raise UsageError when it is unclear which question
        is meant.
        """
        runtime = self._context.runtime
        if not self._context.is_daemon:
            runtime.jobs.look(self._context.config.jobs)
        asked = {status.name: status.questions for status in runtime.board.jobs()}
        given: list[tuple[JobConfig, dict[str, str]]] = []
        for job in self._context.targets(names).jobs:
            questions = asked.get(job.name, ())
            own = [each for each in ids if any(question.id == each for question in questions)]
            if questions if not ids else own:
                given.append((job, {each.id: word for each in chosen(job.name, questions, word, own)}))
        return [
            shown(job, job.mode, runtime.jobs.run([job], job.mode, PATIENCE_S, answers=answers)[0])
            for job, answers in given
        ]

    def set_conf(self, params: Json) -> Json:
        """Set remotes and identities; an error of one is reported in its item."""
        if params.get("conf"):
            jobs, faults = of_file(params)
        else:
            jobs, faults = self._context.targets(params.get("names", []), is_for_jobs=True).jobs, []
        done: list[Json] = []
        for job in jobs:
            if job.backend != "git":
                continue
            items: tuple[Item, ...] = ()
            try:
                items = (*set_remote(job), *set_identity(job))
            except GitsyncError as error:
                items = (Item("", error.code, error.message, error.hint, Level.ATTENTION),)
            done.append(shown(job, "", Report(items)))
        return {"jobs": done, "faults": faults}

    def delete_branch(self, params: Json) -> Json:
        """Delete a branch of a git job."""
        names = [params["name"]]
        if params.get("conf"):
            jobs, _ = of_file({**params, "names": names})
        else:
            jobs = self._context.targets(names, is_for_jobs=True).jobs
        found = [job for job in jobs if job.backend == "git"]
        if not found:
            raise UsageError(f"{params['name']} is not a git job", "to list the jobs: gitsyncctl list")
        item = self._context.runtime.jobs.delete_branch(found[0], params["branch"])
        return {"job": found[0].name, **item.to_json()}


def unread(config: Config, params: Json) -> Json:
    """Return the parts of Sync Manager's files that do not run, for a reply about everything."""
    is_all = not params.get("names")
    return {
        "faults": list(config.conf_faults) if is_all else [],
        "left_out": list(config.conf_left_out) if is_all else [],
    }


def of_file(params: Json) -> tuple[list[JobConfig], list[str]]:
    """Return the selected jobs of a Sync Manager file, and the faults of its other lines."""
    conf = read_conf(Path(params["conf"]))
    if not conf.is_meant_here:
        wanted = ", ".join(conf.environments)
        raise OperationError(
            f"{conf.source} is for the environments {wanted}, and ${ENV_VARIABLE} is none of them",
            f"{ENV_VARIABLE}={conf.environments[0]} gitsyncctl …",
            code="other-environment",
        )
    wanted_names = params.get("names", [])
    known = {job.name: job for job in conf.jobs} | {str(job.path): job for job in conf.jobs}
    unknown = [name for name in wanted_names if name not in known]
    if unknown:
        raise UsageError(f"{conf.source} has no job {unknown[0]!r}", f"the jobs are: {', '.join(sorted(known))}")
    chosen = [known[name] for name in wanted_names] if wanted_names else list(conf.jobs)
    return chosen, list(conf.faults)


def shown(job: JobConfig, direction: str, report: Report) -> dict[str, Any]:
    """Return the report of a job's run in the form that is shown."""
    state = RepoState.OK
    if report.problem is not None:
        state = RepoState.HALTED if report.is_halting else STATES.get(report.problem.code, RepoState.ERROR)
    elif report.needs_person:
        state = RepoState.CONFLICT if report.conflicts else RepoState.ERROR
    elif any(item.code == "busy" for item in report.items):
        state = RepoState.BUSY
    return {
        "name": job.name,
        "backend": job.backend,
        "path": str(job.path),
        "url": redact(job.url),
        "direction": direction,
        "state": str(state),
        "items": [item.to_json() for item in report.items],
        "conflicts": list(report.conflicts),
        "questions": [question.to_json() for question in report.questions],
        "error": report.problem.to_json() if report.problem else None,
    }
