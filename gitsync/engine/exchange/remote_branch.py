"""Where one branch of a repository is exchanged, and the conversation with it, within its limits.

Runs on the exchanger's thread, which owns the children that talk.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from gitsync import digests
from gitsync.clock import SystemClock
from gitsync.config.options import RepoConfig
from gitsync.engine.exchange.halt_reasons import Halting, branch_gone, rewritten
from gitsync.errors import OperationError, TransientError
from gitsync.git import dead_locks
from gitsync.git.objects.refs import commit_in, has_lost
from gitsync.git.objects.store import lock_of
from gitsync.git.remote import bare, inbox, local_damage, local_remote, ssh_master, transport, upstream
from gitsync.git.remote.destination import exchanged
from gitsync.git.remote.errors import Subject
from gitsync.git.remote.inbox import Handover
from gitsync.git.remote.repair import damaged, repair
from gitsync.git.remote.results import Companion, FetchResult, PushResult, RemoteChoice
from gitsync.git.remote.shell import gives_shell
from gitsync.git.remote.ssh_master import SshMaster
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import Problem
from gitsync.redaction import redact
from gitsync.text import clean, counted, tilde

logger = logging.getLogger(__name__)

# As many of a remote's branches are fetched to see whether they share anything with a branch that it does not have.
COMPARED = 20
REPAIR_EVERY_S, REPAIR_AGAIN_S = 3600.0, 60.0


class Repairs:
    """When a repository was last repaired: that may fetch all of it, and so is tried once an hour, and after a failure
    once a minute.

    `is_first` is whether nobody has looked yet at what a power cut has left before this start.
    """

    def __init__(self) -> None:
        self.is_first = True
        self._due_at: float | None = None

    def is_due(self) -> bool:
        """Return whether it may be tried."""
        return self._due_at is None or SystemClock().now() >= self._due_at

    def note(self, *, is_done: bool) -> None:
        """Note a try, which may have failed."""
        self.is_first = self.is_first and not is_done
        self._due_at = SystemClock().now() + (REPAIR_EVERY_S if is_done else REPAIR_AGAIN_S)

    def see_whole(self) -> None:
        """Note that nothing was found."""
        self.is_first = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one conversation may be silent (seconds), whether to break it off, and the line it may go by."""

    timeout_s: float
    is_cancelled: Callable[[], bool]
    line: SshMaster = field(default_factory=SshMaster)
    repairs: Repairs = field(default_factory=Repairs)

    def tend_line(self, place: RemoteBranch | None, *, is_lively: bool) -> None:
        """Keep a connection to `place` open for the looks that soon follow, where there can be one; else close it."""
        if place is None or not is_lively or place.directory is not None or place.config.transport == "libgit2":
            self.line.close()
        else:
            self.line.keep(place.config.path, place.choice.remote)


@dataclass(frozen=True, slots=True)
class RemoteBranch:
    """A branch of a remote. `key` tells it apart from others and holds no secret; `label` names it in a sentence,
    `url` is its address without credentials.

    `choice` is what is fetched, `goal` where commits are sent: the same, or another branch, or the problem of a branch
    that git push would not send. `directory` is the remote's git directory where it is on this file system and can be
    watched; `is_sent_elsewhere` where another address or branch is pushed to than is fetched from, and so what was sent
    comes later, if at all.
    """

    config: RepoConfig
    choice: RemoteChoice
    goal: RemoteChoice | Problem
    key: str
    label: str
    url: str
    directory: Path | None
    is_sent_elsewhere: bool

    @classmethod
    def of(cls, config: RepoConfig, branch: str) -> RemoteBranch | None:
        """Return where `branch` is exchanged, None when it stays here. Raise OperationError for a broken configuration.

        A configured branch that is not the one checked out is not exchanged, and neither is a detached HEAD.
        """
        if not branch or (config.branch and branch != config.branch):
            return None
        found = exchanged(config.path, config.remote, branch)
        if found is None:
            return None
        choice, goal = found
        url = upstream.url_of(config.path, choice.remote)
        # The URL as a digest: it may hold a password.
        key = f"{choice.tracking} {digests.sha256(os.fsencode(url)).hexdigest()[:16]}"
        directory = local_remote.git_directory(config.path, url)
        if directory is not None:
            _free_once(str(directory))
        return cls(
            config,
            choice,
            goal,
            key,
            redact(f"{choice.remote}/{choice.branch}"),
            redact(url),
            directory,
            goal is not choice or upstream.is_sent_elsewhere(config.path, choice.remote),
        )

    @property
    def name(self) -> str:
        """Return the remote's name, or its URL, without credentials."""
        return redact(self.choice.remote)

    @property
    def goal_label(self) -> str:
        """Return the name of where commits are sent, for a sentence."""
        goal = self.goal
        return redact(f"{goal.remote}/{goal.branch}") if isinstance(goal, RemoteChoice) else self.label

    @property
    def address(self) -> str:
        """Return what tells the remote apart from others, whatever the branch."""
        return self.key.rpartition(" ")[2]

    @property
    def server(self) -> str:
        """Return the server as ssh or the web calls it, "" for a path."""
        matched = re.match(r"[a-z][a-z0-9+.-]*://(?:[^/@]*@)?([^/]+)", self.url, re.IGNORECASE)
        return " ".join(ssh_master.destination(self.url) or ()) or (matched[1].lower() if matched else "")

    def has_sent(self, commit: str) -> bool:
        """Whether `commit` is where another branch than the one that is fetched was sent to last."""
        goal = self.goal
        if not isinstance(goal, RemoteChoice) or goal is self.choice:
            return False
        return commit_in(self.config.path, goal.tracking) == commit

    def missing_disk(self, *, was_there: bool) -> Path | None:
        """Return the remote's directory where it is on a disk that is not there now; see `local_remote`."""
        url = upstream.url_of(self.config.path, self.choice.remote)
        return local_remote.missing_disk(self.config.path, url, was_there=was_there)

    def head(self) -> str | None:
        """Return the branch's commit where it can be read at once, None when it cannot or there is no such branch."""
        return None if self.directory is None else local_remote.head(self.directory, self.choice.branch)

    def fetch(self, limits: Limits, local: Problem | None = None) -> FetchResult:
        """Fetch the branch; raises as `transport.fetch` does.

        Objects that are damaged here, which may be the cause of the `local` problem, are fetched again; at the first
        look, also those that a power cut has left empty and that nothing has read yet.
        """
        logger.debug("%s: fetching %s", self.config.name, self.label)
        try:
            if local is not None or limits.repairs.is_first:
                self._repair(limits, "" if local is None else local.message)
            return self._fetch(limits)
        except TransientError as error:
            if error.code != "locked":
                raise
            lock = lock_of(self.config.path, self.choice.tracking)
            if not dead_locks.remove_if_dead(lock):
                raise TransientError(error.message, dead_locks.hint(lock) or error.hint, code=error.code) from None
            return self._fetch(limits)
        except OperationError as error:
            if error.code != local_damage.CODE or not self._repair(limits, error.message):
                raise
            return self._fetch(limits)

    def _repair(self, limits: Limits, said: str) -> bool:
        """Fetch damaged objects again; return whether there were any."""
        if not limits.repairs.is_due():
            return False
        root, remote = self.config.path, self.choice.remote
        try:
            if not (objects := damaged(root, said)):
                limits.repairs.see_whole()
                return False
            found = repair(root, remote, objects, timeout_s=limits.timeout_s, is_cancelled=limits.is_cancelled)
        except UNEXPECTED_ERRORS as trouble:
            limits.repairs.note(is_done=False)
            logger.debug("%s: cannot repair: %s", self.config.name, as_error(self.config.name, trouble).message)
            return False
        limits.repairs.note(is_done=True)
        if found:
            logger.warning("%s: fetched %s again that were damaged", self.config.name, counted(len(found), "object"))
        return bool(found)

    def _fetch(self, limits: Limits) -> FetchResult:
        return transport.fetch(
            self.config.path,
            self.choice.remote,
            self.choice.branch,
            timeout_s=limits.timeout_s,
            is_cancelled=limits.is_cancelled,
            transport=self.config.transport,
            line=limits.line.path,
        )

    def free(self) -> bool:
        """Remove the dead locks of a remote on this file system, where gitsync's own push may have left them."""
        return self.directory is not None and dead_locks.sweep(str(self.directory), str(self.directory))

    def push(
        self, commit: str, expected: str | None, limits: Limits, companion: Companion = transport.ALONE
    ) -> PushResult:
        """Push `commit` where the branch is at `expected`, as far as it was seen; raises as `transport.push` does."""
        try:
            result = self._push(commit, expected, limits, companion)
        except TransientError as error:
            if error.code not in ("locked", "remote-locked") or not self.free():
                raise
            return self._push(commit, expected, limits, companion)
        except UNEXPECTED_ERRORS as trouble:
            found = as_error(self.config.name, trouble)
            if found.code != local_damage.CODE or not self._repair(limits, found.message):
                raise
            return self._push(commit, expected, limits, companion)
        is_locked = result.problem is not None and result.problem.code == "remote-locked"
        return self._push(commit, expected, limits, companion) if is_locked and self.free() else result

    def _push(self, commit: str, expected: str | None, limits: Limits, companion: Companion) -> PushResult:
        goal = self.goal
        assert isinstance(goal, RemoteChoice)
        logger.debug("%s: pushing to %s", self.config.name, self.goal_label)
        return transport.push(
            self.config.path,
            goal.remote,
            goal.branch,
            commit,
            expected=None if self.is_sent_elsewhere else expected,
            timeout_s=limits.timeout_s,
            is_cancelled=limits.is_cancelled,
            transport=self.config.transport,
            line=limits.line.path,
            companion=companion,
        )

    @property
    def where(self) -> str:
        """Return the machine or the directory where the remote is, for a sentence."""
        return Subject("push", "", self.choice.remote, url=self.url).host or tilde(clean(self.url)) or self.name

    def hand_over(self, commit: str, limits: Limits, *, was_given: bool) -> Handover:
        """Push `commit` to the inbox of the work tree that the remote is; raises as `inbox.hand_over` does."""
        goal = self.goal
        assert isinstance(goal, RemoteChoice)
        return inbox.hand_over(
            self.config.path,
            goal.remote,
            goal.branch,
            commit,
            timeout_s=limits.timeout_s,
            is_cancelled=limits.is_cancelled,
            line=limits.line.path,
            was_given=was_given,
        )

    def point_head(self, limits: Limits) -> None:
        """Let the HEAD of a bare repository that was empty name the branch that was pushed to it first.

        A clone of it begins on that branch then. It is done on a disk, and where the server gives a shell.
        """
        root, remote, line = self.config.path, self.choice.remote, limits.line.path
        try:
            if self.directory is not None:
                bare.point_head(str(self.directory), self.choice.branch, root)
            elif gives_shell(root, remote, is_cancelled=limits.is_cancelled, line=line):
                bare.point_head(upstream.url_of(root, remote), self.choice.branch, root, line)
        except UNEXPECTED_ERRORS as trouble:
            logger.debug("%s: HEAD stays: %s", self.config.name, as_error(self.config.name, trouble).message)

    def seen_after(self, sent: str, known: str | None) -> str | None:
        """Return what the next look finds at least, now that `sent` was pushed; `known` was there last."""
        return known if self.is_sent_elsewhere else sent

    def ask(self, limits: Limits) -> str | None:
        """Ask where the branch is, None when there is none; raises as `transport.remote_head` does."""
        return transport.remote_head(
            self.config.path,
            self.choice.remote,
            self.choice.branch,
            timeout_s=limits.timeout_s,
            is_cancelled=limits.is_cancelled,
            transport=self.config.transport,
            line=limits.line.path,
        )

    def renamed_to(self, known: str, limits: Limits) -> str:
        """Return the remote's default branch where it continues what `known` was of this one; "" where not."""
        return transport.successor(
            self.config.path,
            self.choice.remote,
            self.choice.branch,
            known,
            timeout_s=limits.timeout_s,
            is_cancelled=limits.is_cancelled,
            line=limits.line.path,
        )

    def rename(self, branch: str, new: str) -> None:
        """Rename the local branch, and let it follow the remote's of the new name; raise OperationError."""
        upstream.rename_branch(self.config.path, branch, new, self.choice.remote)

    def is_foreign(self, found: FetchResult, limits: Limits) -> bool:
        """Whether the remote has other branches only, and none shares a commit with HEAD; raises as `fetch` does."""
        if self.config.transport == "libgit2":
            return False
        return not transport.shares_history(
            self.config.path,
            self.choice.remote,
            found.others[:COMPARED],
            timeout_s=limits.timeout_s,
            is_cancelled=limits.is_cancelled,
            line=limits.line.path,
        )

    def check_loss(self, found: FetchResult, head: str) -> None:
        """Raise Halting when the remote has lost what it had, so that pushing `head` would bring it back."""
        name = self.config.name
        if found.was is None:
            return
        if found.upstream is None:
            raise branch_gone(name, self.label)
        if has_lost(self.config.path, found.was, found.upstream, head):
            raise Halting(rewritten(name, self.label, self.choice.ref))


@cache
def _free_once(directory: str) -> None:
    """Remove the dead locks of a remote nearby, once in the life of this process: the last one may have been killed."""
    dead_locks.sweep(directory, directory)
