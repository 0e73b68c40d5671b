"""Reports to a remote which commit this machine has, and reads there what others report.

Runs on the exchanger's thread. A report goes with a push where there is one. By itself it goes when this machine's
branch or its need for a person has changed, ever less often while that goes on, and once an hour otherwise. Others are
read along with a fetch, where no further connection is needed, else with the hourly report; after a push a few times
more over a connection that is open anyway, until those that were there lately have what was pushed. A report of another
machine is shown and decides nothing: nothing of theirs is fetched.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gitsync import digests
from gitsync.clock import Clock
from gitsync.config.options import RepoConfig
from gitsync.core.machines import REFS, Report
from gitsync.core.reconcile import may_push
from gitsync.engine.board import Board
from gitsync.engine.exchange import unseen
from gitsync.engine.exchange.remote_branch import Limits, RemoteBranch
from gitsync.engine.exchange.report_memory import ReportMemory
from gitsync.engine.machine_id import machine_id, renew
from gitsync.git import program
from gitsync.git.files import Signature, signature_of
from gitsync.git.history.distance import present
from gitsync.git.remote import local_remote, report_refs, upstream
from gitsync.git.remote.results import Companion, PushResult, RefLine
from gitsync.git.remote.shell import gives_shell
from gitsync.git.remote.transport import ALONE
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.mirror.host import host_name
from gitsync.text import clean
from gitsync.version import VERSION

logger = logging.getLogger(__name__)

EVERY_S = 3600.0
# The pause before the next report of a change (seconds): doubled each time, up to the longest.
PAUSE_S, LONGEST_PAUSE_S = 5.0, 900.0
# Whether a server gives a shell is asked again after this: soon where it did not answer. So is a failure tried again.
SHELL_S, NO_ANSWER_S = 30 * 86_400.0, 600.0
# How long after a push it is looked for others that have taken it in, and how lately they must have been seen.
AFTER_PUSH_S = (10.0, 30.0, 120.0, 600.0)
LATELY_S = 2 * EVERY_S
# Why nothing is reported: values of the board's `presence`, "" where it is.
OFF, NO_SHELL, REFUSED, ELSEWHERE = "off", "no-shell", "refused", "elsewhere"


class Machines:
    """The reports of one repository: this machine's own, and those of others."""

    def __init__(self, config: RepoConfig, clock: Clock, board: Board, repo_state_dir: Path) -> None:
        self._config = config
        self._clock = clock
        self._board = board
        self._state_dir = repo_state_dir.parents[1]
        self._memory = ReportMemory.of(repo_state_dir, config.via)
        self._head = ("", "")  # branch and commit, as the committer last said
        self._pause_s = PAUSE_S
        self._sent_at: float | None = None
        self._read_at: float | None = None
        self._free_at = 0.0  # after a failure
        self._pushed_at: float | None = None  # while others may still report that they have it
        self._files_read: _Files | None = None
        self._has_company = False
        self._shell = ("", False, 0.0)  # of which remote, whether, and until when that is believed
        self.due_at: float | None = None

    def setup(self) -> None:
        """Show what was read before this start."""
        self._show()

    def see_head(self, branch: str, head: str | None) -> None:
        """The committer says where the branch is."""
        self._head = (branch, head or "")

    def forget(self, id: str) -> None:
        """A person has removed a machine from the remote."""
        self._memory.forget(id)
        self._show()

    def tend(self, place: RemoteBranch | None, there: str | None, limits: Limits, *, has_news: bool = False) -> None:
        """Read and report what is due; `there` is the commit of the remote's branch. Never fails.

        With `has_news` an exchange just now brought commits, or was asked for.
        """
        self.due_at = self._clock.now() + EVERY_S
        if place is None or limits.is_cancelled() or self._board.exchange(self._config.name, self._config.via).deferred:
            return
        try:
            self._tend(place, there, limits, has_news=has_news)
        except UNEXPECTED_ERRORS as trouble:
            self._has_company = False
            self.due_at = self._free_at = self._clock.now() + NO_ANSWER_S
            error = as_error(self._config.name, trouble)
            logger.debug("%s: nothing is read or reported of machines: %s", self._config.name, error.message)
        if place.directory is None:
            self.due_at = min(self.due_at, self._next_look(there, limits))
        elif self._config.pull is not None:
            # To see whether a report there has changed costs two looks at a file, and no other process.
            self.due_at = min(self.due_at, self._clock.now() + max(1.0, self._config.pull))

    def accompany(self, place: RemoteBranch, head: str, push: Callable[[Companion], PushResult]) -> PushResult:
        """Return the result of a push of `head`, with a report where the remote is known to take it; raises as it."""
        company = self._company(place, head)
        self._has_company = False  # when this push fails, perhaps for its company, the next one goes alone
        sent = push(company)
        self._pushed_at = self._clock.now()
        report = self._memory.sending(self._clock.wall())
        if report is not None and any(ref.startswith(REFS) for ref in sent.lines):
            self._take(place, report, sent.lines)
        return sent

    def _company(self, place: RemoteBranch, head: str) -> Companion:
        if not self._has_company or not self._may_report(place) or report_refs.has_pre_push_hook(self._config.path):
            return ALONE
        report = self._described(head, self._board.local(self._config.name).branch)
        self._memory.begin(report)
        return report_refs.companion({report.ref: head}, self._memory.own(report.id), "--atomic")

    # -- whether and when ---------------------------------------------------------------------------------------------

    def _tend(self, place: RemoteBranch, there: str | None, limits: Limits, *, has_news: bool) -> None:
        why = self._why_not(place, limits)
        self._board.set_exchange(self._config.name, presence=why)
        if self._config.presence == OFF:
            self._withdraw(place, limits)
        if why not in ("", ELSEWHERE):
            return
        report = self._report(there) if self._may_report(place) else None
        is_due = report is not None and self._is_due(report)
        if is_due or self._is_read_due(place, limits, has_news=has_news):
            there = self._read(place, limits)
        # Only of what the remote has at this moment: a commit that was taken out of it must not come back by a report.
        report = self._report(there) if is_due else None
        if report is not None:
            self._send(place, report, limits)
        elif is_due:
            self.due_at = self._free_at = self._clock.now() + NO_ANSWER_S

    def _why_not(self, place: RemoteBranch, limits: Limits) -> str:
        config = self._config
        if config.presence == OFF or config.mode == "commit" or config.transport == "libgit2":
            return OFF
        self._memory.use(place.address)
        if self._memory.is_refused(self._clock.wall()):
            return REFUSED
        if config.presence == "auto" and not self._is_private(place, limits):
            return NO_SHELL
        return ELSEWHERE if place.is_sent_elsewhere else ""

    def _may_report(self, place: RemoteBranch) -> bool:
        return may_push(self._config.mode) and self._config.push is not None and not place.is_sent_elsewhere

    def _is_private(self, place: RemoteBranch, limits: Limits) -> bool:
        """Whether the remote is a path or a server with a shell: at others, everybody might see the reports."""
        root, remote, now = self._config.path, place.choice.remote, self._clock.now()
        if place.directory is not None or local_remote.path_of(upstream.url_of(root, remote)) is not None:
            return True
        if self._shell[0] != place.address or self._shell[2] <= now:
            found = gives_shell(root, remote, is_cancelled=limits.is_cancelled, line=limits.line.path)
            self._shell = (place.address, bool(found), now + (NO_ANSWER_S if found is None else SHELL_S))
        return self._shell[1]

    def _is_due(self, report: Report) -> bool:
        """Whether a report goes now; else note when."""
        wall, now = self._clock.wall(), self._clock.now()
        told = self._memory.told(wall)
        if now < self._free_at:
            self.due_at = self._free_at
            return False
        if told is None:
            return True
        if not report.says_as(told):
            self.due_at = now if self._sent_at is None else self._sent_at + self._pause_s
        else:
            self.due_at = now + max(0.0, EVERY_S - (wall - told.seen))
        return self.due_at <= now

    def _is_read_due(self, place: RemoteBranch, limits: Limits, *, has_news: bool) -> bool:
        if self._read_at is None or has_news or self._clock.now() - self._read_at >= EVERY_S:
            return True
        if place.directory is None:
            return bool(limits.line.path)
        return _files(place.directory) != self._files_read

    def _next_look(self, there: str | None, limits: Limits) -> float:
        """Return when to look for others that have what was pushed.

        It is infinity where that needs a connection of its own, and where nobody lacks it.
        """
        if self._pushed_at is None or not limits.line.path or not self._is_lagging(there):
            return math.inf
        now = self._clock.now()
        return next((at for at in (self._pushed_at + after for after in AFTER_PUSH_S) if at > now), math.inf)

    def _is_lagging(self, there: str | None) -> bool:
        own, since = self._own_id(), self._clock.wall() - LATELY_S
        others = (report for report in self._memory.reports() if report.id != own and report.seen >= since)
        return any(report.commit != there for report in others)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read(self, place: RemoteBranch, limits: Limits) -> str | None:
        """Read the reports; return the commit of the remote's branch, None for none."""
        branch = f"refs/heads/{place.choice.branch}"
        self._files_read = None if place.directory is None else _files(place.directory)
        found = report_refs.listed(
            self._config.path,
            place.choice.remote,
            f"{REFS}*",
            branch,
            timeout_s=limits.timeout_s,
            is_cancelled=limits.is_cancelled,
            line=limits.line.path,
        )
        self._read_at, wall, own = self._clock.now(), self._clock.wall(), self._own_id()
        there = found.pop(branch, None)
        self._memory.take_listing(found, wall, own)
        self._see_twin(own, wall)
        self._show()
        others = [report for report in self._memory.reports() if report.id != own]
        unseen.see(self._config, self._board, self._memory, others, wall)
        return there

    def _see_twin(self, own: str, wall: float) -> None:
        """Take another id where a machine that is a copy of this one reports under the same."""
        told, sending = self._memory.told(wall), self._memory.sending(wall)
        known = {report.ref for report in (told, sending) if report is not None}
        if told is not None and told.id == own and not known.issuperset(self._memory.own(own)):
            renew(self._state_dir, machine_id(self._state_dir))
            self._memory.remember(told=None, sending=None)
            logger.info("%s: another machine has the id of this one, which takes a new one", self._config.name)

    # -- reporting ----------------------------------------------------------------------------------------------------

    def _own_id(self) -> str:
        """Return the id of this work tree on this machine, which may have several of one remote."""
        return work_tree_id(self._state_dir, self._config.path)

    def _described(self, commit: str, branch: str, head: str = "", unsent: int = 0) -> Report:
        config = self._config
        needs_user = self._board.status(config.name).needs_person
        seen = float(int(self._clock.wall()))
        return Report(self._own_id(), own_name(config), seen, commit, head, unsent, needs_user, branch, VERSION)

    def _report(self, there: str | None) -> Report | None:
        """Return what there is to report; None while the branch shares no commit with the remote's."""
        local, root = self._board.local(self._config.name), self._config.path
        head = self._head[1] if self._head[0] == local.branch else local.head
        if not head or not there or not local.branch or not present(root, [there]):
            return None
        if head == there:
            return self._described(head, local.branch)
        base = program.run("merge-base", head, there, root=root)
        if not base.ok:
            return None
        common = base.stdout.decode("ascii", "replace").split()[0]
        count = program.read("rev-list", "--count", f"{there}..{head}", "--", root=root)
        return self._described(common, local.branch, "" if common == head else head, int(count))

    def _send(self, place: RemoteBranch, report: Report, limits: Limits) -> None:
        told = self._memory.told(self._clock.wall())
        is_change = told is not None and not report.says_as(told)
        old = {ref: commit for ref, commit in self._memory.own(self._own_id()).items() if ref != report.ref}
        self._memory.begin(report)
        lines = report_refs.replaced(
            self._config.path,
            place.choice.remote,
            {report.ref: report.commit},
            old,
            timeout_s=limits.timeout_s,
            is_cancelled=limits.is_cancelled,
            line=limits.line.path,
        )
        self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2) if is_change else PAUSE_S
        self._take(place, report, lines)

    def _see_own(self, place: RemoteBranch, lines: Mapping[str, RefLine]) -> None:
        """Take the change by this report as read, if nothing else has changed since the last reading."""
        read = self._files_read
        if place.directory is None or read is None:
            return
        now = _files(place.directory)
        own = {ref.removeprefix(REFS): line.flag for ref, line in lines.items() if ref.startswith(REFS)}
        names = read.names.difference(name for name, flag in own.items() if flag == "-")
        names = names.union(name for name, flag in own.items() if flag not in "-!")
        if now == read._replace(here=now.here, names=names):
            self._files_read = now

    def _withdraw(self, place: RemoteBranch, limits: Limits) -> None:
        """Remove what was reported before the configuration said that nothing is to be."""
        own = self._memory.own(self._own_id()) if self._memory.get("address") == place.address else {}
        if own and self._clock.now() >= self._free_at:
            report_refs.replaced(
                self._config.path,
                place.choice.remote,
                {},
                own,
                timeout_s=limits.timeout_s,
                is_cancelled=limits.is_cancelled,
                line=limits.line.path,
            )
            self._memory.use("")

    def _take(self, place: RemoteBranch, report: Report, lines: Mapping[str, RefLine]) -> None:
        """Note what the remote did with a report."""
        refused = [line.reason for ref, line in lines.items() if ref.startswith(REFS) and line.flag == "!"]
        is_there = self._memory.end(report, lines)
        is_with_branch = bool(refused) and all("atomic" in reason for reason in refused)  # which was refused, not this
        self._has_company = (is_there and not refused) or is_with_branch
        self.due_at = self._clock.now() + EVERY_S
        self._see_own(place, lines)
        if is_there:
            self._sent_at = self._clock.now()
            self._show()
        if any("stale info" in reason for reason in refused):
            self._read_at = None  # another process moved it: the next look finds out which
        elif refused and not is_with_branch and not place.free():  # without a dead lock in its way, it is sent again
            self._refuse(refused[0])

    def _refuse(self, why: str) -> None:
        """Leave a remote alone that does not take the ref."""
        text = "%s: the remote takes no reports of machines, so none are sent: %s"
        logger.info(text, self._config.name, clean(why))
        self._memory.refuse(self._clock.wall())
        self._shows(presence=REFUSED)

    def _show(self) -> None:
        self._shows(machines=() if self._config.presence == OFF else self._memory.reports())

    def _shows(self, **changes: Any) -> None:
        self._board.set_exchange(self._config.name, self._config.via, **changes)


def own_name(config: RepoConfig) -> str:
    """Return the name by which this machine reports itself, "" for none."""
    return host_name() if config.machine is None else config.machine


def work_tree_id(state_dir: Path, root: Path) -> str:
    """Return the id of a work tree on this machine, as reports have it."""
    of = f"{machine_id(state_dir)} {os.path.realpath(root)}"
    return digests.sha256(os.fsencode(of)).hexdigest()[:16]


class _Files(NamedTuple):
    """The stat data that differ when a report in a git directory has changed, and the reports in files of their own."""

    here: Signature | None
    packed: Signature | None
    names: frozenset[str]


def _files(directory: Path) -> _Files:
    """Return that of a git directory on this file system."""
    here = signature_of(str(directory / REFS))
    try:
        names = frozenset(entry.name for entry in (directory / REFS).iterdir())
    except OSError:
        names = frozenset()  # no report has come yet, or git is asked
    return _Files(here, signature_of(str(directory / "packed-refs")), names)
