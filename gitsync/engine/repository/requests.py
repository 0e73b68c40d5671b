"""Changes that a user has asked for and that wait for their turn: a restore, an undo, a resolved conflict.

Runs on the committer thread. Making one is in `perform`.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import Any

from gitsync.engine.messages import Perform
from gitsync.engine.repository.context import RepositoryContext
from gitsync.errors import OperationError
from gitsync.text import as_word

# Files that are being written may be edited at every try; then the user gets an error.
TRIES = 5
# So long a change waits for the user's own git, which works for moments (seconds).
COLLISION_S = 5.0


class Requests:
    """The changes asked for, in order; the first is the next to be made."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Perform, Future[Any]]] = deque()
        self._overtakings = 0  # how often the first of these was overtaken by an edit
        self._collided_at: float | None = None  # when it first met the user's own git

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, wanted: Perform, future: Future[Any]) -> None:
        """Add a change; `future` is completed with what it returns or raises."""
        self._waiting.append((wanted, future))
        self._overtakings = 0

    def first(self) -> Perform:
        """Return the next change to be made."""
        return self._waiting[0][0]

    def see_overtaken(self) -> bool:
        """Count an edit that overtook the first change; return whether it is tried again."""
        self._overtakings += 1
        return self._overtakings < TRIES

    def see_collision(self, now: float) -> bool:
        """Note that the user's own git is at work; return whether the first change is tried again."""
        if self._collided_at is None:
            self._collided_at = now
        return now - self._collided_at < COLLISION_S

    def succeed(self, answer: object) -> None:
        """Complete the first change with its answer."""
        self._take().set_result(answer)

    def fail(self, error: Exception) -> None:
        """Complete the first change with an error."""
        self._take().set_exception(error)

    def refuse(self, context: RepositoryContext, *, has_files_missing: bool = False) -> None:
        """Refuse all changes, because the repository is held up; nothing was changed.

        Where it is held up because files are missing, what brings files back is kept.
        """
        kept = [item for item in self._waiting if has_files_missing and item[0].revives]
        self._waiting = deque(item for item in self._waiting if item not in kept)
        while self._waiting:
            status = context.board.status(context.name)
            hint = status.error.hint if status.error else f"gitsyncctl status {as_word(context.name)}"
            why = status.reason or str(status.state)
            self.fail(OperationError(f"{context.name} cannot be changed now: {why}", hint, code="held"))
        self._waiting.extend(kept)

    def _take(self) -> Future[Any]:
        self._overtakings = 0
        self._collided_at = None
        return self._waiting.popleft()[1]
