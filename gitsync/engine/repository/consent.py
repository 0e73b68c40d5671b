"""Keeps the open question of a work tree's brake and its user's answer, which holds for what was asked and no more.

Runs on the committer thread. Nothing is remembered over a restart: the next scan finds the same cause, and asks again
with the same id.
"""

from __future__ import annotations

from collections.abc import Collection

from gitsync.model import Question


class Consent:
    """The open question of a brake with the files it is about, and the deletions that a user has agreed to."""

    def __init__(self) -> None:
        self.question: Question | None = None
        self._asked: frozenset[bytes] = frozenset()
        self._count = 0
        self._paths: frozenset[bytes] = frozenset()  # empty: any, up to the count
        self._is_for_all = False

    def ask(self, question: Question | None, paths: frozenset[bytes]) -> None:
        """Open a question about these paths, none where only their number is known."""
        self.question, self._asked = question, paths

    def take(self, ids: Collection[str]) -> bool:
        """Take the answer to the question with one of these ids (none: to the open one); return whether it is open."""
        self.end()
        question, self.question = self.question, None
        if question is None or (ids and question.id not in ids):
            return False
        if question.kind == "deletions":
            self._count, self._paths = question.count, self._asked
        return True

    def drop(self) -> None:
        """End the question: its cause is over."""
        self.question = None

    def agree_to_all(self) -> None:
        """Take what is removed next as meant: a user has asked for it by a command."""
        self._is_for_all = True

    def end(self) -> None:
        """Let the brakes work again."""
        self._count, self._paths, self._is_for_all = 0, frozenset(), False

    def covers(self, removed: int, paths: Collection[bytes] = ()) -> bool:
        """Whether a user has agreed to the removal of this many files, and of these where they are known."""
        is_known = not (self._paths and paths) or self._paths.issuperset(paths)
        return self._is_for_all or (0 < removed <= self._count and is_known)
