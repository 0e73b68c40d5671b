"""Syncing on demand: commit, then exchange, then look at what the exchange wrote.

Runs on connection threads, and on the main thread of a single pass. Owns nothing; waits with deadlines.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from concurrent.futures import wait as futures_wait
from functools import partial
from typing import Any

from gitsync.clock import Clock
from gitsync.daemon.exchanges import Exchanges
from gitsync.engine.board import Board
from gitsync.engine.committer import Committer
from gitsync.engine.exchange.exchanger import Exchanger
from gitsync.engine.exchange.inbox_taker import InboxTaker
from gitsync.engine.messages import CommitNow, ExchangeNow, InboxNow
from gitsync.engine.owner import Ask, Owner
from gitsync.errors import GitsyncError

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
# How long a command that syncs, or a single pass, waits for all of it.
SYNC_PATIENCE_S = 600.0


def sync(
    committer: Committer,
    exchangers: Exchanges,
    inbox: InboxTaker,
    board: Board,
    names: list[str],
    clock: Clock,
    patience_s: float,
    direction: str = "both",
    *,
    is_scanning: bool = True,
) -> None:
    """Commit, fetch, integrate and push the named repositories; return when done or out of patience (seconds).

    `direction` push or pull leaves out the other part of the exchange. Without `is_scanning` everything is known that
    is to be committed.
    """
    ends_at = clock.now() + patience_s

    def wait_for(futures: list[Future[Any]]) -> None:
        _await(futures, committer, clock, ends_at)

    commit(committer, names, clock, patience_s, is_scanning=is_scanning)
    if direction != "push":
        wait_for([_ask(inbox, InboxNow(name)) for name in names])
    wait_for([_ask(each, ExchangeNow(direction)) for name in names for each in exchangers.of(name)])
    if direction != "pull":
        # The commits of one remote are still to be sent to the others.
        owing = [(each, each.config.via) for name in names for each in exchangers.of(name) if each.config.via]
        wait_for([_ask(each, ExchangeNow("push")) for each, via in owing if _lacks(board, each.config.name, via)])
    # Files written by a pull are noted like any other change: look at it now, so that nothing is pending afterwards.
    wait_for([_ask(committer, CommitNow(name, is_scanning=False)) for name in names])


def commit(
    committer: Committer, names: list[str], clock: Clock, patience_s: float, *, is_scanning: bool = True
) -> None:
    """Commit what is pending in the named repositories; return when done or out of patience (seconds)."""
    asked = [_ask(committer, CommitNow(name, is_scanning=is_scanning)) for name in names]
    _await(asked, committer, clock, clock.now() + patience_s)


def _lacks(board: Board, name: str, via: str) -> bool:
    """Whether a remote that can be reached has not got all commits."""
    ahead, _ = board.local(name).distances.get(via, (0, 0))
    return ahead > 0 and board.exchange(name, via).error is None


def begin(committer: Committer, exchangers: Exchanges, names: list[str]) -> None:
    """Begin the same and return at once."""
    for name in names:
        future = _ask(committer, CommitNow(name))
        for exchanger in exchangers.of(name):
            future.add_done_callback(partial(_exchange_after, exchanger))


def _ask(owner: Owner, what: object) -> Future[Any]:
    future: Future[Any] = Future()
    owner.post(Ask(what, future))
    return future


def _await(futures: list[Future[Any]], committer: Committer, clock: Clock, ends_at: float) -> None:
    for future in futures:
        # In short waits: when the committer died of a bug, an exchanger would wait for its answer for minutes.
        while not future.done() and committer.is_alive and clock.now() < ends_at:
            futures_wait([future], timeout=min(LOOK_EVERY_S, max(0.0, ends_at - clock.now())))
        error = future.exception() if future.done() else None
        if not future.done() or isinstance(error, GitsyncError):
            logger.debug("sync did not end: %s", error or "out of patience")
        elif error is not None:
            raise error


def _exchange_after(exchanger: Exchanger, _: Future[Any]) -> None:
    exchanger.post(Ask(ExchangeNow(), Future()))
