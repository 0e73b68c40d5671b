"""From noted paths to commits: what goes into a batch, and what is left for later.

Runs on the committer thread. A `Batch` belongs to one repository and remembers what the last commits left out:
files that were still being written, files nobody could read, files in quarantine, files the user has staged.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from gitsync.config.options import RepoConfig
from gitsync.core import manifest
from gitsync.core.message import commit_message, file_message
from gitsync.engine.messages import Committed
from gitsync.git.staging.worktree import Staged, StageRules, Staging, Worktree
from gitsync.model import Change, CommitInfo, Quarantined
from gitsync.text import shown
from gitsync.watch.buffer import ChangeBuffer, Noted

if TYPE_CHECKING:
    from gitsync.engine.repository.repository import LocalRepository

# A path that the user has staged is his for this long; then it is committed as it is on disk.
STAGED_GRACE_S = 600.0
# How often it is looked whether what the user staged was committed, or taken back.
STAGED_LOOK_S = 1.0
UNREADABLE_RETRY_S = 60.0
# A file that was empty in this many moments, each `max_wait` after the last, is taken as it is.
EMPTY_TRIES = 2
SHOWN_NOTES = 20


class Batch:
    """What is being staged now, and what earlier batches left out."""

    def __init__(self, config: RepoConfig) -> None:
        self.config = config
        self._paths: frozenset[bytes] = frozenset()
        self._trees: frozenset[bytes] = frozenset()
        self._is_forced = False
        self._quarantined: dict[bytes, Quarantined] = {}
        self._unreadable: dict[bytes, str] = {}
        self._staged_since: dict[bytes, float] = {}
        self._forced_tries: dict[bytes, int] = {}  # of files that were still being written
        self._problems: tuple[str, ...] = ()
        self._mark: object = None
        self._unreadable_at: float | None = None
        self.recheck_at: float | None = None

    def reconfigured(self, config: RepoConfig) -> Batch:
        """Return the batch of changed settings; what the user has staged is theirs since when it was."""
        batch = Batch(config)
        batch._staged_since = dict(self._staged_since)
        return batch

    def begin(
        self,
        worktree: Worktree,
        paths: frozenset[bytes],
        trees: frozenset[bytes],
        now: float,
        *,
        is_forced: bool,
    ) -> Staging:
        """Begin to stage what was noted; `is_forced` takes files as they are although somebody is writing them."""
        self._paths, self._trees, self._is_forced = paths, trees, is_forced
        self._mark = worktree.mark
        over = frozenset(path for path, since in self._staged_since.items() if now >= since + STAGED_GRACE_S)
        rules = StageRules(
            max_file_size=self.config.max_file_size,
            secrets=self.config.secrets,
            is_forced=is_forced,
            quiet_s=self.config.quiet,
            take_empty=frozenset(path for path, tries in self._forced_tries.items() if tries >= EMPTY_TRIES),
            take_staged=over,
        )
        return worktree.begin_staging(paths, trees, rules)

    def give_back(self, buffer: ChangeBuffer, first_at: float, now: float) -> None:
        """Note everything of this batch again, because it was not committed."""
        buffer.give_back(Noted(self._paths, self._trees, frozenset(), first_at, now))

    def settle(self, staged: Staged, buffer: ChangeBuffer, first_at: float, now: float) -> None:
        """Remember what this batch left out; what was being written is noted again, and waits for quiet anew."""
        seen = self._paths | {change.path for change in staged.changes}
        trees = tuple(tree + b"/" if tree else b"" for tree in self._trees)
        for kept in (self._quarantined, self._unreadable, self._staged_since):
            for path in [path for path in kept if path in seen or path.startswith(trees)]:
                if kept is not self._staged_since or path not in staged.staged_by_user:
                    del kept[path]
        buffer.learn(seen, staged.ignored)
        self._quarantined |= {os.fsencode(item.path): item for item in staged.quarantined}
        self._unreadable |= dict(staged.unreadable)
        for path in staged.staged_by_user:
            self._staged_since.setdefault(path, now)
        self._problems = tuple(problem.message for problem in staged.problems if problem.code != "filter")
        for path in self._forced_tries.keys() & (seen - staged.later):
            del self._forced_tries[path]
        if self._is_forced:
            self._forced_tries |= {path: self._forced_tries.get(path, 0) + 1 for path in staged.later}
        if staged.later:
            # After a forced try the count begins anew: a file that never holds still must not be tried without a pause.
            since = now if self._is_forced else first_at
            buffer.give_back(Noted(staged.later, frozenset(), frozenset(), since, now))
        self._unreadable_at = now + UNREADABLE_RETRY_S if self._unreadable else None
        self._plan(now)

    def _plan(self, now: float) -> None:
        looks = [now + STAGED_LOOK_S] if self._staged_since else []
        self.recheck_at = min([*looks, *filter(None, [self._unreadable_at])], default=None)

    def take_rechecks(self, worktree: Callable[[], Worktree], now: float) -> list[bytes]:
        """Return the paths that were left out and deserve another look now.

        What the user staged does when HEAD or the index has changed since, and when its time is over.
        """
        if self.recheck_at is None or now < self.recheck_at:
            return []
        wanted: list[bytes] = []
        if self._staged_since:
            mark, self._mark = self._mark, worktree().mark
            is_moved = mark != self._mark
            wanted += [at for at, since in self._staged_since.items() if is_moved or now >= since + STAGED_GRACE_S]
        if self._unreadable_at is not None and now >= self._unreadable_at:
            self._unreadable_at = None
            wanted += self._unreadable
        self._plan(now)
        return wanted

    def holds(self, path: bytes) -> bool:
        """Whether `path` is among what is being staged, itself or by a directory above it."""
        return path in self._paths or any(not tree or (path + b"/").startswith(tree + b"/") for tree in self._trees)

    def staged_since(self, path: bytes) -> float | None:
        """Return when it was seen that the user has staged `path`, None where he has not."""
        return self._staged_since.get(path)

    def forget_seen(self, differing: frozenset[bytes]) -> None:
        """Drop what was left out: a full scan has named again what is still `differing`."""
        self._quarantined.clear()
        self._unreadable.clear()
        self._problems = ()
        for path in self._staged_since.keys() - differing:
            del self._staged_since[path]

    @property
    def count(self) -> int:
        """Return how much was noted of what is being staged."""
        return len(self._paths) + len(self._trees)

    @property
    def quarantined(self) -> tuple[Quarantined, ...]:
        """Return the files that wait for a person."""
        return tuple(self._quarantined.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a person may want to know: unreadable files and other trouble that holds up nothing else."""
        unread = [(path, why) for path, why in self._unreadable.items() if path not in self._quarantined]
        lines = [f"cannot read {shown(path)}: {why}" for path, why in unread]
        lines += [
            f"{shown(path)} is staged by you: left alone for {STAGED_GRACE_S / 60:.0f} min"
            for path in self._staged_since
        ]
        return (*self._problems, *lines[:SHOWN_NOTES])


def commit(repository: LocalRepository, worktree: Worktree, staged: Staged) -> list[CommitInfo]:
    """Commit what was staged, as one commit or one per file, and tell the board; return the commits made."""
    config = repository.config
    changes = [Change(change.path, change.kind) for change in staged.changes]
    if not changes:
        return []
    made: list[CommitInfo] = []
    groups: list[tuple[str, frozenset[bytes] | None]]
    if config.granularity == "file":
        groups = [(file_message(change), frozenset({change.path})) for change in changes]
    else:
        # Which files are tracked is told by the files themselves, where there are any.
        told = [change for change in changes if change.path != manifest.NAME] or changes
        groups = [(commit_message(told, config.message, host=socket.gethostname()), None)]
    for message, only in groups:
        before = repository.board.local(repository.name).head
        info = worktree.commit(staged, message, author=config.author, only=only)
        if info is not None:
            repository.copies.pass_over(before, info.id, (change.path for change in changes))
            made.append(info)
            tell(repository, info)
    return made


def tell(repository: LocalRepository, info: CommitInfo) -> None:
    """Tell the board, whoever listens and the exchanger of a commit of ours."""
    name, board = repository.name, repository.board
    ahead = board.local(name).ahead + (1 if repository.has_upstream else 0)
    board.set_local(name, last_commit=info, head=info.id, ahead=ahead)
    board.publish("committed", name, f"committed {name} {info.id[:7]}: {info.message}", commit=info.id)
    repository.post(name, Committed(name))
