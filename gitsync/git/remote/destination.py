"""Where `git push` would send a branch: push.default, branch.*.pushRemote, remote.pushDefault, remote.*.push.

Any thread. These are git's rules (builtin/push.c, remote.c), which a test holds equal to `git push --dry-run`; asking
git itself would be a conversation with the remote. There is one exception: a branch without an upstream, with which
git push does nothing, goes under its own name, as `git push -u` would send it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from gitsync.git.objects.refs import HasRepository, ahead_behind, commit_at, commit_in
from gitsync.git.remote.results import RemoteChoice, is_url, tracking_ref
from gitsync.git.remote.upstream import HEADS, default_remote, remote_for
from gitsync.git.rules.config import GitConfig, read
from gitsync.model import Problem
from gitsync.text import clean

CODE = "not-sent"


@dataclass(frozen=True, slots=True)
class _Push:
    """The question: which branch, of which work tree, to which remote."""

    root: Path
    settings: GitConfig
    branch: str
    remote: str

    @property
    def ref(self) -> str:
        return HEADS + self.branch

    @property
    def upstreams(self) -> tuple[str, ...]:
        """The branches of the upstream's remote that this one follows; git takes more than one for a mistake."""
        if not self._upstream_remote:
            return ()
        return self.settings.all(f"branch.{self.branch}.merge")

    @property
    def _upstream_remote(self) -> str:
        return self.settings.get(f"branch.{self.branch}.remote")

    @property
    def follows_a_local_branch(self) -> bool:
        """Whether the branch was made with `git switch -c NEW --track BRANCH` of this repository."""
        return self._upstream_remote == "." and bool(self.upstreams)

    @property
    def is_to_upstream(self) -> bool:
        """Whether the remote is the one that the branch follows."""
        return self.remote == (self._upstream_remote or "origin")


HasRef = Callable[[str], bool]


def destination(
    root: Path, configured: str | None, branch: str, has_ref: HasRef | None = None
) -> RemoteChoice | Problem | None:
    """Return the remote and branch that `branch` is sent to, the problem where git push would refuse, None without one.

    `configured` is the `remote` option; `has_ref` tells whether a ref is here (default: in this
    repository). Raise OperationError when git's
    configuration cannot be read.
    """
    if configured == "":
        return None
    settings = read(root)
    remote = configured or _push_remote(settings, branch)
    if not remote:
        return None
    push = _Push(root, settings, branch, remote)
    if not configured and push.follows_a_local_branch and not _named_remote(settings, branch):
        return _refusal(push, f"{clean(branch)} follows a local branch")
    there = _where(push, has_ref or (lambda ref: commit_in(root, ref) is not None))
    if isinstance(there, Problem):
        return there
    if not there.startswith(HEADS):
        why = f"git push would send {clean(branch)} to {clean(there)}, which is not a branch"
        return _refusal(push, why, f"git -C {{where}} push {shlex.quote(clean(remote))}")
    short = there.removeprefix(HEADS)
    return RemoteChoice(remote, short, tracking_ref(remote, short), push.upstreams == (there,) and push.is_to_upstream)


def exchanged(
    root: Path, configured: str | None, branch: str, has_ref: HasRef | None = None
) -> tuple[RemoteChoice, RemoteChoice | Problem] | None:
    """Return where `branch` is fetched from, and where it is sent to (the same object where that is the same)."""
    source = remote_for(root, configured, branch)
    if source is None:
        return None
    goal = destination(root, configured, branch, has_ref)
    if goal is None:
        return source, source
    if isinstance(goal, RemoteChoice) and (goal.remote, goal.branch) == (source.remote, source.branch):
        return source, source
    return source, goal


def standing(worktree: HasRepository, root: Path, configured: str | None, branch: str) -> tuple[int, int] | None:
    """Return how many commits of HEAD are not sent yet, and how many are to be taken in, as far as is known here.

    None for a branch whose remote has not been looked at, or that has none.
    """
    found = exchanged(root, configured, branch)
    upstream = commit_at(worktree, found[0].tracking) if found is not None else None
    if found is None or upstream is None:
        return None
    ahead, behind = ahead_behind(worktree, upstream)
    goal = found[1]
    sent = commit_at(worktree, goal.tracking) if isinstance(goal, RemoteChoice) and goal is not found[0] else None
    return (ahead if sent is None else ahead_behind(worktree, sent)[0]), behind


def _named_remote(settings: GitConfig, branch: str) -> str:
    return settings.get(f"branch.{branch}.pushremote") or settings.get("remote.pushdefault")


def _push_remote(settings: GitConfig, branch: str) -> str:
    followed = settings.get(f"branch.{branch}.remote")
    return _named_remote(settings, branch) or (followed if followed != "." else "") or default_remote(settings)


def _where(push: _Push, has_ref: HasRef) -> str | Problem:
    lines = () if is_url(push.remote) else push.settings.all(f"remote.{push.remote}.push")
    if lines:
        return _by_lines(push, lines, has_ref)
    if push.settings.is_true(f"remote.{push.remote}.mirror"):
        return push.ref
    match push.settings.get("push.default"):
        case "nothing":
            return _refusal(push, 'push.default is "nothing"', "git -C {where} config push.default simple")
        case "current":
            return push.ref
        case "matching":
            return _if_matching(push, has_ref)
        case "upstream" | "tracking":
            return _to_upstream(push)
        case _:
            return _simple(push)


def _if_matching(push: _Push, has_ref: HasRef) -> str | Problem:
    if not push.upstreams or has_ref(tracking_ref(push.remote, push.branch)):
        return push.ref
    return _refusal(push, f"only branches that {clean(push.remote)} has already are sent (push.default)")


def _to_upstream(push: _Push) -> str | Problem:
    if not push.upstreams:
        return push.ref
    if not push.is_to_upstream:
        return _refusal(push, f"{clean(push.remote)} is not the upstream's remote (push.default)")
    if len(push.upstreams) > 1:
        return _refusal(push, f"{clean(push.branch)} has several upstream branches")
    return push.upstreams[0]


def _simple(push: _Push) -> str | Problem:
    if not push.upstreams or not push.is_to_upstream:
        return push.ref
    if len(push.upstreams) > 1:
        return _refusal(push, f"{clean(push.branch)} has several upstream branches")
    if push.upstreams[0] == push.ref:
        return push.ref
    other = clean(push.upstreams[0].removeprefix(HEADS))
    return _refusal(
        push, f"the upstream branch {clean(push.remote)}/{other} has another name than {clean(push.branch)}"
    )


def _by_lines(push: _Push, lines: Iterable[str], has_ref: HasRef) -> str | Problem:
    """Return where the first of the remote's push lines that takes the branch sends it."""
    lines = tuple(lines)
    if any(_matched(line.removeprefix("^"), push.ref) is not None for line in lines if line.startswith("^")):
        return _refusal(push, f"remote.{clean(push.remote)}.push leaves {clean(push.branch)} out")
    found = []
    for line in lines:
        source, colon, goal = line.removeprefix("+").partition(":")
        if line.startswith("^"):
            continue
        if not source and not goal:  # ":", or "+:"
            there = _if_matching(push, has_ref) if colon else None
            found += [there] if isinstance(there, str) else []
        elif (star := _matched(source, push.ref)) is not None:
            found.append(_full(goal.replace("*", star) if goal else push.ref))
    if not found:
        return _refusal(push, f"remote.{clean(push.remote)}.push does not name {clean(push.branch)}")
    # Several lines may take it, to several places; what is fetched from comes first, as the others only get copies.
    return next((there for there in found if (there,) == push.upstreams), found[0])


def _matched(source: str, ref: str) -> str | None:
    """Return what stands for the star where a line's source takes the branch, "" without a star, None where not."""
    if "*" in source:
        before, _, after = source.partition("*")
        matched = re.fullmatch(re.escape(before) + "(.*)" + re.escape(after), ref)
        return matched[1] if matched else None
    return "" if source in ("HEAD", "@", ref, ref.removeprefix("refs/"), ref.removeprefix(HEADS)) else None


def _full(goal: str) -> str:
    if goal.startswith("refs/"):
        return goal
    return f"refs/{goal}" if goal.startswith(("heads/", "tags/", "remotes/")) else HEADS + goal


def _refusal(push: _Push, why: str, command: str = "") -> Problem:
    where, remote, branch = (shlex.quote(clean(str(text))) for text in (push.root, push.remote, push.branch))
    command = command.format(where=where) or f"git -C {where} push -u {remote} {branch}"
    return Problem(
        CODE,
        f"{clean(str(push.root))}: {clean(push.branch)} is not sent, as git push would not send it: {why}",
        f"to send it under its own name: {command}" if not command.endswith(remote) else f"see: {command}",
    )
