"""The handler of `machines`, and the same facts for `status`: which machine has what, and what is only here.

Runs on connection threads, or in the control command while no daemon runs. Owns nothing: reports are read from the
board, and commits are counted in the repository. To forget a machine is to remove its ref from the remote.
"""

from __future__ import annotations

import logging

from gitsync import places
from gitsync.clock import iso
from gitsync.config.options import RepoConfig
from gitsync.core.machines import REFS, Report
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json
from gitsync.engine.exchange.machines import own_name, work_tree_id
from gitsync.engine.exchange.report_memory import ReportMemory
from gitsync.engine.messages import MachineForgotten
from gitsync.engine.offline_status import show
from gitsync.errors import GitsyncError, OperationError, UsageError
from gitsync.git.history.distance import OnlyHere
from gitsync.git.objects.refs import commit_in
from gitsync.git.remote import report_refs
from gitsync.git.remote.destination import exchanged
from gitsync.git.remote.results import RemoteChoice
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import RepoStatus
from gitsync.text import as_word, clean, did_you_mean

logger = logging.getLogger(__name__)

FORGET = "forget"
FORGET_S = 30.0


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the handlers by method."""
    return {"machines": lambda params: _machines(context, params)}


def machine_facts(context: HandlerContext, repo: RepoConfig) -> Json:
    """Return the part of `status` about a repository's machines; only what waits to be sent is counted as only here."""
    waits = context.runtime.board.local(repo.name).ahead > 0
    try:
        return {"machines": machines_of(context, repo), "only_here": only_here(context, repo) if waits else None}
    except UNEXPECTED_ERRORS as trouble:  # the committer and the exchanger meet the same error, and report it
        logger.debug("%s: nothing is known of machines: %s", repo.name, as_error(repo.name, trouble).message)
        return {"machines": [], "only_here": None}


def machines_of(context: HandlerContext, repo: RepoConfig) -> list[Json]:
    """Return the machines of a repository as `status` shows them, this one first."""
    board, own = context.runtime.board, _own_id(repo)
    status, head = board.status(repo.name), board.local(repo.name).head
    this = {
        "id": own,
        "name": clean(own_name(repo)),
        "this": True,
        "seen": iso(context.clock.wall()),
        "commit": head,
        "missing": 0,
        "ahead": 0,
        "needs_user": status.needs_person,
    }
    return [this, *(_other(context, repo, report, head) for report in others_of(context, repo))]


def others_of(context: HandlerContext, repo: RepoConfig) -> list[Report]:
    """Return the reports of the other machines of a repository."""
    own = _own_id(repo)
    return [report for report in context.runtime.board.reports(repo.name) if report.id != own]


def only_here(context: HandlerContext, repo: RepoConfig) -> Json | None:
    """Return how many commits of the branch no remote and no other machine is known to have, and since when."""
    local = context.runtime.board.local(repo.name)
    if local.head is None:
        return None
    elsewhere = [commit for report in others_of(context, repo) for commit in (report.head, report.commit) if commit]
    for each in repo.exchanges:
        elsewhere += _sent(each, local.branch)
    found: OnlyHere | None = context.distances.only_here(repo.path, local.head, elsewhere)
    return None if found is None else {"commits": found.commits, "since": iso(found.since)}


def _sent(exchange: RepoConfig, branch: str) -> list[str]:
    """Return the commits that the remote of an exchange is known to have."""
    try:
        found = exchanged(exchange.path, exchange.remote, branch) if branch else None
    except OperationError:
        return []  # `status` reports the error
    choices = [choice for choice in found or () if isinstance(choice, RemoteChoice)]
    return [commit for choice in choices if (commit := commit_in(exchange.path, choice.tracking)) is not None]


def _own_id(repo: RepoConfig) -> str:
    try:
        return work_tree_id(places.state_dir(), repo.path)
    except (GitsyncError, OSError):
        return ""  # nothing can be stored now, and nothing has been reported


def _other(context: HandlerContext, repo: RepoConfig, report: Report, head: str | None) -> Json:
    ahead = context.runtime.board.local(repo.name).ahead
    # Of a commit that is not here it is only known that there is at least one.
    missing, more = max(1, ahead), max(1, report.unsent)
    if head is not None:
        counted = context.distances.between(repo.path, head, report.at)
        if counted is None and (common := context.distances.between(repo.path, head, report.commit)) is not None:
            counted = (common[0], common[1] + report.unsent)
        missing, more = counted or (missing, more)
    return {
        "id": report.id,
        "name": clean(report.name),
        "this": False,
        "seen": iso(report.seen),
        "commit": report.at,
        "missing": missing,
        "ahead": more,
        "needs_user": report.needs_user,
    }


def _machines(context: HandlerContext, params: Json) -> Json:
    name, machine = params.get("name"), params.get("machine")
    if machine is not None and name != FORGET:
        raise UsageError(f"unexpected argument {machine!r}", "gitsyncctl machines forget MACHINE")
    if machine is not None:
        return _forget(context, machine)
    if name == FORGET and all(repo.name != FORGET for repo in context.config.repositories):
        raise UsageError("the machine is missing", "to see the names: gitsyncctl machines")
    repos = context.chosen([name] if name else [])
    _look(context, repos)
    return {"repos": [_facts(context, repo, is_named=bool(name)) for repo in repos]}


def _facts(context: HandlerContext, repo: RepoConfig, *, is_named: bool) -> Json:
    """Return the facts of a repository; with an `error` in them where it cannot be read, and others were asked for."""
    known = {"name": repo.name, **_state(context.runtime.board.status(repo.name))}
    try:
        there, only = machines_of(context, repo), only_here(context, repo)
        return {**known, "machines": there, "only_here": only, "presence": _presence(context, repo)}
    except UNEXPECTED_ERRORS as trouble:
        error = as_error(repo.name, trouble)
        if is_named:
            raise error from trouble
        told = {"code": error.code, "message": error.message, "hint": error.advice}
        return {**known, "machines": [], "only_here": None, "presence": "", "error": told}


def _state(status: RepoStatus) -> Json:
    """Return what tells whether this machine's own work is in its commits, and sent."""
    return {"branch": status.branch, "state": str(status.state), "pending": status.pending, "ahead": status.ahead}


def _look(context: HandlerContext, repos: list[RepoConfig]) -> None:
    """Write to the board what a daemon would know."""
    if not context.is_daemon:
        for repo in repos:
            show(context.runtime.board, repo, context.runtime.repo_state_dir(repo))


def _presence(context: HandlerContext, repo: RepoConfig) -> str:
    """Return why this machine does not report itself; "" where it does."""
    if repo.presence == "off" or repo.mode == "commit":
        return "off"
    places_ = [
        exchanged(each.path, each.remote, context.runtime.board.local(repo.name).branch) for each in repo.exchanges
    ]
    if not any(places_):
        return "local"
    reasons = [context.runtime.board.exchange(repo.name, each.via).presence for each in repo.exchanges]
    return "" if "" in reasons else reasons[0]


def _forget(context: HandlerContext, word: str) -> Json:
    """Remove a machine from every remote that it has reported to."""
    repos = list(context.config.repositories)
    _look(context, repos)
    known = [(repo, report) for repo in repos for report in context.runtime.board.reports(repo.name)]
    found = [(repo, report) for repo, report in known if _is_called(report, word)]
    if not found:
        names = sorted({clean(report.name) or report.id[:8] for repo, report in known if report.id != _own_id(repo)})
        there = f"the others are: {', '.join(names)}" if names else "no other machine is known"
        raise UsageError(f"there is no machine {clean(word)!r}", did_you_mean(word, names, there))
    for repo in repos:
        of_repo = [report for each, report in found if each is repo]
        if len(of_repo) > 1:
            ids = ", ".join(report.id for report in of_repo)
            raise UsageError(
                f"{repo.name}: {len(of_repo)} machines are called {clean(word)}", f"give the id of one: {ids}"
            )
        if any(report.id == _own_id(repo) for report in of_repo):
            raise UsageError(
                f"{clean(word)} is this machine",
                f"to report it no more: gitsyncctl config set {as_word(f'repo.{repo.name}.presence')} off",
            )
    for repo, report in found:
        _remove(context, repo, report)
    return {
        "forgotten": [{"repo": repo.name, "machine": clean(report.name), "id": report.id} for repo, report in found]
    }


def _is_called(report: Report, word: str) -> bool:
    return word.casefold() in (report.name.casefold(), clean(report.name).casefold(), report.id)


def _remove(context: HandlerContext, repo: RepoConfig, report: Report) -> None:
    branch = context.runtime.board.local(repo.name).branch
    for each in repo.exchanges:
        memory = ReportMemory.of(context.runtime.repo_state_dir(repo), each.via)
        found = exchanged(each.path, each.remote, branch)
        if found is None or not memory.own(report.id):
            continue
        remote = found[0].remote
        there = report_refs.listed(repo.path, remote, f"{REFS}{report.id},*", timeout_s=FORGET_S)
        if there:
            lines = report_refs.replaced(repo.path, remote, {}, there, timeout_s=FORGET_S)
            refused = [line.reason for line in lines.values() if line.flag == "!"]
            if refused:
                raise OperationError(
                    f"{repo.name}: {clean(remote)} does not let {clean(report.name)} be removed: {clean(refused[0])}",
                    "to see what is there: gitsyncctl machines",
                )
        if not context.is_daemon:
            memory.forget(report.id)
    for exchanger in context.runtime.exchangers.of(repo.name):
        exchanger.post(MachineForgotten(repo.name, report.id))
