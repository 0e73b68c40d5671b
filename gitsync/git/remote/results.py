"""What an exchange with a remote comes to: the results that both transports give, as frozen values.

Pure; any thread. Two transports (the git program, libgit2) import this and not each other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gitsync import digests
from gitsync.model import Problem

IsCancelled = Callable[[], bool]


class PushKind(StrEnum):
    """What became of a push that the remote answered."""

    PUSHED = "pushed"
    UP_TO_DATE = "up-to-date"
    REJECTED = "rejected"


def never() -> bool:
    """Return False: the answer of an operation that nobody cancels."""
    return False


@dataclass(frozen=True, slots=True)
class RemoteChoice:
    """Where a branch is exchanged: `remote` is a remote's name or a URL, `branch` the branch's name over there.

    `tracking` is the ref that remembers what the remote had; `has_upstream` tells whether the branch's
    configuration already names this remote and branch.
    """

    remote: str
    branch: str
    tracking: str
    has_upstream: bool = False

    @property
    def ref(self) -> str:
        """Return what a git command takes for the branch over there, as it was last seen."""
        return self.tracking.removeprefix("refs/remotes/")


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a fetch found: commits as 40 hex digits.

    `upstream` is None when the remote has no such branch; `is_empty_remote` tells whether it has none at all, and
    `others` are the branches that it has then, by name. `was` is the tracking ref before: when it is not an ancestor of
    `upstream`, the remote was rewritten.
    """

    upstream: str | None = None
    was: str | None = None
    is_empty_remote: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefLine:
    """A line of `git push --porcelain` about one ref: its flag ("!" is a refusal), and the reason of a refusal."""

    flag: str
    reason: str = ""
    is_remote_failure: bool = False


@dataclass(frozen=True, slots=True)
class Companion:
    """Other refs that go with the push of a branch, as options and refspecs of git push: all or nothing is done.

    A remote that refuses them gets the branch alone.
    """

    options: tuple[str, ...] = ()
    refspecs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of a push.

    PUSHED and UP_TO_DATE: the remote's branch is the commit. REJECTED: the remote has commits that must be integrated
    first; `problem` says so. `lines` says what became of each ref, of those of a `Companion`, too.
    """

    kind: PushKind
    problem: Problem | None = None
    lines: Mapping[str, RefLine] = field(default_factory=dict)


def porcelain(stdout: bytes) -> dict[str, RefLine]:
    """Return what `git push --porcelain` says of each of the remote's refs: flag TAB from:to TAB summary (reason)."""
    found = {}
    for line in filter(None, os.fsdecode(stdout).split("\n")):
        fields = line.split("\t")
        if len(fields) >= 3 and len(fields[0]) == 1:
            matched = re.match(r"(\[[^\]]*\])?\s*(.*)$", fields[2])
            label, rest = (matched[1] or "", matched[2]) if matched else ("", fields[2])
            reason = rest.strip().removeprefix("(").removesuffix(")")
            there = fields[1].rpartition(":")[2]
            found[there] = RefLine(fields[0], reason or label.strip("[]"), "remote failure" in label)
    return found


def is_url(remote: str) -> bool:
    """Return whether `remote` is a URL or a path and not the name of a configured remote."""
    return "/" in remote or ":" in remote or remote in (".", "..")


def tracking_ref(remote: str, branch: str) -> str:
    """Return the ref that remembers where `branch` of `remote` was.

    A remote that is only a URL has no name to file it under: it goes below refs/gitsync/remotes, by the URL's digest
    (a URL may hold a password; refs are shown by every tool).
    """
    if not is_url(remote) and re.fullmatch(r"[^\s~^:?*\[\\]+", remote):
        return f"refs/remotes/{remote}/{branch}"
    digest = digests.sha256(remote.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"refs/gitsync/remotes/{digest}/{branch}"
