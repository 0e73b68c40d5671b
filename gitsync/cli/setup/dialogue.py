"""The dialogue as a step sees it. The control command's only thread.

A person who leaves makes any question raise KeyboardInterrupt (Ctrl-C) or EOFError (Ctrl-D), one who returns BackError.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from gitsync.cli.output import Output
from gitsync.errors import GitsyncError

# The word that returns to the step before, typed at any question.
BACK = "back"

# The kind of an answer: it decides what is completed, or can be looked for.
TEXT = "text"
DIRECTORY = "directory"
PATH = "path"


class BackError(Exception):
    """The person wants to return to the step before."""


class Choice(NamedTuple):
    """One of several: the word for it, and what it means."""

    word: str
    meaning: str


class Dialogue(Protocol):
    """One person; `output` is where the commands that are called say what they did."""

    output: Output

    def begin(self, title: str, about: str) -> None:
        """Say which step comes now, and what it would do."""

    def tell(self, sentence: str, style: str = "") -> None:
        """Say something."""

    def show(self, line: str) -> None:
        """Show text that is to be read or copied literally: a command, a path."""

    def refuse(self, error: GitsyncError) -> None:
        """Say what went wrong and what to do."""

    def read(self, question: str, *, default: str, empty: str, kind: str, refusal: GitsyncError | None) -> str:
        """Return what was typed, `default` for nothing; `refusal` is what was wrong with the answer before.

        `empty` says what no answer means.
        """

    def is_yes(self, question: str, *, is_default: bool) -> bool:
        """Return whether the answer is yes."""

    def choose(self, question: str, choices: tuple[Choice, ...]) -> str:
        """Return the word of one of the choices; the first one is the default."""

    def end(self) -> None:
        """Let the person read what was said last, and go."""
