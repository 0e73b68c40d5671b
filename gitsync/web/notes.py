"""The result of a change, kept from the POST that made it to the page that shows it, once.

Called from worker threads: a dictionary's own operations are all it needs.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

MOST = 100


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence about what was done, and how to take it back: `undo` is the address of the page for that."""

    text: str
    kind: str = "done"
    hint: str = ""
    undo: str = ""


class Notes:
    """The notes that no page has shown yet."""

    def __init__(self) -> None:
        self._kept: dict[str, Note] = {}

    def keep(self, note: Note) -> str:
        """Keep a note, and return the word that `take` needs."""
        while len(self._kept) >= MOST:
            self._kept.pop(next(iter(self._kept)), None)
        word = secrets.token_urlsafe(8)
        self._kept[word] = note
        return word

    def take(self, word: str) -> Note | None:
        """Return a note that was kept, the first time it is asked for."""
        return self._kept.pop(word, None)
