"""The exchanger's pending replies of a repository, and the distance of the branch from its upstream.

Runs on the committer thread. `Distance` is the only writer of `ahead` and `behind` on the board.
"""

from __future__ import annotations

from gitsync.config.options import RepoConfig
from gitsync.engine.board import INBOX, Board
from gitsync.engine.messages import Fetched, HeadRead, HeadWanted, Integrated
from gitsync.engine.repository.context import RepositoryContext
from gitsync.engine.repository.stale_saves import StaleSaves
from gitsync.git.objects.refs import ahead_behind
from gitsync.git.remote.destination import standing
from gitsync.git.staging.worktree import Worktree
from gitsync.model import CommitInfo, Problem


class Distance:
    """How many commits the branch and its upstream do not share, as the board shows it."""

    def __init__(self, board: Board, name: str) -> None:
        self._board = board
        self._name = name
        self._by_remote: dict[str, tuple[int, int]] = {}  # those that are known

    def count(self, config: RepoConfig, worktree: Worktree, branch: str | None) -> None:
        """Count from what each remote was last known to have."""
        self._by_remote = {}
        for exchange in config.exchanges if branch else ():
            if found := standing(worktree, config.path, exchange.remote, branch or ""):
                self._by_remote[exchange.via] = found
        self._show()

    def count_to(self, config: RepoConfig, worktree: Worktree, fetched: Fetched) -> None:
        """Count to what was fetched just now, and to what the other remotes were known to have."""
        self.count(config, worktree, worktree.facts().branch)
        if fetched.upstream is not None and fetched.via != INBOX:
            ahead, behind = ahead_behind(worktree, fetched.upstream)
            # What is ahead is counted to where it is sent, which may be another branch than the one that is fetched.
            self._by_remote[fetched.via] = self._by_remote.get(fetched.via, (ahead, 0))[0], behind
        self._show()

    def see_commit(self, info: CommitInfo) -> None:
        """Count one more, and show the commit."""
        self._by_remote = {via: (ahead + 1, behind) for via, (ahead, behind) in self._by_remote.items()}
        self._show(last_commit=info, head=info.id)

    def see_push(self, commit: str, via: str) -> None:
        """A remote's branch is `commit` now; a commit made while the push was under way is still ahead."""
        ahead, behind = self._by_remote.get(via, (0, 0))
        self._by_remote[via] = 0 if self._board.local(self._name).head == commit else max(ahead, 1), behind
        self._show()

    def _show(self, **more: object) -> None:
        """Show each distance; ahead of the repository is what no remote has, behind what any has."""
        found = self._by_remote.values()
        ahead, behind = min((each[0] for each in found), default=0), max((each[1] for each in found), default=0)
        self._board.set_local(self._name, ahead=ahead, behind=behind, distances=dict(self._by_remote), **more)


class Integration:
    """What is to be taken in, what became of the last try, and what earlier ones replaced."""

    def __init__(self, distance: Distance, stale: StaleSaves) -> None:
        self.distance = distance
        self.stale = stale
        self.conflict: Problem | None = None
        self._conflict_via = ""
        self._queue: list[Fetched | HeadWanted] = []
        self._not_before = 0.0
        self._overtaken: tuple[str | None, frozenset[bytes]] | None = None

    @property
    def wanted(self) -> Fetched | HeadWanted | None:
        """Return what an exchanger waits for, one after the other; None for nothing."""
        return self._queue[0] if self._queue else None

    def begin(self, wanted: Fetched | HeadWanted) -> None:
        """Note what an exchanger waits for, in place of what it waited for before."""
        self._queue = [each for each in self._queue if each.via != wanted.via] + [wanted]
        self._not_before = 0.0

    def answer(
        self, context: RepositoryContext, head: str | None, *, is_ahead: bool = False, problem: Problem | None = None
    ) -> None:
        """Answer the exchanger that waits longest, if one does: without a head nothing could be taken in now."""
        wanted, self._queue = self.wanted, self._queue[1:]
        self._overtaken, self._not_before = None, 0.0
        if isinstance(wanted, Fetched):
            context.send(Integrated(wanted.repo, wanted.branch, head, is_ahead, problem, wanted.via))
        elif wanted is not None:
            context.send(HeadRead(wanted.repo, wanted.branch, head, wanted.via))

    def answer_all(self, context: RepositoryContext) -> None:
        """Answer every exchanger that nothing can be taken in now."""
        while self._queue:
            self.answer(context, None)

    def wait(self, until: float) -> None:
        """Try again at the monotonic instant `until`: a file of it is open for writing in another program."""
        self._not_before = until

    def due_at(self, now: float) -> float | None:
        """Return when to integrate, None where nobody waits for it."""
        return None if self.wanted is None else max(now, self._not_before)

    def is_due(self, now: float) -> bool:
        """Whether the exchanger waits, and there is no reason to let it wait."""
        return self.wanted is not None and now >= self._not_before

    def see_conflict(self, problem: Problem | None, via: str) -> bool:
        """Note the conflict with a remote that waits for a user; None ends the one with that remote.

        Return whether that changes what is to be shown: the conflict with another remote stays.
        """
        if problem is None and self.conflict is not None and via != self._conflict_via:
            return False
        self.conflict, self._conflict_via = problem, via
        return True

    def end_conflict(self) -> None:
        """The commit that was in conflict is in the branch."""
        self.conflict = None

    def see_edits(self, head: str | None, paths: frozenset[bytes]) -> None:
        """Note the paths that were edited while `head` was being integrated."""
        self._overtaken = head, paths

    def has_seen(self, head: str | None, paths: frozenset[bytes]) -> bool:
        """Whether the same paths were edited at the last try, with the same HEAD."""
        return self._overtaken == (head, paths)
