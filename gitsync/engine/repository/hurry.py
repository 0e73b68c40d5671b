"""Committing without waiting for quiet, because a user asked for it.

Runs on the committer thread.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from gitsync.model import RepoStatus

# How often in a row a hurried batch tries again for files that did not hold still.
TRIES = 3


class Hurry:
    """Whether quiet is waited for, and who waits for the commit."""

    def __init__(self) -> None:
        self.is_on = False  # what is noted is committed without waiting for quiet, files as they are
        self._is_for_batch = False  # the batch under way was begun in a hurry
        self._tries = 0
        self._waiting: list[Future[Any]] = []

    def add(self, future: Future[Any]) -> None:
        """Complete `future` when what is pending is committed, or cannot be."""
        self._waiting.append(future)

    def begin(self) -> None:
        """Wait for quiet no more."""
        self.is_on, self._is_for_batch = True, False
        self._tries = 0

    def end(self) -> None:
        """Wait for quiet again."""
        self.is_on = self._is_for_batch = False

    def begin_batch(self) -> None:
        """Note whether the batch that begins is a hurried one."""
        self._is_for_batch = self.is_on

    def is_over(self, *, is_complete: bool) -> bool:
        """Whether the batch that was committed ends the hurry; what is not complete is tried a few times."""
        if not self._is_for_batch:
            return False
        self._tries += 1
        return is_complete or self._tries >= TRIES

    def answer(self, status: RepoStatus) -> None:
        """Complete the futures with the state of the repository."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(status)
