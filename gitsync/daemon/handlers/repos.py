"""Handlers of watched repositories, the daemon and its configuration.

Run on connection threads (and in the control command while no daemon runs). Own nothing: they read frozen snapshots,
ask the owning threads with deadlines, and edit the configuration through `gitsync.config.document`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from gitsync.clock import iso, parse_iso
from gitsync.config import document
from gitsync.config.load import load
from gitsync.config.options import MIRROR_NAME, JobConfig, RepoConfig
from gitsync.core.questions import ACCEPT, TAKE, chosen, is_id
from gitsync.daemon.first_commit import commit_alone
from gitsync.daemon.handlers import init_repository
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json, Targets, real
from gitsync.daemon.handlers.home import home_list, home_status
from gitsync.daemon.handlers.jobs import NamedJobs, shown, unread
from gitsync.daemon.handlers.machines import machine_facts
from gitsync.daemon.handlers.trials import would_sync, would_watch
from gitsync.daemon.sync import SYNC_PATIENCE_S
from gitsync.engine.messages import CommitNow, Pause, Refresh, Resume, TakeAnswer
from gitsync.engine.offline_status import show
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git.history.log import History
from gitsync.git.remote.upstream import remote_for
from gitsync.git.repository import open_repository
from gitsync.model import Question
from gitsync.redaction import redact
from gitsync.version import VERSION

REFRESH_S = 0.05
ASK_S = 10.0
FIRST_COMMIT_S = 50.0
# What a person looks for only in detail.
DETAILS = ("state", "progress")


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the handlers by method."""
    repos = _Repos(context)
    return {
        "status": repos.status,
        "list": repos.list_all,
        "watch": repos.watch,
        "unwatch": repos.unwatch,
        "sync": repos.sync,
        "pause": repos.pause,
        "resume": repos.resume,
        "events": repos.events,
        "reload": lambda _: context.reload(),
        "stop": repos.stop_now,
    }


def _listed_job(job: JobConfig) -> Json:
    told = {"name": job.name, "path": str(job.path), "backend": job.backend}
    return {**told, "url": redact(job.url), "mode": job.mode}


class _Repos:
    def __init__(self, context: HandlerContext) -> None:
        self._context = context

    # -- looking ------------------------------------------------------------------------------------------------------

    def status(self, params: Json) -> Json:
        targets = self._context.targets(params.get("names", []))
        repos = [repo for repo in targets.repos if repo.name != MIRROR_NAME]
        is_home_asked = len(repos) < len(targets.repos)
        asked = {job.name for job in targets.jobs}
        if self._context.is_daemon:
            # The user may just have committed by hand; while the committer is busy, the snapshot has to suffice.
            with contextlib.suppress(OperationError):
                self._context.runtime.committer.ask(Refresh(), REFRESH_S)
        else:
            self._look(repos)
            self._context.runtime.jobs.look(self._context.config.jobs)
        context, refused = self._context, self._context.runtime.board.refused_reload
        up = round(context.clock.now() - context.started_at, 1)
        daemon: Json = {"pid": os.getpid(), "uptime_s": up, "managed": context.is_managed}
        daemon["agent"] = os.environ.get("SSH_AUTH_SOCK")
        return {
            "version": VERSION,
            "daemon": daemon if self._context.is_daemon else None,
            # The control command fills it in where the installed service is not what answers.
            "service": None,
            "refused_reload": None if refused is None else refused.to_json(),
            "deferred": list(self._context.runtime.deferred),
            "repos": [
                {**self._context.runtime.board.status(repo.name).to_json(), **machine_facts(self._context, repo)}
                for repo in repos
            ],
            "home": home_status(self._context) if is_home_asked else None,
            "jobs": [job.to_json() for job in self._context.runtime.board.jobs() if job.name in asked],
            "left_out": unread(self._context.config, params)["left_out"],
        }

    def list_all(self, params: Json) -> Json:
        if not self._context.is_daemon:
            self._look(self._context.config.repos)
        return {
            "home": home_list(self._context),
            "repos": [self._listed(repo) for repo in self._context.config.repos],
            "jobs": [_listed_job(job) for job in self._context.config.jobs],
            "left_out": list(self._context.config.conf_left_out),
        }

    def _listed(self, repo: RepoConfig) -> Json:
        branch = self._context.runtime.board.local(repo.name).branch
        try:
            choice = remote_for(repo.path, repo.remote, branch) if branch and not repo.remotes else None
        except OperationError:
            choice = None  # `status` reports the error
        remote = choice.remote if choice is not None else ", ".join(repo.remotes) or repo.remote or ""
        return {"name": repo.name, "path": str(repo.path), "remote": redact(remote), "branch": branch}

    def events(self, params: Json) -> Json:
        names = _names(self._context.targets(params["names"])) if params.get("names") else []
        since = _instant(self._context, params["since"]) if params.get("since") else None
        found = [
            event
            for event in self._context.runtime.board.events()
            if (params.get("verbose") or event["event"] not in DETAILS)
            and (not names or event["repo"] in names)
            and (since is None or parse_iso(event["time"]) >= since)
        ]
        return {"events": found[-params["count"] :] if params.get("count") else found, "names": names}

    def _look(self, repos: Iterable[RepoConfig]) -> None:
        """Write the state that a daemon would know to the status board."""
        for repo in repos:
            show(self._context.runtime.board, repo, self._context.runtime.repo_state_dir(repo))

    # -- doing --------------------------------------------------------------------------------------------------------

    def sync(self, params: Json) -> Json:
        if params.get("dry_run"):
            if not self._context.is_daemon:
                self._look(self._context.config.repos)
            return would_sync(self._context, params)
        if params.get("conf"):
            return NamedJobs(self._context).exchange("both", params)
        if params.get("accept"):
            raise UsageError("here, --accept needs -f FILE", "for configured jobs: gitsyncctl resume NAME --accept")
        runtime = self._context.runtime
        targets = self._context.targets(params.get("names", []))
        names = [repo.name for repo in targets.repos]
        jobs = targets.jobs
        if params.get("wait") or not self._context.is_daemon:
            runtime.sync(names, patience_s=SYNC_PATIENCE_S)
            reports = runtime.jobs.run(jobs, "both", SYNC_PATIENCE_S)
            told = [shown(job, "both", report) for job, report in zip(jobs, reports, strict=True)]
        else:
            runtime.begin_sync(names)
            runtime.jobs.begin(jobs, "both")
            asked = {job.name for job in jobs}
            told = [status.to_json() for status in runtime.board.jobs() if status.name in asked]
        states = [runtime.board.status(name).to_json() for name in names]
        return {"repos": states, "jobs": told, **unread(self._context.config, params)}

    def pause(self, params: Json) -> Json:
        names, jobs = self._held(params)
        span = params.get("for")
        until = None if span is None else self._context.clock.now() + span
        for name in names:
            self._context.runtime.committer.ask(Pause(name, until), ASK_S)
        for job in jobs:
            self._context.runtime.jobs.tell(job, Pause(job, until))
        end = None if span is None else iso(self._context.clock.wall() + span)
        for name in (*names, *jobs):
            self._context.runtime.board.publish("paused", name, f"paused {name}" + (f" until {end}" if end else ""))
        return {"paused": [*names, *jobs], "job_names": jobs, "until": end}

    def resume(self, params: Json) -> Json:
        word = params.get("answer") or (ACCEPT if params.get("accept") else "")
        ids = [each for each in params.get("names", []) if is_id(each)]
        params = {**params, "names": [each for each in params.get("names", []) if not is_id(each)]}
        if ids and not word:
            raise UsageError(f"the answer to {ids[0]} is missing", "gitsyncctl resume NAME --answer WORD ID")
        reports = (
            NamedJobs(self._context).answer(params["names"], ids, word) if word and (ids or params["names"]) else []
        )
        if ids or params.get("answer"):
            of_repos = self._of_repos(params, ids, word)
            if of_repos:
                for answer in of_repos:
                    self._tell(answer, word)
                if not self._context.is_daemon:
                    self._context.runtime.sync([answer.repo for answer in of_repos], patience_s=SYNC_PATIENCE_S)
                names = [*(answer.repo for answer in of_repos), *(report["name"] for report in reports)]
                return {"resumed": names, "job_names": [report["name"] for report in reports], "jobs": reports}
            if not (reports or ids or self._context.is_daemon) and word in (ACCEPT, TAKE) and params["names"]:
                return self._accept_alone(params, self._held(params)[0], set(), word)
            if not reports:
                raise UsageError(
                    f"there is no open question {ids[0]}" if ids else f"no open question has the answer {word!r}",
                    "to see the open questions: gitsyncctl status",
                )
            answered_names = [report["name"] for report in reports]
            return {"resumed": answered_names, "job_names": answered_names, "jobs": reports}
        answered = {report["name"] for report in reports}
        names, jobs = self._held(params)
        jobs = [job for job in jobs if job not in answered]
        if not self._context.is_daemon:
            return {**self._accept_alone(params, names, answered), "jobs": reports}
        for answer in [self._answer_of(name, word, [], is_bare=True) for name in names]:
            self._tell(answer, word)
        for job in jobs:
            self._context.runtime.jobs.tell(job, Resume(job, word == ACCEPT))
        for name in (*names, *jobs):
            self._context.runtime.board.publish("resumed", name, f"resumed {name}")
        return {"resumed": [*names, *jobs, *answered], "job_names": [*jobs, *answered], "jobs": reports}

    def _accept_alone(self, params: Json, names: list[str], answered: set[str], word: str = "") -> Json:
        """Check a halted repository again, answer what it asks by `word`, by yes for "", and continue: a brake lasts as
        long as its process.
        """
        is_bare, word = not word, word or ACCEPT
        if not params.get("names"):
            raise UsageError("give the name: no question was asked yet", "gitsyncctl resume NAME --accept")
        runtime = self._context.runtime
        jobs = [job for job in self._context.targets(params["names"]).jobs if job.name not in answered]
        runtime.sync(names, patience_s=SYNC_PATIENCE_S)
        for name in names:
            self._tell(self._answer_of(name, word, [], is_bare=is_bare), word)
        runtime.sync(names, patience_s=SYNC_PATIENCE_S)
        if is_bare:
            runtime.jobs.run(jobs, "both", SYNC_PATIENCE_S, is_accepted=True)
        repos = [runtime.board.status(name).to_json() for name in names]
        job_names = [*(job.name for job in jobs), *answered]
        return {"resumed": [*names, *job_names], "job_names": job_names, "repos": repos}

    def _of_repos(self, params: Json, ids: list[str], word: str) -> list[Resume]:
        """Return the answers to those of these questions that repositories ask; without ids to those of the names."""
        board = self._context.runtime.board
        if not self._context.is_daemon:
            home_status(self._context)
        if not ids:
            asked = [name for name in self._held(params)[0] if _takes(board.status(name).questions, word)]
            return [self._answer_of(name, word, []) for name in asked]
        questions = {name: {one.id for one in board.status(name).questions} for name in board.names()}
        own = {name: [each for each in ids if each in questions[name]] for name in questions}
        return [self._answer_of(name, word, mine) for name, mine in own.items() if mine]

    def _answer_of(self, name: str, word: str, ids: list[str], *, is_bare: bool = False) -> Resume:
        """Return what resumes a repository, bound to what is asked of it now. Raise UsageError: several are asked."""
        questions = self._context.runtime.board.status(name).questions
        if not word or not questions:
            return Resume(name, word == ACCEPT)
        asked = tuple(each.id for each in chosen(name, questions, word, ids, is_bare=is_bare))
        return Resume(name, word in (ACCEPT, TAKE), asked, word == TAKE)

    def _tell(self, answer: Resume, word: str) -> None:
        """Give a repository the answer to what is asked of it; what comes into home is asked by home itself."""
        committer = self._context.runtime.committer
        if answer.repo == MIRROR_NAME and answer.ids and committer.ask(TakeAnswer(word, answer.ids), ASK_S):
            committer.ask(CommitNow(MIRROR_NAME, is_scanning=False), SYNC_PATIENCE_S)
        else:
            committer.ask(answer, ASK_S)

    def _held(self, params: Json) -> tuple[list[str], list[str]]:
        """Return the names of the selected repositories and jobs."""
        targets = self._context.targets(params.get("names", []))
        jobs = [job.name for job in targets.jobs if job.name in self._context.runtime.jobs]
        return [repo.name for repo in targets.repos], jobs

    def stop_now(self, params: Json) -> Json:
        self._context.stop()
        return {"pid": os.getpid()}

    # -- the configuration --------------------------------------------------------------------------------------------

    def watch(self, params: Json) -> Json:
        if params.get("dry_run"):
            return would_watch(self._context, params)
        root = Path(params["path"])
        before = {repo.path for repo in self._context.config.repos}
        try:
            with init_repository.work_tree(root, params.get("remote"), is_wanted=bool(params.get("init"))) as was_made:
                # What cannot be watched is refused now, and not by the daemon later.
                open_repository(str(real(root))).free()
                name = document.add_repo(self._context.config_file, root, name=params.get("name"), remote=None)
        except (OSError, ValueError) as error:
            what = getattr(error, "strerror", None) or str(error)
            raise OperationError(f"cannot use {root}: {what}", "check the path and its permissions") from error
        if self._context.is_daemon:
            self._context.reload()
        problem = self._commit_first(name) if was_made else None
        already = real(root) in before
        return {"name": name, "path": str(root), "created": was_made, "already": already, "problem": problem}

    def _commit_first(self, name: str) -> Json | None:
        """Commit what a new repository holds before anybody edits it; return what prevented that."""
        try:
            if self._context.is_daemon:
                self._context.runtime.committer.ask(CommitNow(name), FIRST_COMMIT_S)
            else:
                config = load(self._context.config_option)
                commit_alone(next(repo for repo in config.repos if repo.name == name))
        except GitsyncError as error:
            # It is watched all the same, and committed as soon as that is possible.
            return {"code": error.code, "message": error.message, "hint": error.hint}
        return None

    def unwatch(self, params: Json) -> Json:
        before = self._context.config.repos
        removed = document.remove_repo(self._context.config_file, params["name"])
        if self._context.is_daemon:
            self._context.reload()
        for repo in before:
            if real(repo.path) == real(removed.root):
                self._context.runtime.forget(repo)
        return {"name": removed.name, "path": str(removed.root)}


def _names(targets: Targets) -> list[str]:
    return [*(repo.name for repo in targets.repos), *(job.name for job in targets.jobs)]


def _takes(questions: Iterable[Question], word: str) -> bool:
    return any(word in question.answers for question in questions)


def _instant(context: HandlerContext, when: str) -> float:
    """Return the instant of a date; git reads it, in a repository."""
    repos = context.config.repositories
    if not repos:
        raise UsageError("--since needs a watched repository, whose git reads the date", "leave it out")
    return History(repos[0].path).instant(when)
