"""Commits that were handed over to the inbox of another machine's work tree, until its branch holds them.

Runs on the exchanger's thread, with that exchanger's memory.
"""

from __future__ import annotations

from gitsync.clock import Clock, iso
from gitsync.config.options import RepoConfig
from gitsync.engine.board import Board
from gitsync.engine.exchange.remote_branch import Limits, RemoteBranch
from gitsync.engine.memory import ExchangeMemory
from gitsync.git.remote.inbox import Handover
from gitsync.model import Problem
from gitsync.text import as_word, span

# What is not taken in for so long (seconds) needs the user.
PATIENCE_S = 600.0
CODE = "not-taken-in"


class Handing:
    """The commits that one exchange has handed over and does not see in the remote's branch yet."""

    def __init__(self, config: RepoConfig, clock: Clock, board: Board, memory: ExchangeMemory) -> None:
        self._config = config
        self._clock = clock
        self._board = board
        self._memory = memory
        self._head = ""
        self._where = ""
        self._is_removed = False

    @property
    def is_on(self) -> bool:
        """Whether the remote takes commits by its inbox only."""
        return bool(self._where)

    @property
    def reason(self) -> str:
        """Return what status says while it is waited for."""
        return f"handed over to {self._where}" if self._head else ""

    @property
    def problem(self) -> Problem | None:
        """Return the problem of what was not taken in for too long."""
        since, name = self._memory.get("handed_at"), self._config.name
        waits = self._clock.wall() - since if isinstance(since, int | float) else 0.0
        if waits < PATIENCE_S:
            return None
        was = "removed from its inbox and not" if self._is_removed else "not"
        return Problem(
            CODE,
            f"{name}: commits were handed over to {self._where} {span(waits)} ago, and {was} taken in there",
            "look there whether gitsync runs and watches that directory: gitsyncctl status; "
            f"then here: gitsyncctl sync {as_word(name)}",
        )

    def give(self, place: RemoteBranch, head: str, limits: Limits) -> bool:
        """Hand `head` over, where it was not before; return whether that was now. Raises as `inbox.hand_over` does."""
        became = place.hand_over(head, limits, was_given=head == self._head)
        self._where, self._head = place.where, head
        self._is_removed = became is Handover.REMOVED
        if not isinstance(self._memory.get("handed_at"), int | float):
            self._memory.remember(handed_at=self._clock.wall())
        if became is not Handover.GIVEN:
            return False
        name = self._config.name
        self._board.publish("handed-over", name, f"{name} {head[:7]}: {self.reason}", commit=head)
        return True

    def end(self) -> None:
        """The remote's branch holds all that is here: also what was handed over, if anything was."""
        where = self._where if self._head else ""
        self._head, self._is_removed = "", False
        self._memory.remember(handed_at=None)
        if where:
            name = self._config.name
            self._board.set_exchange(name, self._config.via, last_push=iso(self._clock.wall()))
            self._board.publish("taken-in", name, f"{where} has taken in what {name} handed over")
