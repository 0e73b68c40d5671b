"""The mirror of home files: a repository whose pending changes are home's too, and whose commits go into home.

Runs on the committer thread, which owns it like every repository. The mirror itself is handled as any work tree is;
what comes besides is that a batch begins with home (`gather`), and that a head that home has not seen yet is followed
there (`follow`) before anything else is done.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from gitsync.clock import Clock
from gitsync.config.options import HOME_WATCH, HomeConfig, RepoConfig
from gitsync.core.coverage import Added, Coverage, add
from gitsync.core.dotfiles import ABSENT
from gitsync.core.manifest import NAME, ManifestEntry
from gitsync.core.questions import chosen
from gitsync.core.safety import home_emptied, mass_deletion
from gitsync.core.states import STANDING, WorktreeState
from gitsync.engine.board import Board, HomePart
from gitsync.engine.messages import Agree, CoverageChanged, TakeAnswer, Track, Untrack, WatcherDoubted
from gitsync.engine.repository.context import Post
from gitsync.engine.repository.home_merge import merge_home
from gitsync.engine.repository.home_trouble import left_out, remarks, stuck
from gitsync.engine.repository.repository import LocalRepository
from gitsync.errors import HaltError, OperationError, TransientError
from gitsync.git.applying.atomic_replace import exists
from gitsync.git.patience import Patience
from gitsync.git.probe import Probe
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.mirror.from_home import Brought, bring
from gitsync.mirror.home_paths import places_of
from gitsync.mirror.host import host_name
from gitsync.mirror.incoming import LEAVE, accept, decline, offer
from gitsync.mirror.judge import judge_all
from gitsync.mirror.mirror_sync import MirrorSync
from gitsync.mirror.to_home import follow
from gitsync.mirror.untrack import entries_at, untrack
from gitsync.model import Problem, Quarantined, RepoState
from gitsync.text import shown
from gitsync.watch.buffer import ChangeBuffer, Noted, Pending
from gitsync.watch.selected import SelectedBuffer

logger = logging.getLogger(__name__)

SHOWN_NOTES = 20


class HomeRepository(LocalRepository):
    """The mirror, with home behind it."""

    def __init__(
        self,
        home: HomeConfig,
        home_buffer: SelectedBuffer,
        config: RepoConfig,
        *,
        buffer: ChangeBuffer,
        board: Board,
        clock: Clock,
        repo_state_dir: Path,
        post: Post,
        probe: Probe,
        patience: Patience | None = None,
    ) -> None:
        self.home = home
        self.home_buffer = home_buffer
        self.keeper: MirrorSync | None = None
        self._left_out: tuple[Quarantined, ...] = ()
        self._asked_of: object = None
        super().__init__(
            config,
            buffer=buffer,
            board=board,
            clock=clock,
            repo_state_dir=repo_state_dir,
            post=post,
            probe=probe,
            patience=patience,
        )

    # -- what a repository is asked ------------------------------------------------------------------------------------

    def open(self) -> Worktree:
        worktree = super().open()
        if self.keeper is None:
            places = places_of(self.config.path)
            self.keeper = MirrorSync(
                worktree,
                places,
                self.home.link,
                self.context.repo_state_dir,
                host_name(),
                probe=self.context.probe,
                incoming=self.home.incoming,
            )
            self._select(self.keeper.coverage)
        return worktree

    def reconfigure_home(self, home: HomeConfig) -> None:
        """Take changed settings of home; `reconfigure` makes them effective."""
        self.home = home

    def close_worktree(self) -> None:
        self.keeper = None
        super().close_worktree()

    def peek(self) -> Pending:
        own, home = self.buffer.peek(), self.home_buffer.peek()
        if not home.count:
            return own
        if not own.count:
            return replace(home, aside_at=own.aside_at)
        return Pending(
            own.count + home.count, min(own.first_at, home.first_at), max(own.last_at, home.last_at), own.aside_at
        )

    def holds(self, path: bytes) -> bool:
        return self.buffer.holds(path) or self.home_buffer.holds(path)

    @property
    def is_behind(self) -> bool:
        """Whether home has not seen yet what was committed."""
        keeper = self.keeper
        return keeper is not None and (bool(keeper.wanting) or self.board.local(self.name).head != keeper.agreed.commit)

    def end_hurry(self) -> None:
        if self.machine is WorktreeState.CLEAN and self.is_behind and not self.retry.is_waiting(self.clock.now()):
            return  # a caller that waits for the commit also waits until home is updated
        super().end_hurry()

    def scan_beside(self) -> bool:
        self.home_buffer.note_rescan("the mirror was scanned")
        return True

    # -- home into the mirror ------------------------------------------------------------------------------------------

    def gather(self, noted: Noted, now: float) -> Noted:
        """Bring what changed in home into the mirror, and return what is to be staged then."""
        home = self.home_buffer.steal()
        try:
            return self._gather(noted, home, now)
        except BaseException:
            self.home_buffer.give_back(home)
            raise

    def _gather(self, noted: Noted, home: Noted, now: float) -> Noted:
        keeper = self._keeper()
        if home.reasons:
            self.context.send(WatcherDoubted(HOME_WATCH))
        is_full = bool(noted.reasons or home.reasons)
        if keeper.load():
            self._select(keeper.coverage)
            is_full = True
        began = [one.first_at for one in (noted, home) if not one.is_empty]
        first_at = min(began, default=now)
        is_overdue = now >= first_at + self.config.max_wait
        brought = bring(
            keeper,
            self._paths(keeper, noted, home, is_full=is_full),
            self._brake("home"),
            is_calm=is_overdue or self.hurry.is_on,
            max_size=self.config.max_file_size,
            is_judged_later=is_full,  # by `_show`
        )
        if brought.held:
            self.home_buffer.give_back(Noted(brought.held, frozenset(), frozenset(), now, now))
        self._left_out = brought.quarantined
        self._show(keeper, is_full=is_full, brought=brought)
        paths = noted.paths | brought.paths
        return Noted(paths, noted.trees, noted.reasons, first_at, max(noted.last_at, home.last_at))

    def _paths(self, keeper: MirrorSync, noted: Noted, home: Noted, *, is_full: bool) -> set[bytes]:
        """Return the tracked paths that may differ: what was noted in home, and what went from the mirror."""
        tree = keeper.head_tree
        with keeper:
            if is_full:
                return keeper.files_of(b"", tree)
            found = set(noted.paths)
            for path in home.paths:
                found |= keeper.files_of(path, tree) if keeper.is_directory_at_home(path) else keeper.names_of(path)
            for at in (*home.trees, *noted.trees):
                found |= keeper.files_of(at, tree)
            return found

    # -- the mirror into home ------------------------------------------------------------------------------------------

    def follow(self, now: float) -> None:
        """Bring into home what was committed, and merge what both sides changed."""
        keeper = self._keeper()
        if keeper.load():
            self._select(keeper.coverage)
        followed = follow(keeper, self._brake("the mirror"))
        for paths, at in ((followed.again, now - self.config.quiet), (followed.waiting, now)):
            if paths:
                self.home_buffer.give_back(Noted(paths, frozenset(), frozenset(), at, at))
        if followed.commit:
            self.buffer.note(followed.commit)
        if followed.changed:
            names = ", ".join(f"~/{shown(path)}" for path in sorted(followed.changed)[:3])
            more = f" and {len(followed.changed) - 3} more" if len(followed.changed) > 3 else ""
            self.board.publish("home", self.name, f"brought into home: {names}{more}")
        if followed.again or followed.changed:
            self._select(keeper.coverage)
        if followed.merges:
            merge_home(self, keeper, followed.merges)
        self._show(keeper, is_full=False, brought=Brought())

    def revive(self, paths: frozenset[bytes]) -> None:
        """Write these files to home where they are missing, as if they had come new from another machine."""
        keeper = self._keeper()
        keeper.load()
        with keeper:
            tracked = {path for path in paths if keeper.coverage.entry(path) is not None}
            missing = {path for path in tracked if not exists(keeper.home.handle, path)}
        if missing:
            keeper.agree(sorted(missing))
            keeper.agreed.note(dict.fromkeys(missing, ABSENT))
            for path in missing:
                keeper.shared.forget(path)
            follow(keeper, self._brake("the mirror"))

    # -- what is tracked -----------------------------------------------------------------------------------------------

    def track(self, entries: tuple[ManifestEntry, ...]) -> Added:
        """Track these paths of home; they are brought over and committed by the next slices."""
        keeper = self._keeper()
        keeper.load()
        added = add(keeper.manifest, entries)
        here = [entry for entry in entries if entry.is_for(keeper.host)]
        # In this order, for a death between the two: an entry that was not agreed to would stay without its files.
        self._agree_to(
            [entry.path for entry in here if not entry.is_directory],
            [entry.path for entry in here if entry.is_directory],
        )
        if added.added:
            keeper.write(added.manifest)
            at = self.clock.now() - self.config.quiet
            self.buffer.give_back(Noted(frozenset({NAME}), frozenset(), frozenset(), at, at))
            self._select(keeper.coverage)
        return added

    def agree(self, paths: tuple[bytes, ...]) -> None:
        """Agree to these files, and to all that is tracked below these directories."""
        keeper = self._keeper()
        keeper.load()
        self._agree_to(
            [path for path in paths if not keeper.is_directory(path)],
            [path for path in paths if keeper.is_directory(path)],
        )

    def _agree_to(self, files: list[bytes], directories: list[bytes]) -> None:
        keeper = self._keeper()
        keeper.agree(files, directories)
        self._look_at([*files, *directories])

    def _look_at(self, paths: list[bytes]) -> None:
        """Have these paths of home brought over without waiting for quiet."""
        self._select(self._keeper().coverage)
        at = self.clock.now() - self.config.quiet
        self.home_buffer.give_back(Noted(frozenset(), frozenset(paths), frozenset(), at, at))

    def take_answer(self, word: str, ids: tuple[str, ...]) -> bool:
        """Take an answer to what is asked of home now; return whether one is open. Raise UsageError."""
        keeper = self._keeper()
        keeper.load()
        found = offer(keeper, keeper.head_tree)
        question = found.question(self.name)
        if question is None or (ids and question.id not in ids):
            return False
        chosen(self.name, [question], word)
        if word == LEAVE:
            decline(keeper, found)
        else:
            accept(keeper, found)
            self._look_at([entry.path for entry in found.entries])
        self._ask(keeper)
        return True

    def _ask(self, keeper: MirrorSync) -> None:
        """Show what is asked of home, where something of it may have changed."""
        key = keeper.head, keeper.manifest, keeper.agreement, keeper.agreed.unsettled
        if key != self._asked_of:
            self._asked_of = key
            question = offer(keeper, keeper.head_tree).question(self.name)
            self.board.set_local(self.name, questions=() if question is None else (question,))

    def untrack(self, paths: tuple[bytes, ...]) -> tuple[ManifestEntry, ...]:
        """Stop tracking these paths; the mirror loses them with the next commit, home keeps them."""
        keeper = self._keeper()
        keeper.load()
        removed = entries_at(keeper.manifest, paths)
        gone = untrack(keeper, removed)
        self._select(keeper.coverage)
        at = self.clock.now() - self.config.quiet
        self.buffer.give_back(Noted(gone | {NAME}, frozenset(), frozenset(), at, at))
        self.hold.consent.agree_to_all()  # these deletions were asked for
        return removed

    # -- small ones ----------------------------------------------------------------------------------------------------

    def _keeper(self) -> MirrorSync:
        self.open()
        assert self.keeper is not None
        if not self.keeper.is_home_there():
            where = os.fsdecode(self.keeper.places.home)
            raise TransientError(f"home: {where} is not the directory it was", "is it mounted?", code="home-vanished")
        return self.keeper

    def _brake(self, where: str) -> Callable[[int, int], None]:
        return partial(self._check_removal, where)

    def _check_removal(self, where: str, tracked: int, removed: int) -> None:
        problem: Problem | None = None
        if not self.hold.consent.covers(removed):
            problem = mass_deletion(self.name, tracked, removed, self.config.brake_deletes)
            problem = problem or home_emptied(self.name, where, tracked, removed)
        if problem is not None:
            raise HaltError(problem.message, problem.hint, code=problem.code)

    def _select(self, coverage: Coverage) -> None:
        """Have what is tracked watched, and nothing else."""
        if self.home_buffer.select(coverage):
            self.context.send(CoverageChanged())

    def _show(self, keeper: MirrorSync, *, is_full: bool, brought: Brought) -> None:
        self._select(keeper.coverage)  # what was just done may have changed the manifest
        with keeper:
            if is_full:
                judge_all(keeper, brought.known, brought.in_order)
            tracked = keeper.tracked_count(keeper.head_tree)
        broken = tuple((os.fsdecode(path), str(found)) for path, found in sorted(keeper.broken.items()))
        self._ask(keeper)
        self.board.set_home(HomePart(str(self.config.path), tracked, broken, left_out(keeper)))
        if self.board.local(self.name).notes != (notes := self.notes()):
            self.context.show(notes=notes)

    def show_batch(self) -> None:
        super().show_batch()
        if self._left_out:
            quarantined = (*self.batch.left_out.quarantined, *self._left_out)
            self.context.show(quarantined=quarantined)

    def notes(self) -> tuple[str, ...]:
        return (*super().notes(), *(remarks(self.keeper)[:SHOWN_NOTES] if self.keeper else ()))

    def show(self, state: RepoState, reason: str) -> None:
        """Show the state; a path that nothing can be done about is an error, and holds up no other."""
        problem = stuck(self.name, self.keeper) if self.keeper and state is RepoState.OK else None
        if problem is None:
            super().show(state, reason)
        elif self.board.local(self.name).error != problem:
            self.board.set_local(self.name, state=RepoState.ERROR, reason=problem.message, error=problem)


def track(repo: LocalRepository | None, asked: Track | Untrack | Agree | TakeAnswer, future: Future[Any]) -> None:
    """Do what is asked and complete `future`, or refuse with the reason; nothing was changed then."""
    if not isinstance(repo, HomeRepository):
        future.set_exception(OperationError("there is no mirror of home files yet", "make one: gitsyncctl init"))
        return
    if repo.machine in STANDING and isinstance(asked, Track | Untrack):
        status = repo.board.status(repo.name)
        hint = status.error.hint if status.error else "see: gitsyncctl status home"
        why = status.reason or str(status.state)
        future.set_exception(OperationError(f"home cannot be changed now: {why}", hint, code="held"))
        return
    try:
        future.set_result(_do(repo, asked))
    except UNEXPECTED_ERRORS as trouble:
        future.set_exception(as_error(repo.name, trouble))


def _do(repo: HomeRepository, asked: Track | Untrack | Agree | TakeAnswer) -> object:
    match asked:
        case Track(entries=entries):
            return repo.track(entries)
        case Untrack(paths=paths):
            return repo.untrack(paths)
        case Agree(paths=paths):
            repo.agree(paths)
            return None
        case TakeAnswer(word=word, ids=ids):
            return repo.take_answer(word, ids)
