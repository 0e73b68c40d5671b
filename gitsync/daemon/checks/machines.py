"""Checks whether commits wait on another machine, or for it, although it is in use.

Runs on the pool threads of `table`.
"""

from __future__ import annotations

from gitsync.config.options import RepoConfig
from gitsync.core.machines import WAITS_LONG_S, Report, reported
from gitsync.daemon.checks.model import Case, Finding, ok, warning
from gitsync.daemon.checks.remotes import choice_of
from gitsync.git import program
from gitsync.git.history.distance import present
from gitsync.git.objects.refs import commit_in
from gitsync.text import ago, clean, counted, span


def waiting(case: Case, repo: RepoConfig) -> list[Finding]:
    """Report each machine with which something seems to be wrong, and what that may be."""
    reports = case.reports(repo.name)
    choice = choice_of(repo)
    sent = None if choice is None else commit_in(repo.path, choice.tracking)
    branch = case.status(repo.name).branch
    found = [
        _finding(report, what, branch, case.wall) for report in reports if (what := _what(case, repo, report, sent))
    ]
    return found or [ok(_fine(reports))]


def _fine(reports: tuple[Report, ...]) -> str:
    return f"nothing waits for the {counted(len(reports), 'other machine')}" if reports else "no other machine is known"


def _what(case: Case, repo: RepoConfig, report: Report, sent: str | None) -> str:
    """Return what has waited for long on a machine, or for it; "" for nothing."""
    if report.unsent and case.wall - report.seen > WAITS_LONG_S:
        return f"has not sent {counted(report.unsent, 'commit')}"
    if sent is None or not present(repo.path, [report.at]):
        return ""
    done = program.run("log", "--format=%ct", f"{report.at}..{sent}", "--", root=repo.path)
    times = [int(line) for line in done.stdout.split()] if done.ok else []
    if not times or case.wall - min(times) <= WAITS_LONG_S or report.seen <= min(times) + WAITS_LONG_S / 10:
        return ""  # it was not seen since, and may be switched off
    return f"lacks {counted(len(times), 'commit')}, the oldest sent {span(case.wall - min(times))} ago"


def _finding(report: Report, what: str, branch: str, wall: float) -> Finding:
    name = clean(report.name) or report.id[:4]
    seen = f"the machine {name}, seen {ago(wall - report.seen)}, {what}"
    if report.needs_user:
        return warning(f"{seen}: it waits for you there", f"on {name}: gitsyncctl status")
    if branch and report.branch and report.branch != reported(branch):
        said = f"{seen}: the branch {clean(report.branch)} is checked out there, and {clean(branch)} here"
        return warning(said, f"on {name}: git switch {clean(branch)}")
    return warning(f"{seen}: gitsync may be stopped or paused there", f"on {name}: gitsyncctl doctor")
