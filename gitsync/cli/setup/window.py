"""The setup's face in a window: what is said and asked, put onto a `sheet`. The control command's only thread."""

from __future__ import annotations

import io

from gitsync import text
from gitsync.cli.output import Output
from gitsync.cli.setup.dialogue import DIRECTORY, Choice
from gitsync.cli.setup.sheet import NO, YES, Sheet
from gitsync.errors import GitsyncError


class Window:
    """The dialogue in a window; `printed` also receives the account, for a user who started it from a shell."""

    def __init__(self, printed: Output) -> None:
        self._sheet = Sheet()
        self._printed = printed
        self._told: list[tuple[str, str]] = []
        self._seen = 0
        self.output: Output = _Voice(self)
        self.tell("Each step says what it would do, and asks before it does it. Cancel leaves.", "dim")

    def begin(self, title: str, about: str) -> None:
        """Turn to a new page; messages since the last question, which were not seen yet, stay on top of it."""
        unseen, self._told, self._seen = self._told[self._seen :], [], 0
        self._sheet.begin(text.escape(title), text.escape(about))
        for line, style in unseen:
            self._write(line, style)

    def tell(self, sentence: str, style: str = "") -> None:
        """Write it below what was said before."""
        if sentence:
            self._write(sentence, style or "plain")

    def show(self, line: str) -> None:
        """Write it as it would be typed."""
        self._write(line, "command")

    def refuse(self, error: GitsyncError) -> None:
        """Write what went wrong and what to do."""
        self._write(f"error: {error.message}", "red")
        self._write(f"hint: {error.advice}", "dim")

    def read(self, question: str, *, default: str, empty: str, kind: str, refusal: GitsyncError | None) -> str:
        """Ask for a line; the error of the last answer, which can be edited, is shown at the field."""
        self._seen = len(self._told)
        return self._sheet.ask_for_line(
            text.escape(question),
            default if refusal is None else None,
            text.escape(f"Empty: {empty}") if empty else "",
            "" if refusal is None else f"{text.escape(refusal.message)}\n{text.escape(refusal.advice)}",
            can_browse=kind == DIRECTORY,
        )

    def is_yes(self, question: str, *, is_default: bool) -> bool:
        """Ask by two buttons."""
        answers = (YES, NO) if is_default else (NO, YES)
        self._seen = len(self._told)
        return self._sheet.ask(text.escape(question), *answers) == YES

    def choose(self, question: str, choices: tuple[Choice, ...]) -> str:
        """Ask by a button for each."""
        self._seen = len(self._told)
        return self._sheet.ask_for_one(text.escape(question), choices)

    def end(self) -> None:
        """Show the account until it is closed, if the window still is there, and print it."""
        self._sheet.finish()
        for line, style in self._told:
            self._printed.line(f"  {line}" if style == "command" else line)

    def show_work(self, line: str) -> None:
        """Show what is being done, "" for nothing; raise KeyboardInterrupt when it is cancelled."""
        self._sheet.show_work(text.escape(line))

    def _write(self, sentence: str, style: str) -> None:
        line = text.escape(sentence)
        self._told.append((line, style))
        self._sheet.write(line, style)


class _Voice(Output):
    """Where commands speak: each line goes onto the page."""

    def __init__(self, window: Window) -> None:
        super().__init__(_Lines(window, ""), _Lines(window, "yellow"))
        self._window = window
        self.is_unicode = True

    @property
    def is_animated(self) -> bool:
        return True

    def animate(self, line: str, end: str = "") -> None:
        self._window.show_work(line + end)


class _Lines(io.StringIO):
    """A stream that takes whole lines."""

    def __init__(self, window: Window, style: str) -> None:
        super().__init__()
        self._window = window
        self._style = style

    def write(self, said: str) -> int:
        for line in said.splitlines():
            self._window.tell(line, self._style)
        return len(said)
