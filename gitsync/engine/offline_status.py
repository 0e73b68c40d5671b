"""The status of a repository from files and git alone, for `status` while no daemon runs. Changes nothing.

Runs on the thread of the caller, with a work tree of its own that is closed again.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from gitsync.clock import SystemClock
from gitsync.config.options import RepoConfig
from gitsync.core.conflict import Rules
from gitsync.core.reconcile import may_fetch
from gitsync.core.safety import open_operation_reason
from gitsync.engine.board import Board
from gitsync.engine.exchange.halt_reasons import FIRST_PULL, Halt
from gitsync.engine.exchange.report_memory import ReportMemory
from gitsync.engine.memory import PAUSE_FILE, ExchangeMemory, Memory
from gitsync.engine.repository.conflict_copies import KeptCopies
from gitsync.engine.repository.integration import Distance
from gitsync.git.changes.pending_merge import left, waiting, with_choices
from gitsync.git.remote.upstream import remote_for, url_of
from gitsync.git.staging.worktree import Worktree
from gitsync.git.unexpected import UNEXPECTED_ERRORS, as_error
from gitsync.model import Problem, RepoState
from gitsync.redaction import redact

logger = logging.getLogger(__name__)


def show(board: Board, repo: RepoConfig, repo_state_dir: Path) -> None:
    """Write the current state of `repo` to the status board; errors become its state."""
    board.set_local(repo.name, path=str(repo.path))
    exchanges = repo.exchanges if repo.mode != "commit" else ()
    board.begin_exchanges(repo.name, [each.via for each in exchanges])
    for each in exchanges:
        _show_remembered(board, each, repo_state_dir)
    try:
        worktree = Worktree(repo.path, repo_state_dir, include=repo.include, exclude=repo.exclude)
        try:
            _show(board, repo, worktree, repo_state_dir)
        finally:
            worktree.close()
        if Memory(repo_state_dir / PAUSE_FILE).pause_left(SystemClock().wall()) is not None:
            board.set_local(repo.name, state=RepoState.PAUSED, reason="paused by you")
    except UNEXPECTED_ERRORS as trouble:
        error = as_error(repo.name, trouble)
        problem = Problem(error.code, error.message, error.hint)
        board.set_local(repo.name, state=RepoState.ERROR, reason=error.message, error=problem)


def _show_remembered(board: Board, exchange: RepoConfig, repo_state_dir: Path) -> None:
    remembered, via = ExchangeMemory.of(repo_state_dir, exchange.via), exchange.via
    last_pull, last_push = remembered.text("last_pull"), remembered.text("last_push")
    reports = ReportMemory.of(repo_state_dir, via).reports() if exchange.presence != "off" else ()
    board.set_exchange(exchange.name, via, last_pull=last_pull, last_push=last_push, machines=reports)
    asked = Halt.from_json(remembered.get("halt"))
    if asked is not None:
        text = asked.problem.message
        board.set_exchange(exchange.name, via, state=RepoState.HALTED, reason=text, error=asked.problem)


def _show_first_pull(board: Board, exchange: RepoConfig, repo_state_dir: Path) -> None:
    """Show of an exchange with a remote that nothing was ever pulled from it."""
    is_wanted = may_fetch(exchange.mode) and exchange.pull is not None
    is_calm = board.exchange(exchange.name, exchange.via).state is RepoState.OK
    if is_wanted and is_calm and not ExchangeMemory.of(repo_state_dir, exchange.via).has_exchanged:
        board.set_exchange(exchange.name, exchange.via, state=RepoState.PENDING, reason=FIRST_PULL)


def show_head(board: Board, repo: RepoConfig, repo_state_dir: Path) -> None:
    """Put onto the board where HEAD is, for a repository that is held; errors show when it is released."""
    try:
        worktree = Worktree(repo.path, repo_state_dir, include=repo.include, exclude=repo.exclude)
        try:
            facts, last = worktree.facts(), worktree.last_commit()
        finally:
            worktree.close()
    except UNEXPECTED_ERRORS as trouble:
        logger.debug("%s: %s", repo.name, as_error(repo.name, trouble).message)
        return
    board.set_local(repo.name, branch=facts.branch or "", head=facts.head, last_commit=last)


def _show(board: Board, repo: RepoConfig, worktree: Worktree, repo_state_dir: Path) -> None:
    facts = worktree.facts()
    board.set_local(repo.name, branch=facts.branch or "", head=facts.head, last_commit=worktree.last_commit())
    if facts.open_operation or facts.branch is None:
        reason = open_operation_reason(facts.open_operation or "detached")
        board.set_local(repo.name, state=RepoState.BUSY, reason=reason)
        return
    copies = KeptCopies(repo_state_dir)
    if copies.head != facts.head:
        copies.look(worktree, facts.head)
    board.set_local(repo.name, kept=copies.originals)
    pending = len(worktree.scan(is_doubted=False))
    board.set_local(repo.name, notes=worktree.remarks.lines)
    state = RepoState.PENDING if pending else RepoState.OK
    board.set_local(repo.name, state=state, reason="no daemon commits it" if pending else "", pending=pending)
    Distance(board, repo.name).count(repo, worktree, facts.branch)
    for each in repo.exchanges if repo.mode != "commit" else ():
        choice = remote_for(repo.path, each.remote, facts.branch)
        if choice is not None:
            remote, url = redact(choice.remote), redact(url_of(repo.path, choice.remote))
            board.set_exchange(repo.name, each.via, remote=remote, url=url)
            _show_first_pull(board, each, repo_state_dir)
    held = waiting(worktree)
    if held is not None:
        rules = Rules.of(repo.conflict, repo.conflict_paths)
        paths = left(worktree, held, with_choices(worktree, rules, held.theirs))
        if paths:
            board.set_local(repo.name, state=RepoState.CONFLICT, reason="", conflicts=tuple(map(os.fsdecode, paths)))
