"""One repository's work tree as the committer sees it: facts, scan, staging, commit. Runs on the committer thread,
which owns every `Worktree` and its pygit2 handles.

A commit is HEAD's tree, changed along the noted paths; the user's index is neither its base nor swept by it. Under
the index's lock it is checked that nobody moved anything since the batch was begun; then the branch moves by
compare-and-swap, is read back, and the committed entries, and only those, are set in the index. A note on disk tells
of a branch whose index has not followed yet, so that a crash in between does not look like the user's staging.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gitsync import clock
from gitsync.clock import SystemClock
from gitsync.core.message import with_machine
from gitsync.core.spelling import composed
from gitsync.errors import OperationError, TransientError
from gitsync.git import dead_locks
from gitsync.git.files import held_open
from gitsync.git.index.index import IndexFile, PreparedIndex, Signature
from gitsync.git.index.lock import Replace
from gitsync.git.index.raw import CorruptIndexError, IndexEntry, NewEntry
from gitsync.git.objects.branch_move import BranchMove
from gitsync.git.objects.commits import TipMovedError, info_of, lock_of, write_commit
from gitsync.git.objects.loose import LooseWriter
from gitsync.git.objects.pack import PackWriter
from gitsync.git.objects.store import ObjectStore, common_dir
from gitsync.git.objects.trees import diff, edit_tree, lookup
from gitsync.git.open_commit import RecentGit, is_git_at_work
from gitsync.git.patience import Patience
from gitsync.git.probe import Probe, no_probe
from gitsync.git.program import GitProgram
from gitsync.git.repository import RepoFacts, bare_error, head_of, open_operation, open_repository
from gitsync.git.rules import config
from gitsync.git.rules.identity import identity_of
from gitsync.git.rules.ignores import IgnoreRules
from gitsync.git.staging.arrivals import Arrivals
from gitsync.git.staging.contents import KnownContents
from gitsync.git.staging.filters import Filters
from gitsync.git.staging.held_paths import HeldPaths
from gitsync.git.staging.ignored_tracked import NAME, IgnoredTracked
from gitsync.git.staging.left_behind import LeftBehind
from gitsync.git.staging.placed import Placed
from gitsync.git.staging.remarks import Remarks
from gitsync.git.staging.stage import StageContext, Staged, StagedChange, StageRules, Staging
from gitsync.git.staging.status import differing
from gitsync.model import CommitInfo

__all__ = ["RepoFacts", "StageRules", "Staged", "StagedChange", "Staging", "TipMovedError", "Worktree"]
logger = logging.getLogger(__name__)

# How long a pull that is ready waits for the end of a git command of the user's (seconds); then it is put back.
CALM_S, CALM_POLL_S = 0.3, 0.01


class Worktree:
    """A work tree; `repo` is libgit2's handle and `store` the objects, for the modules beside this one."""

    def __init__(
        self,
        root: Path,
        repo_state_dir: Path,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        probe: Probe = no_probe,
        machine: str = "",
        removes_dead_locks: bool = True,
        patience: Patience | None = None,
    ) -> None:
        """Open the repository whose work tree begins at `root`, and repair what a crash left.

        `repo_state_dir` is private to this repository; `probe` is called at each step of an integration. `machine` is
        what this machine is called in the commits made here. Without `removes_dead_locks` only gitsync's own locks are
        removed, and any other is reported. `patience` says how long the user's programs are waited for. Raise
        OperationError:
        not-a-repository, bare, unsafe, unsupported, worktree-elsewhere, git-missing.
        """
        self.root = os.path.realpath(root)
        self.repo_state_dir = repo_state_dir
        self.probe = probe
        self.machine = machine
        repo_state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.repo = open_repository(self.root)
        self.git_dir = self.repo.path.rstrip("/")
        if removes_dead_locks:
            dead_locks.sweep(self.git_dir, common_dir(self.git_dir))
        self.program = GitProgram(self.git_dir, self.root)
        self.store = ObjectStore(self.repo, self.program, patience)
        self.index = IndexFile(self.program, repo_state_dir, removes_dead_locks=removes_dead_locks)
        self.left_behind = LeftBehind(self.root, repo_state_dir)
        self.ignores = IgnoreRules(Path(self.root), include, exclude)
        self.filters = Filters(self.store, self.root)
        self.arrivals = Arrivals(repo_state_dir)
        self.placed = Placed()
        self.held = HeldPaths(self.root, repo_state_dir)
        self.remarks = Remarks(self.root, self.held)
        self._contents: KnownContents | None = None
        self._include = tuple(include)
        self._opened_as = self.identity()
        self._successor: tuple[object, str] | None = None
        self._clock = SystemClock()
        self._recent_git = RecentGit(self.root)
        # A lock that somebody holds is met again, and reported, by the next staging.
        with suppress(TransientError):
            self.recover()

    def close(self) -> None:
        """Let go of the repository."""
        self.rest()
        self.index.close()
        self.repo.free()

    def rest(self) -> None:
        """Let go of the children that answer for git's rules; call it when there is nothing to do for a while."""
        self.ignores.rest()
        self.filters.rest()

    def remember_contents(self) -> KnownContents:
        """Remember what the files that are staged from now on hold, and return where."""
        self._contents = self._contents or KnownContents()
        return self._contents

    def identity(self) -> tuple[int, int]:
        """Return device and inode of the root now; raise OperationError "root-vanished" when there is none."""
        try:
            facts = os.stat(self.root)
        except OSError as error:
            raise OperationError(
                f"cannot look at {self.root}: {error.strerror}", "is the disk mounted?", code="root-vanished"
            ) from error
        return facts.st_dev, facts.st_ino

    @property
    def signature(self) -> Signature | None:
        """What changes whenever somebody writes the index."""
        return self.index.signature

    @property
    def mark(self) -> tuple[Signature | None, str | None]:
        """What changes whenever somebody writes the index or moves HEAD."""
        return self.index.signature, head_of(self.repo)[1]

    def facts(self) -> RepoFacts:
        """Return where HEAD is and what the user has open.

        Raise OperationError when HEAD cannot be read, and "bare" when core.bare was set since the repository was
        opened: every git command of the user's fails then.
        """
        # Of a linked work tree, the repository may well be bare.
        if os.path.isdir(os.path.join(self.root, ".git")) and config.read(Path(self.root)).is_true("core.bare"):
            raise bare_error(self.root)
        branch, head = head_of(self.repo)
        operation = open_operation(self.repo)
        if not operation and self.index.has_conflicts():
            is_squash = os.path.exists(os.path.join(self.git_dir, "SQUASH_MSG"))
            operation = "squash" if is_squash else "conflicts"
        return RepoFacts(head, branch, head is None, operation)

    def tracked_count(self) -> int:
        """Return how many paths git tracks here, as the index says; cheap."""
        return self.index.count()

    def last_commit(self) -> CommitInfo | None:
        """Return HEAD's commit; raise OperationError "missing-object" when it is not there, or damaged."""
        head = head_of(self.repo)[1]
        if head is None:
            return None
        self.store.read(head)  # before libgit2, which hangs on one that is cut short
        return info_of(self.repo, head)

    def scan(self, *, is_doubted: bool = True) -> frozenset[bytes]:
        """Return every path that is not the same in HEAD, index and work tree; what is ignored is left out.

        Unless anything `is_doubted`, what is remembered of the ignore rules counts where no rule is seen to differ.
        """
        self._check_root()
        self._mend_missing_index()
        head = head_of(self.repo)[1]
        found = differing(self.program, self._include, self.ignores.is_excluded)
        # A tree that was not HEAD's all the time says nothing of what differs.
        tree = self._tree_of(head) if head is not None and head == head_of(self.repo)[1] else None
        ignored = IgnoredTracked(self.repo_state_dir / NAME, self.store, self.program, self.index, self.ignores)
        self.remarks.see(found.nested, (ignored.ask if is_doubted else ignored.update)(tree, found.paths))
        return found.paths

    def begin_staging(self, paths: Iterable[bytes], trees: Iterable[bytes], rules: StageRules) -> Staging:
        """Begin to compare noted `paths`, and everything below `trees`, with HEAD; nothing is moved or changed yet.

        Raise TransientError "index-locked" while another git is at work.
        """
        self._check_root()
        if self.index.lock.is_held():
            raise self.index.lock.refusal()
        self.recover()
        self._mend_missing_index()
        branch, head = head_of(self.repo)
        tree = None if head is None else self._tree_of(head)
        self.ignores.refresh()
        self.filters.refresh(tree)
        settings = config.read(Path(self.root))
        is_composing = sys.platform == "darwin" and settings.is_true("core.precomposeunicode")
        context = StageContext(
            self.root,
            self.store,
            self.index,
            self.ignores,
            self.filters,
            self.left_behind,
            self.held,
            self.arrivals,
            self.remarks,
            self._contents,
            self.placed,
            head,
            branch,
            tree,
            settings.is_true("core.filemode", True),
            settings.is_true("core.symlinks", True),
            is_composing,
        )
        noted = {*paths, *trees}
        return Staging(context, map(composed, noted) if is_composing else noted, rules)

    def commit(
        self, staged: Staged, message: str, author: str = "", only: frozenset[bytes] | None = None
    ) -> CommitInfo | None:
        """Commit what was staged (of it `only` these paths) and return the commit, None when it would be empty.

        Raise TipMovedError when HEAD, branch or the paths' index entries are not what they were, TransientError
        "index-locked", and OperationError: signing, disk-full, read-only, … Nothing is half-done then.
        """
        changes = [change for change in staged.changes if only is None or change.path in only]
        if not changes:
            return None
        self._check_root()
        base = self._base_of(staged)
        old_tree = None if base is None else self._tree_of(base)
        writer = staged.writer or LooseWriter(self.store)
        if only is not None and isinstance(writer, PackWriter):
            writer.flush()
            writer = LooseWriter(self.store)  # a pack for each of many commits would be many packs
        tree = edit_tree(writer, old_tree, {change.path: change.entry for change in changes})
        if tree == old_tree:
            return None
        who = identity_of(self.root, author)
        parents = [] if base is None else [base]
        text = with_machine(message, self.machine)
        unsynced: set[str] = set()
        at = self._clock.wall()
        commit = write_commit(self.store, tree, parents, text, who.author, who.committer, at, writer, unsynced=unsynced)
        subject = message.partition("\n")[0]
        branch = staged.branch
        if branch is None:
            raise TipMovedError(f"HEAD of {self.root} is on no branch", "switch to a branch: git switch BRANCH")
        self._check_unmoved(staged, base, changes)
        new = {change.path: _new_entry(change) for change in changes}
        prepared = self.index.prepare(new)
        move = BranchMove(self.repo, branch, base, commit, subject, who.committer, self.index.lock.draft)
        try:
            # git does not wait for the lock of the index: all that takes time is done before.
            with move:
                self.index.intend(base, commit, lock_of(self.repo, branch), {*unsynced, *move.unsynced}, prepared)
                if prepared is not None and prepared.signature != self.index.signature:
                    self._check_unmoved(staged, base, changes)
                    prepared = self.index.prepare_again(new)
                with self.calm_lock(move, prepared) as replace:
                    if prepared is None or prepared.signature != self.index.signature:
                        self._check_unmoved(staged, base, changes)
                    else:
                        self._check_head(staged, base)
                    move.make()
                    self._successor = (staged.batch, commit)
                    is_followed = self.set_entries(new, tree, replace, prepared)
        finally:
            self.index.lock.discard()
            if not move.is_made:
                self.index.settle()
        if is_followed:
            self.index.settle()
        return info_of(self.repo, commit)

    @contextmanager
    def calm_lock(self, move: BranchMove, prepared: PreparedIndex | None) -> Iterator[Replace]:
        """Hold the locks of the branch and the index, unless a git command of the user's runs; raise as they do."""
        self.check_calm()
        path = None if prepared is None else prepared.path
        # What is replaced is freed when nobody has it open any more, which takes milliseconds on a busy disk.
        with held_open(self.index.path, move.path), move.locked(), self.index.lock.held(path) as replace:
            yield replace

    def await_calm(self) -> None:
        """Wait for a moment until no git command of the user's runs; holds no lock."""
        ends_at = self._clock.now() + CALM_S
        while self._clock.now() < ends_at:
            with suppress(TransientError):
                self.check_calm()
                return
            clock.sleep(CALM_POLL_S)

    def check_calm(self) -> None:
        """Raise TransientError "index-locked" while a git command of the user's runs, which may be a commit."""
        written_at = self.index.foreign_at
        age = None if written_at is None else self._clock.wall() - written_at
        if is_git_at_work(self.git_dir, self.root, age) or self._recent_git.is_running():
            raise TransientError(
                f"a git command of its user is running in {self.root}",
                "gitsync will try again when git has finished",
                code="index-locked",
            )

    def recover(self) -> None:
        """Let the index follow a branch that was moved before a crash; what the user staged since stays.

        Raise TransientError "index-locked" when somebody else holds the index.
        """
        intended = self.index.intended()
        if intended is None:
            return
        self.index.sweep_ref_lock()
        old, new = intended
        if not self.store.has(new):
            self.index.settle()
            return
        with self.index.lock.held() as replace:
            head = head_of(self.repo)[1]
            head_tree = None if head is None else self._tree_of(head)
            moved = diff(self.store, None if old is None else self._tree_of(old), self._tree_of(new))
            try:
                entries = self.index.entries(moved) if not self.index.is_missing else {}
            except CorruptIndexError:  # a power cut emptied it
                if self.set_entries({}, head_tree, replace):
                    self.index.settle()
                return
            changes: dict[bytes, NewEntry | None] = {}
            for path, (was, now) in moved.items():
                entry = entries.get(path)
                if (entry and (entry.mode, entry.id)) == was and lookup(self.store, head_tree, path) == now:
                    changes[path] = None if now is None else NewEntry(*now)
            if not changes or self.set_entries(changes, head_tree, replace):
                self.index.settle()

    def set_entries(
        self,
        changes: dict[bytes, NewEntry | None],
        tree: str | None,
        replace: Replace,
        prepared: PreparedIndex | None = None,
    ) -> bool:
        """Set the entries of a branch that has moved, and return whether it was done; if not, the note stays, and the
        next staging does it.
        """
        try:
            try:
                self.index.update(changes, replace, prepared)
            except CorruptIndexError as error:
                logger.warning("%s: the index is unreadable (%s): rebuilding it from HEAD", self.root, error)
                self.index.rebuild(tree, replace)
        except OperationError as error:
            # The branch has moved and is safe: an error would have the commit made, or the merge applied, again.
            logger.warning("%s: the index was not updated after the branch moved: %s", self.root, error.message)
            return False
        return True

    def _base_of(self, staged: Staged) -> str | None:
        """Return the commit to build on: the staged HEAD, or what earlier commits of the same batch made of it."""
        if self._successor is not None and self._successor[0] is staged.batch:
            return self._successor[1]
        return staged.head

    def _check_head(self, staged: Staged, base: str | None) -> None:
        branch, head = head_of(self.repo)
        if (branch, head) != (staged.branch, base):
            raise TipMovedError(f"HEAD of {self.root} was moved meanwhile", "gitsync will try again by itself")
        if open_operation(self.repo):
            raise TipMovedError(f"an operation of git's was begun in {self.root}", "see: git status")

    def _check_unmoved(self, staged: Staged, base: str | None, changes: list[StagedChange]) -> None:
        self._check_head(staged, base)
        try:
            entries = self.index.entries(change.path for change in changes)
        except CorruptIndexError:
            return  # it is rebuilt after the commit
        if any(_said(entries[change.path]) != _said(staged.seen.get(change.path)) for change in changes):
            raise TipMovedError(f"the index of {self.root} was changed meanwhile", "it is tried again by itself")

    def _check_root(self) -> None:
        if self.identity() != self._opened_as:
            raise OperationError(f"{self.root} is another directory than it was", "look at it", code="root-replaced")

    def _tree_of(self, commit: str) -> str:
        return self.store.read(commit)[1][5:45].decode("ascii")

    def _mend_missing_index(self) -> None:
        """Rebuild an index that is lost or broken from HEAD, unless nothing is checked out."""
        if self.index.is_known:
            return
        try:
            self.index.entries(())
            if not self.index.is_missing or set(os.listdir(self.root)) <= {".git"}:
                return
        except CorruptIndexError as error:
            logger.warning("%s: the index is unreadable (%s): rebuilding it from HEAD", self.root, error)
        head = head_of(self.repo)[1]
        if head is not None:
            with self.index.lock.held() as replace:
                self.index.rebuild(self._tree_of(head), replace)


def _said(entry: IndexEntry | None) -> IndexEntry | None:
    """Return an entry without what it remembers of the file, which any `git status` may bring up to date."""
    return None if entry is None else entry._replace(stat=())


def _new_entry(change: StagedChange) -> NewEntry | None:
    return None if change.entry is None else NewEntry(*change.entry, change.stat)
