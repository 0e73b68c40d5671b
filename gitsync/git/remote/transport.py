"""Fetch, push and asking a remote, through the git program; through libgit2 for those who ask for it.

Runs on an exchange thread (any one thread): it owns its child processes and the remote-tracking refs, and shares no
pygit2 object with anybody. `transport="auto"` is the git program, because only it reads ~/.ssh/config,
GIT_SSH_COMMAND, ssh's agents and certificates, credential helpers and proxies as the user has set them up; libgit2
(see `libgit2.py`) has to be asked for.

Nothing here forces anything: a fetch takes exactly one branch into its tracking ref (with "+", because a remote that
was rewritten is found out by `FetchResult.was`, not by a failure), a push sends exactly one commit to one branch
without "+", and none of refs/gitsync but what its caller adds (`report_refs`). Tags come along as git is configured, by
default those that point to what is fetched; none are pushed unless the user's own push.followTags says so. The user's
pre-push hook runs, without a terminal: it is their guard.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pygit2

from gitsync import clock, proc
from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.git.objects.ref_names import kept
from gitsync.git.objects.refs import is_ancestor
from gitsync.git.remote import fsck, http_wait, libgit2, local_damage, noninteractive_env, upstream
from gitsync.git.remote.errors import Subject, busy, failure, from_output, from_rejection, problem
from gitsync.git.remote.results import (
    Companion,
    FetchResult,
    IsCancelled,
    PushKind,
    PushResult,
    is_url,
    never,
    porcelain,
    tracking_ref,
)
from gitsync.git.rules import config
from gitsync.model import Problem
from gitsync.text import clean

__all__ = ["FetchResult", "PushKind", "PushResult", "fetch", "push", "remote_head"]

logger = logging.getLogger(__name__)

# A push gets this share of its deadline; the rest is for asking the remote what became of it when it hangs.
PUSH_SHARE = 0.75
# How many times its time-out one operation may take, while it goes on.
LONGEST = 30
# Looking something up in the repository itself.
LOCAL_S = 20.0
# Objects are checked before they are stored (`fsck`); they and refs reach the disk before "fetched" is said;
# collecting garbage is the engine's, under its lock; nothing recurses into submodules.
_SETTINGS = (
    "gc.auto=0",
    "maintenance.auto=false",
    *fsck.SETTINGS,
    "core.fsync=committed",
    "core.fsyncMethod=batch",
    "i18n.logOutputEncoding=UTF-8",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "fetch.writeCommitGraph=false",
)


ALONE = Companion()


@dataclass(frozen=True, slots=True)
class Call:
    """One operation with its deadline; `ends_at` on the monotonic clock.

    git tells its progress, so that a large transfer over a slow line may take its time, and a peer that says nothing
    may not. `waits` are the pauses (seconds) that a web server has asked for in each answer, 0 for none.
    """

    root: Path
    remote: str
    branch: str
    ends_at: float
    silence_s: float
    is_cancelled: IsCancelled
    subject: Subject
    line: str = ""
    waits: list[float] = field(default_factory=list)

    @classmethod
    def begin(
        cls,
        action: str,
        root: Path,
        remote: str,
        branch: str,
        timeout_s: float,
        is_cancelled: IsCancelled,
        line: str = "",
    ) -> Call:
        subject = Subject(action, str(root), remote, branch, upstream.url_of(root, remote))
        ends_at = clock.SystemClock().now() + timeout_s * LONGEST
        return cls(root, remote, branch, ends_at, timeout_s, is_cancelled, subject, line)

    def run(
        self, *argv: str, share: float = 1.0, at_least_s: float = 0.1, input: bytes | None = None
    ) -> proc.Completed:
        left = max((self.ends_at - clock.SystemClock().now()) * share, at_least_s)
        silence_s = max(self.silence_s * share, at_least_s)
        done = program.run(
            *argv,
            root=self.root,
            settings=_SETTINGS,
            deadline_s=left,
            silence_s=silence_s,
            input=input,
            env=noninteractive_env.environment(self.root, silence_s, self.line) | http_wait.TRACE,
            is_cancelled=self.is_cancelled,
        )
        stderr, wait_s = http_wait.split(done.stderr, clock.SystemClock().wall())
        self.waits.append(wait_s)
        return done._replace(stderr=stderr)

    def trouble(self, done: proc.Completed) -> Problem:
        """Return the `Problem` of a child that did not end well."""
        if done.is_cancelled:
            return problem(self.subject, "cancelled")
        if done.is_over_deadline:
            return problem(self.subject, "timeout")
        if self.waits and self.waits[-1]:
            return busy(self.subject, self.waits[-1])
        found = local_damage.found_in(self.root, done.errors)
        return found or from_output(self.subject, done.stderr)

    def repository(self) -> pygit2.Repository:
        # For a look at refs and history: a child would cost more than all the rest of a look nearby.
        return pygit2.Repository(str(self.root))

    def read_ref(self, ref: str) -> str | None:
        try:
            found = self.repository().references.get(kept(ref))
            return None if found is None else str(found.resolve().target)
        except pygit2.GitError as error:
            said = str(error)
            raise failure(local_damage.found_in(self.root, said) or problem(self.subject, "unknown", said)) from error


def _wants_git(transport: str) -> bool:
    return transport != "libgit2"


def fetch(
    root: Path,
    remote: str,
    branch: str,
    *,
    timeout_s: float,
    is_cancelled: IsCancelled = never,
    transport: str = "auto",
    line: str = "",
) -> FetchResult:
    """Fetch `branch` of `remote` into its tracking ref and return where it is now and was before.

    Whatever the network or the remote does against it is raised, with `translate`'s code: TransientError when it goes
    away by itself, else OperationError. `line` is the path of an ssh connection that is kept open (`SshMaster`).
    """
    if not _wants_git(transport):
        return libgit2.fetch(root, remote, branch, timeout_s=timeout_s, is_cancelled=is_cancelled)
    call = Call.begin("fetch", root, remote, branch, timeout_s, is_cancelled, line)
    tracking = tracking_ref(remote, branch)
    was = call.read_ref(tracking)
    options = ("--progress", "--no-write-fetch-head", "--no-recurse-submodules", "--no-prune", "--refmap=")
    wanted = f"+refs/heads/{branch}:{tracking}"
    done = call.run("fetch", *options, "--", remote, wanted, *_tag_lines(root, remote))
    if not done.ok and (b"refs/tags/" in done.stderr or b"existing tag" in done.stderr):
        # A tag that cannot be moved or made here is for its user to resolve, and stops nothing else.
        logger.info("%s: a tag is not taken in: %s", clean(str(root)), clean(done.errors))
        done = call.run("fetch", *options, "--no-tags", "--", remote, wanted)
    if done.ok:
        return FetchResult(call.read_ref(tracking), was)
    if not done.is_over_deadline and not done.is_cancelled and b"couldn't find remote ref" in done.stderr:
        listed = call.run("ls-remote", "--quiet", "--heads", "--", remote)
        if listed.ok:
            names = [line.partition("\trefs/heads/")[2] for line in os.fsdecode(listed.stdout).splitlines()]
            return FetchResult(None, was, is_empty_remote=not names, others=tuple(names))
        done = listed
    raise failure(call.trouble(done))


def shares_history(
    root: Path,
    remote: str,
    branches: Sequence[str],
    *,
    timeout_s: float,
    is_cancelled: IsCancelled = never,
    line: str = "",
) -> bool:
    """Fetch some branches of `remote` and return whether HEAD has a commit in common with any; raises as `fetch` does.

    False also for a HEAD without a commit.
    """
    call = Call.begin("fetch", root, remote, branches[0], timeout_s, is_cancelled, line)
    tracking = [tracking_ref(remote, branch) for branch in branches]
    wanted = [f"+refs/heads/{branch}:{ref}" for branch, ref in zip(branches, tracking, strict=True)]
    options = ("--progress", "--no-write-fetch-head", "--no-recurse-submodules", "--no-tags", "--refmap=")
    done = call.run("fetch", *options, "--", remote, *wanted)
    if not done.ok:
        raise failure(call.trouble(done))
    return any(call.run("merge-base", "HEAD", ref, at_least_s=LOCAL_S).ok for ref in tracking)


def _tag_lines(root: Path, remote: str) -> list[str]:
    """Return the remote's fetch lines that are for tags; remote.NAME.tagOpt git knows itself."""
    lines = () if is_url(remote) else config.read(root).all(f"remote.{remote}.fetch")
    return [line for line in lines if ":refs/tags/" in line]


def push(
    root: Path,
    remote: str,
    branch: str,
    commit: str,
    *,
    expected: str | None = None,
    timeout_s: float,
    is_cancelled: IsCancelled = never,
    transport: str = "auto",
    line: str = "",
    companion: Companion = ALONE,
) -> PushResult:
    """Push `commit` (40 hex digits) to `branch` of `remote`, never with force, and return what the remote says.

    With `expected` the remote's branch has to be there and at that commit: one that was deleted or rewritten meanwhile
    is not rebuilt.
    When the answer was lost (deadline, hang-up) the remote is asked where its branch is before anything is said.
    REJECTED means that another machine was quicker; everything else that goes wrong is raised, as `fetch` does.
    """
    if not _wants_git(transport):
        return libgit2.push(
            root, remote, branch, commit, expected=expected, timeout_s=timeout_s, is_cancelled=is_cancelled
        )
    call = Call.begin("push", root, remote, branch, timeout_s, is_cancelled, line)
    if expected is not None and not is_ancestor(call.repository(), expected, commit):
        return PushResult(PushKind.REJECTED, problem(call.subject, "non-fast-forward"))
    refspec = f"{commit}:refs/heads/{branch}"
    # What is expected is an ancestor, so this cannot overwrite anything: it only refuses more than a plain push would.
    lease = [] if expected is None else [f"--force-with-lease=refs/heads/{branch}:{expected}"]
    options = ("--porcelain", "--progress", "--no-recurse-submodules", *lease, *companion.options)
    done = call.run("push", *options, "--", remote, refspec, *companion.refspecs, share=PUSH_SHARE)
    lines = porcelain(done.stdout)
    told = lines.get(f"refs/heads/{branch}")
    if told is not None and told.flag in " *=" and not done.is_over_deadline and not done.is_cancelled:
        _note_pushed(call, commit)
        return PushResult(PushKind.UP_TO_DATE if told.flag == "=" else PushKind.PUSHED, lines=lines)
    if told is not None and told.flag == "!" and not told.is_remote_failure:
        trouble = from_rejection(call.subject, told.reason, done.stderr)
        if trouble.code in ("fetch-first", "non-fast-forward", "remote-locked"):
            return PushResult(PushKind.REJECTED, trouble, lines)
        if companion.refspecs:  # it may be what the remote refuses; if it is not, the same is raised now
            found = push(
                root,
                remote,
                branch,
                commit,
                expected=expected,
                timeout_s=timeout_s,
                is_cancelled=is_cancelled,
                line=line,
            )
            return replace(found, lines={**lines, **found.lines})
        raise failure(trouble)
    if done.is_cancelled:
        raise failure(call.trouble(done))
    if not done.is_over_deadline and (declined := _hook_said_no(call, done)):
        raise failure(declined)
    return _settle_doubt(call, commit, call.trouble(done))


def _hook_said_no(call: Call, done: proc.Completed) -> Problem | None:
    """Return the `Problem` of a pre-push hook that declined: git then fails and names no ref at all."""
    if b"failed to push some refs" not in done.stderr or done.returncode != 1:
        return None
    found = call.run("rev-parse", "--git-path", "hooks/pre-push", at_least_s=LOCAL_S)
    hook = os.path.join(os.fsencode(call.root), found.stdout.removesuffix(b"\n"))
    if not found.ok or not os.access(hook, os.X_OK):
        return None
    said = done.stderr.decode("utf-8", "replace")
    line = next((text for text in reversed(said.splitlines()) if text and "failed to push some" not in text), "")
    return problem(call.subject, "refused", f"{line.strip()} (the pre-push hook declined)".strip())


def _settle_doubt(call: Call, commit: str, trouble: Problem) -> PushResult:
    """Ask the remote what became of a push whose answer was lost."""
    if trouble.code in ("timeout", "offline", "unknown") and not trouble.wait_s:
        try:
            there = _ask(call)
        except OperationError:
            raise failure(trouble) from None  # still no answer: report the first error
        if there == commit:
            _note_pushed(call, commit)
            return PushResult(PushKind.PUSHED)
    raise failure(trouble)


def _note_pushed(call: Call, commit: str) -> None:
    """Move the tracking ref to what the remote has now; git does so itself where the remote's fetch lines cover it."""
    tracking = tracking_ref(call.remote, call.branch)
    if call.read_ref(tracking) != commit:
        # A failure only means that the next fetch finds out again.
        call.run("update-ref", "-m", "push", tracking, commit, at_least_s=LOCAL_S)


def remote_head(
    root: Path,
    remote: str,
    branch: str,
    *,
    timeout_s: float,
    is_cancelled: IsCancelled = never,
    transport: str = "auto",
    line: str = "",
) -> str | None:
    """Ask `remote` where its `branch` is, None when it has none; nothing is fetched. Raises as `fetch` does."""
    if not _wants_git(transport):
        return libgit2.remote_head(root, remote, branch, timeout_s=timeout_s, is_cancelled=is_cancelled)
    return _ask(Call.begin("fetch", root, remote, branch, timeout_s, is_cancelled, line))


def successor(
    root: Path,
    remote: str,
    branch: str,
    known: str,
    *,
    timeout_s: float,
    is_cancelled: IsCancelled = never,
    line: str = "",
) -> str:
    """Return the remote's default branch where it has `known`, which `branch` had before it was deleted; else "".

    Raises as `fetch` does.
    """
    call = Call.begin("fetch", root, remote, branch, timeout_s, is_cancelled, line)
    done = call.run("ls-remote", "--quiet", "--symref", "--", remote, "HEAD")
    if not done.ok:
        raise failure(call.trouble(done))
    matched = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", os.fsdecode(done.stdout), re.MULTILINE)
    if matched is None or matched[1] == branch:
        return ""
    found = fetch(root, remote, matched[1], timeout_s=timeout_s, is_cancelled=is_cancelled, line=line)
    has_it = found.upstream is not None and is_ancestor(call.repository(), known, found.upstream)
    return matched[1] if has_it else ""


def _ask(call: Call) -> str | None:
    ref = f"refs/heads/{call.branch}"
    done = call.run("ls-remote", "--quiet", "--", call.remote, ref)
    if not done.ok:
        raise failure(call.trouble(done))
    for line in filter(None, os.fsdecode(done.stdout).split("\n")):
        commit, _, name = line.partition("\t")
        if name == ref:  # the argument is a pattern that refs of other depths match too
            return commit
    return None
