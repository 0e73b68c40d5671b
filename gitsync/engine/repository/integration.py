"""The exchanger's pending replies of a repository, and the distance of the branch from its upstream.

Runs on the committer thread. `Distance` is the only writer of `ahead` and `behind` on the board.
"""

from __future__ import annotations

from gitsync.config.options import RepoConfig
from gitsync.engine.board import Board
from gitsync.engine.messages import Fetched, HeadRead, HeadWanted, Integrated
from gitsync.engine.repository.context import RepositoryContext
from gitsync.git.objects.refs import ahead_behind
from gitsync.git.remote.destination import standing
from gitsync.git.staging.worktree import Worktree
from gitsync.model import CommitInfo, Problem


class Distance:
    """How many commits the branch and its upstream do not share, as the board shows it."""

    def __init__(self, board: Board, name: str) -> None:
        self._board = board
        self._name = name
        self._has_upstream = False

    def count(self, config: RepoConfig, worktree: Worktree, branch: str | None) -> None:
        """Count from what the remote was last known to have."""
        found = standing(worktree, config.path, config.remote, branch) if branch else None
        self._has_upstream = found is not None
        self._show(*(found or (0, 0)))

    def count_to(self, config: RepoConfig, worktree: Worktree, upstream: str) -> None:
        """Count to the commit `upstream`, which was fetched just now."""
        self._has_upstream = True
        ahead, behind = ahead_behind(worktree, upstream)
        if found := standing(worktree, config.path, config.remote, worktree.facts().branch or ""):
            ahead = found[0]  # to where it is sent, which may be another branch than the one that is fetched
        self._show(ahead, behind)

    def see_commit(self, info: CommitInfo) -> None:
        """Count one more, and show the commit."""
        local = self._board.local(self._name)
        ahead = local.ahead + (1 if self._has_upstream else 0)
        self._show(ahead, local.behind, last_commit=info, head=info.id)

    def see_push(self, commit: str) -> None:
        """The remote's branch is `commit` now; a commit made while the push was under way is still ahead."""
        self._has_upstream = True
        local = self._board.local(self._name)
        self._show(0 if local.head == commit else max(local.ahead, 1), local.behind)

    def _show(self, ahead: int, behind: int, **more: object) -> None:
        self._board.set_local(self._name, ahead=ahead, behind=behind, **more)


class Integration:
    """What is to be taken in, and what became of the last try."""

    def __init__(self, distance: Distance) -> None:
        self.distance = distance
        self.wanted: Fetched | HeadWanted | None = None
        self.conflict: Problem | None = None
        self._not_before = 0.0
        self._overtaken: tuple[str | None, frozenset[bytes]] | None = None

    def begin(self, wanted: Fetched | HeadWanted) -> None:
        """Note what the exchanger waits for."""
        self.wanted, self._not_before = wanted, 0.0

    def answer(
        self, context: RepositoryContext, head: str | None, *, is_ahead: bool = False, problem: Problem | None = None
    ) -> None:
        """Answer the exchanger, if it waits: without a head nothing could be taken in now."""
        wanted, self.wanted = self.wanted, None
        self._overtaken, self._not_before = None, 0.0
        if isinstance(wanted, Fetched):
            context.send(Integrated(wanted.repo, wanted.branch, head, is_ahead, problem))
        elif wanted is not None:
            context.send(HeadRead(wanted.repo, wanted.branch, head))

    def wait(self, until: float) -> None:
        """Try again at the monotonic instant `until`: a file of it is open for writing in another program."""
        self._not_before = until

    def due_at(self, now: float) -> float | None:
        """Return when to integrate, None where nobody waits for it."""
        return None if self.wanted is None else max(now, self._not_before)

    def is_due(self, now: float) -> bool:
        """Whether the exchanger waits, and there is no reason to let it wait."""
        return self.wanted is not None and now >= self._not_before

    def see_conflict(self, problem: Problem | None) -> None:
        """Note the conflict that waits for a user; None ends it."""
        self.conflict = problem

    def see_edits(self, head: str | None, paths: frozenset[bytes]) -> None:
        """Note the paths that were edited while `head` was being integrated."""
        self._overtaken = head, paths

    def has_seen(self, head: str | None, paths: frozenset[bytes]) -> bool:
        """Whether the same paths were edited at the last try, with the same HEAD."""
        return self._overtaken == (head, paths)
