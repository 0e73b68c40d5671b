"""The messages between threads: past participles, frozen, without live objects.

All of them are here, so that one page lists everything that can happen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitsync.config.options import HomeConfig, RepoConfig
from gitsync.core.manifest import ManifestEntry
from gitsync.git.remote.ref_channel import FarBranch
from gitsync.git.staging.worktree import Worktree
from gitsync.model import Problem


@dataclass(frozen=True, slots=True)
class Dirty:
    """The buffer of a repository got its first note since it was emptied."""

    repo: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A watcher covers the repository: `kind` is native or polling, `hint` says why polling and what would end it."""

    repo: str
    kind: str
    hint: str


@dataclass(frozen=True, slots=True)
class Rescan:
    """Something leaves doubt about a work tree: compare everything again."""

    repo: str
    reason: str


@dataclass(frozen=True, slots=True)
class WatcherDoubted:
    """Something may have ended a repository's watcher; the main thread checks, and starts a new one."""

    repo: str


@dataclass(frozen=True, slots=True)
class CoverageChanged:
    """Other home files are tracked than before; the main thread has them watched."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """Trouble began or ended somewhere; the main thread notifies the service manager."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An exchanger has fetched; `upstream` is None when the remote has no such branch.

    `was` is what was last taken in of it. `label` names the remote's branch in a sentence, `ref` in a git command.
    With `is_joining` a person has accepted a history that shares nothing with the one here, or was rewritten. `via` is
    the remote that the exchanger is for where a repository has several (`RepoConfig.via`); so in the messages below.
    Only what `is_verified` is taken in where the configuration says `verify`. With `is_taking` a person wants the
    rewritten history in place of the one here.
    """

    repo: str
    branch: str
    remote: str
    upstream: str | None
    was: str | None
    label: str = ""
    ref: str = ""
    is_joining: bool = False
    via: str = ""
    is_verified: bool = False
    is_taking: bool = False


@dataclass(frozen=True, slots=True)
class HeadWanted:
    """An exchanger is about to push a branch without a fetch: `HeadRead` says what to push.

    HEAD is asked for: since the commit a person may have amended it, or begun a rebase.
    """

    repo: str
    branch: str
    via: str = ""


@dataclass(frozen=True, slots=True)
class HeadRead:
    """The committer has answered `HeadWanted`; `head` is None while nothing may be pushed."""

    repo: str
    branch: str
    head: str | None
    via: str = ""


@dataclass(frozen=True, slots=True)
class Pushed:
    """The remote's branch is `commit` now."""

    repo: str
    branch: str
    commit: str
    via: str = ""


@dataclass(frozen=True, slots=True)
class InboxOpened:
    """A repository takes in what other machines hand over to it; `repo_state_dir` holds what is remembered of it."""

    repo: RepoConfig
    repo_state_dir: Path


@dataclass(frozen=True, slots=True)
class InboxClosed:
    """A repository takes nothing in any more; with `root`, its work tree, others are to learn that."""

    repo: str
    root: Path | None = None


@dataclass(frozen=True, slots=True)
class InboxNow:
    """Look into the inbox of a repository now; the answer comes when all is taken in that can be."""

    repo: str


@dataclass(frozen=True, slots=True)
class Listen:
    """A repository's remote is the git directory `directory` on this file system; None: it is not on it.

    Of the inbox of a work tree it is the directory of its refs.
    """

    repo: str
    directory: Path | None
    via: str = ""


@dataclass(frozen=True, slots=True)
class ListenFar:
    """A repository's branch is on a server, and whether it moves there is to be reported; None: no longer."""

    repo: str
    branch: FarBranch | None
    via: str = ""


@dataclass(frozen=True, slots=True)
class LineDoubted:
    """An exchange with the server of a repository failed: the connection to it may be gone."""

    repo: str
    via: str = ""


@dataclass(frozen=True, slots=True)
class ServerMet:
    """An exchange with the server of a repository succeeded while nothing is noticed there: it is there again."""

    repo: str
    via: str = ""


@dataclass(frozen=True, slots=True)
class Noticing:
    """Pushes to a repository's remote are noticed from now on by a channel ("ssh"), a watch ("watch"), or not ("poll").

    `line` is the path of a connection that is kept open to it; `is_final` tells that there will be none; `why` is the
    limit that does not allow a watch, and what would change it.
    """

    repo: str
    kind: str
    via: str = ""
    line: str = ""
    is_final: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class RemoteMoved:
    """Something changed in the repository that is a repository's remote; its branch is `commit` now, where known."""

    repo: str
    via: str = ""
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """An address or a route came or went: who was offline may be so no more."""


@dataclass(frozen=True, slots=True)
class MachineForgotten:
    """A person has removed the reports of the machine `id` from a repository's remotes."""

    repo: str
    id: str


@dataclass(frozen=True, slots=True)
class Woken:
    """The wall clock jumped: the machine slept, or the clock was set."""


@dataclass(frozen=True, slots=True)
class ConditionsWanted:
    """The configuration says which conditions defer exchanges."""

    battery: bool
    metered: bool


@dataclass(frozen=True, slots=True)
class Deferred:
    """Exchanges that nobody asked for are to wait: `reasons` are "battery" and "metered", none when they may go on."""

    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """gitsync made the commit `head` on a branch, or took it in from the remote `taken_via`, which has it.

    With `is_by_user` the user made it, with git.
    """

    repo: str
    branch: str
    head: str
    taken_via: str | None = None
    is_by_user: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """The committer sees which branch is checked out: the first time, or another one than before; or something is
    damaged here that the remote may have. It is looked at then.
    """

    repo: str


@dataclass(frozen=True, slots=True)
class RootLost:
    """The work tree's root is not there, or is another one: nothing is exchanged until `Opened`."""

    repo: str


@dataclass(frozen=True, slots=True)
class Integrated:
    """The committer has answered `Fetched`: `head` may be pushed when `is_ahead`."""

    repo: str
    branch: str
    head: str | None
    is_ahead: bool
    problem: Problem | None = None
    via: str = ""


# Requests to a thread.


@dataclass(frozen=True, slots=True)
class Adopt:
    """Start owning a repository, or take its changed settings; `repo_state_dir` holds its journal and lock records.

    `home` is what is configured for the mirror of home files, which is one of the repositories.
    """

    repo: RepoConfig
    repo_state_dir: Path
    home: HomeConfig | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Stop owning a repository; what is pending is committed first."""

    repo: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """Look again at what a person may have done with git: branch, HEAD, an open operation."""


@dataclass(frozen=True, slots=True)
class Explain:
    """Say what is known of one path now; the answer is a `PathStatus`."""

    repo: str
    path: bytes


@dataclass(frozen=True, slots=True)
class CommitNow:
    """Commit without waiting for quiet; with `is_scanning` everything is compared, not only what was noted."""

    repo: str
    is_scanning: bool = True


@dataclass(frozen=True, slots=True)
class Perform:
    """Change a repository for its user: `act` runs on the committer thread when what is pending is committed.

    It may move the branch with `apply.put`; what it returns is frozen and is the answer. It is not begun after the
    monotonic instant `ends_at`, when nobody waits for it any more. A restore `revives` files: those are written back,
    too, while a brake holds the repository because they are missing.
    """

    repo: str
    act: Callable[[Worktree], object]
    ends_at: float
    revives: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Track:
    """Track home files: the answer is `coverage.Added`; they are brought into the mirror and committed next."""

    entries: tuple[ManifestEntry, ...]


@dataclass(frozen=True, slots=True)
class Untrack:
    """Stop tracking: the answer is the entries that were taken out; files in home stay."""

    paths: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Agree:
    """Agree to what other machines track at these paths of home, as adding them there does."""

    paths: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TakeAnswer:
    """Answer the questions of home with a word: those of `ids`, or the only one. The result is whether one was open."""

    word: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExchangeNow:
    """Fetch, integrate and push (`direction` both), or only one of the two, without waiting for the schedule."""

    direction: str = "both"


@dataclass(frozen=True, slots=True)
class RunNow:
    """Run a job in `direction` (both, push, pull) without waiting for its schedule; the answer is its Report.

    `answers` are words by the ids of the questions that they answer; with `is_accepted` all is meant that has no other
    answer.
    """

    direction: str
    is_accepted: bool = False
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold; `until` is monotonic seconds, None for until resumed."""

    repo: str
    until: float | None


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on; with `is_accepted` what the questions `ids` (none: the open one) ask is confirmed.

    With `is_taking`, the remote's rewritten history is to take the place of the one here.
    """

    repo: str
    is_accepted: bool
    ids: tuple[str, ...] = ()
    is_taking: bool = False
