"""The setup's face on a terminal: questions line by line, paths completed with Tab where there is a readline.

On the control command's only thread. Ctrl-C raises KeyboardInterrupt, Ctrl-D EOFError, the word BACK BackError.
"""

from __future__ import annotations

import contextlib
import os
import sys
from types import ModuleType

from gitsync import text
from gitsync.cli import layout
from gitsync.cli.output import Output
from gitsync.cli.setup.dialogue import BACK, DIRECTORY, TEXT, BackError, Choice
from gitsync.errors import GitsyncError

MARK = "> "
# What is left of the line behind a short question.
ROOM = 8


class Terminal:
    """The dialogue on stdin and stdout, which are a terminal."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._kind = TEXT
        # A name that is not UTF-8 can be typed, too.
        with contextlib.suppress(AttributeError, ValueError):
            sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr] # a test's stdin may have none
        self._readline = _readline()
        if self._readline is not None:
            self._prepare(self._readline)
        self.tell(
            f"Each step says what it would do, and asks before it does it. {BACK!r} returns to the step before; "
            "Ctrl-C or Ctrl-D leaves.",
            "dim",
        )

    @property
    def _columns(self) -> int:
        size = self.output.size
        return size[0] if size else 80

    def begin(self, title: str, about: str) -> None:
        """Print the title below an empty line."""
        self.output.line()
        self.tell(title, "bold")
        self.tell(about)

    def tell(self, sentence: str, style: str = "") -> None:
        """Print it, broken where the terminal is narrow."""
        if sentence:
            lines = layout.filled(text.escape(text.tildes(sentence)), self._columns)
            self.output.painted([self.output.paint(line, style) for line in lines])

    def show(self, line: str) -> None:
        """Print it, unbroken: the terminal wraps it, and it can be copied."""
        self.output.line(f"  {text.tildes(line)}", "cyan")

    def refuse(self, error: GitsyncError) -> None:
        """Print it as every other error, but to where the person looks."""
        self.tell(f"error: {error.message}", "red")
        self.tell(f"hint: {error.advice}", "dim")

    def read(self, question: str, *, default: str, empty: str, kind: str, refusal: GitsyncError | None) -> str:
        """Read a line of its own below the question."""
        if refusal is not None:
            self.refuse(refusal)
        hint = default or empty
        self.tell(f"{question} [Enter: {hint}]" if hint else question)
        return self._line(MARK, kind) or default

    def is_yes(self, question: str, *, is_default: bool) -> bool:
        """Ask until it is y, n or nothing."""
        while True:
            answer = self._line(self._prompt(f"{question} {'[Y/n]' if is_default else '[y/N]'}")).strip().lower()
            if not answer:
                return is_default
            if answer in ("y", "yes", "n", "no"):
                return answer.startswith("y")
            self.tell("please answer y or n", "red")

    def choose(self, question: str, choices: tuple[Choice, ...]) -> str:
        """Ask for a number or a word until it is one of the choices."""
        for number, choice in enumerate(choices, 1):
            self.output.wrapped(f"{number}  {choice.word}: {choice.meaning}", indent="  ")
        while True:
            answer = self._line(self._prompt(f"{question} [1]")).strip().lower() or "1"
            for number, choice in enumerate(choices, 1):
                if answer in (str(number), choice.word):
                    return choice.word
            self.tell(f"please answer with a number from 1 to {len(choices)}, or a word", "red")

    def end(self) -> None:
        """Nothing: what was said last stays on the terminal."""

    def _prompt(self, question: str) -> str:
        """Print all of a question but its last line, and return that as the prompt."""
        *above, last = layout.filled(text.escape(question), self._columns)
        if layout.width(last) > self._columns - ROOM:
            above, last = [*above, last], MARK.rstrip()
        self.output.painted(above)
        return f"{last} "

    def _line(self, prompt: str, kind: str = TEXT) -> str:
        """Return what is typed behind a prompt. Raise BackError for BACK, EOFError at the end of the input."""
        self._kind = kind
        self.output.flush()
        line = self._typed(prompt)
        if line.strip().lower() == BACK:
            raise BackError
        return line

    def _typed(self, prompt: str) -> str:
        if self._readline is not None:
            return input(prompt)  # readline has to know the prompt, to draw it again
        self.output.prompt(prompt)
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\n")

    def _prepare(self, readline: ModuleType) -> None:
        readline.set_auto_history(False)
        readline.set_completer_delims("\n")  # a name with blanks is one name
        readline.set_completer(self._complete)
        is_libedit = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")

    def _complete(self, typed: str, number: int) -> str | None:
        """Return one after the other of the paths that what is typed can become."""
        found = [] if self._kind == TEXT else completed(typed, is_only_directories=self._kind == DIRECTORY)
        return found[number] if number < len(found) else None


def completed(typed: str, *, is_only_directories: bool) -> list[str]:
    """Return the paths that begin like this; a directory ends with a slash."""
    if typed == "~":
        return ["~/"]
    above, slash, begun = typed.rpartition("/")
    try:
        with os.scandir(os.path.expanduser(above + slash) or ".") as entries:  # noqa: PTH111 - never raises
            found = [
                f"{above}{slash}{entry.name}{'/' if entry.is_dir() else ''}"
                for entry in entries
                if entry.name.startswith(begun) and (begun or not is_only_directories or not entry.name.startswith("."))
            ]
    except (OSError, ValueError):
        return []  # there is nothing to complete in what cannot be looked into
    return sorted(each for each in found if each.isprintable() and (each.endswith("/") or not is_only_directories))


def _readline() -> ModuleType | None:
    try:
        import readline
    except ImportError:  # Python may be built without it
        return None
    return readline
