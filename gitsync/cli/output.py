"""The only module of the control command that prints. Runs on its only thread; owns stdout and stderr.

Everything that reaches a terminal through here is escaped first: names come from disks and remotes.
"""

from __future__ import annotations

import contextlib
import os
import sys

from gitsync import text
from gitsync.cli import layout
from gitsync.errors import ConfigError, GitsyncError, OperationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, TextIO

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
# Columns between two cells.
GAP = 2
# A commit's id, which is of no use when it is cut.
SHORT = 7
LEAST_PATH = 16
# What a cell needs to say something; to get that, paths are left out.
READABLE = 24
NARROWEST = 20


class OutputError(OperationError):
    """The output could not be written."""

    code = "output"


class Cell:
    """Text of a table with its style; `text` is escaped when it is printed."""

    __slots__ = ("is_path", "style", "text")

    def __init__(self, text: str, style: str = "", *, is_path: bool = False) -> None:
        self.text = text
        self.style = style
        self.is_path = is_path


class Output:
    """Where a command says what it has to say: for people, or as JSON."""

    def __init__(self, stream: TextIO | None, errors: TextIO | None, *, is_json: bool = False) -> None:
        self._stream = stream
        self._errors = errors
        self.is_json = is_json
        for each in (stream, errors):
            # An old locale cannot show every name; an escape is better than a crash.
            with contextlib.suppress(AttributeError, ValueError):
                each.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # StringIO has none, None neither
        self.is_terminal = stream is not None and stream.isatty()
        self.has_colour = self.is_terminal and _wants_colour()
        self.is_unicode = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "") == "utf8"

    @classmethod
    def standard(cls, *, is_json: bool = False) -> Output:
        """Return the output to this process's stdout and stderr; either may be closed."""
        return cls(sys.stdout, sys.stderr, is_json=is_json)

    @property
    def mark(self) -> str:
        """The mark for text that was cut."""
        return "…" if self.is_unicode else "..."

    @property
    def size(self) -> tuple[int, int] | None:
        """Columns and lines of the terminal; None when nobody's screen bounds the lines."""
        if not self.is_terminal or self._stream is None:
            return None
        given = os.environ.get("COLUMNS", "")
        try:
            found = os.get_terminal_size(self._stream.fileno())
        except OSError:
            found = os.terminal_size((80, 24))
        columns = int(given) if given.isascii() and given.isdigit() else found.columns
        return max(columns or 80, NARROWEST), found.lines or 24

    @property
    def is_animated(self) -> bool:
        """Whether a line may move: on a terminal that can go back to its beginning, for people."""
        return self.is_terminal and not self.is_json and os.environ.get("TERM", "dumb") != "dumb"

    def animate(self, line: str, end: str = "") -> None:
        """Show one line in place of the one that was shown so before; an empty one takes it away.

        Called in the middle of anything, so that it writes beside the buffer and takes every failure as it is.
        """
        size = self.size
        if self._stream is None or size is None:
            return
        shown = layout.fit(text.escape(line), size[0] - 1 - len(end), self.mark) + end if line else ""
        with contextlib.suppress(OSError):
            os.write(self._stream.fileno(), f"\r{shown}\x1b[K".encode(errors="replace"))

    def paint(self, line: str, style: str) -> str:
        """Return `line` escaped, and in a style where there is colour."""
        line = text.escape(line)
        return f"\x1b[{STYLES[style]}m{line}\x1b[0m" if style and self.has_colour else line

    def line(self, line: str = "", style: str = "") -> None:
        """Print one line for people; it is escaped."""
        self.painted([self.paint(line, style)])

    def wrapped(self, line: str, style: str = "", indent: str = "") -> None:
        """Print a sentence for people, broken at spaces where the terminal is narrow."""
        self.painted(self.wrap(line, style, indent))

    def wrap(self, line: str, style: str = "", indent: str = "") -> list[str]:
        """Return the lines of a sentence, painted."""
        size = self.size
        line = text.tildes(line)
        whole = indent + text.escape(line)
        if size is None or layout.width(whole) <= size[0]:
            return [self.paint(whole, style)]
        return [self.paint(each, style) for each in layout.wrap(text.escape(line), size[0], indent)]

    def painted(self, lines: Sequence[str]) -> None:
        """Print lines that `paint`, `table` or `wrap` made."""
        if lines:
            self._write("\n".join(lines) + "\n")

    def prompt(self, question: str) -> None:
        """Print a question and leave the cursor behind it."""
        self._write(text.escape(question))
        self.flush()

    def redraw(self, lines: Sequence[str]) -> None:
        """Show `lines` in place of the screen; where there is none, print them after the others."""
        size = self.size
        if size is None:
            self.painted([*lines, ""])
        else:
            room = size[1] - 1
            shown = list(lines) if len(lines) <= room else [*lines[: room - 1], self.mark]
            self._write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in shown) + "\x1b[J")
        self.flush()

    def table(self, rows: Sequence[Sequence[Cell]]) -> list[str]:
        """Return aligned lines; on a narrow terminal cells are cut, paths first and at their beginning."""
        cells = [[Cell(text.escape(cell.text), cell.style, is_path=cell.is_path) for cell in row] for row in rows]
        widths = [max(layout.width(row[i].text) for row in cells) for i in range(len(cells[0]))] if cells else []
        paths = {i for i, cell in enumerate(cells[0]) if cell.is_path} if cells else set()
        size = self.size
        shown = _shown(widths, paths, size[0] if size else None)
        return [self._row(row, widths, shown) for row in cells]

    def json(self, document: Any) -> None:
        """Print one JSON document, on one line."""
        import json

        self._write(json.dumps(document) + "\n")

    def raw(self, data: bytes) -> None:
        """Write bytes as they are into a pipe or a file; a terminal gets them as escaped lines."""
        if self.is_terminal or self._stream is None or not hasattr(self._stream, "buffer"):
            self.painted([self.paint(line, "") for line in layout.lines(data)])
            return
        self.flush()
        try:
            self._stream.buffer.write(data)
            self._stream.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._unwritten(error) from error

    def problem(self, error: GitsyncError) -> None:
        """Say what went wrong and what to do: on stderr for people, and as a document on stdout with --json."""
        if self.is_json:
            self.json({"error": {"code": error.code, "message": error.message, "hint": error.advice}})
        for each in error.faults if isinstance(error, ConfigError) else [error.message]:
            self.complain("error", each)
        self.complain("hint", error.advice)

    def problems(self, found: Iterable[dict[str, str]]) -> None:
        """Say why repositories are missing from an answer about several, after the answer."""
        for each in found:
            self.complain("error", each["message"])
            self.complain("hint", each["hint"])

    def complain(self, label: str, message: str) -> None:
        """Print `label: message` as one line on stderr."""
        if self._errors is None:
            return
        self.flush()
        has_colour = self._errors.isatty() and _wants_colour()
        style = "31" if label == "error" else "2"
        shown = f"\x1b[{style}m{label}:\x1b[0m" if has_colour else f"{label}:"
        self._errors.write(f"{shown} {text.escape(text.tildes(message))}\n")
        self._errors.flush()

    def flush(self) -> None:
        """Make sure that what was printed has been taken, so that a full disk or a closed pipe shows here."""
        self._write("", is_last=True)

    def _write(self, data: str, *, is_last: bool = False) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(data)
            if is_last:
                self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> OutputError:
        # What is still buffered cannot be written either: the end of the interpreter must not try it again.
        if self._stream is not None:
            _silence(self._stream)
        return OutputError(f"cannot write the output: {error.strerror}", "is the disk full?")

    def _row(self, row: Sequence[Cell], widths: Sequence[int], shown: Sequence[int]) -> str:
        parts = []
        for i in shown:
            cell = row[i]
            cut = (layout.fit_path if cell.is_path else layout.fit)(cell.text, widths[i], self.mark)
            blank = "" if i == shown[-1] else " " * (widths[i] - layout.width(cut) + GAP)
            parts.append(self.paint(cut, cell.style) + blank if cut else blank)
        return "".join(parts).rstrip(" ")


def _shown(widths: list[int], paths: set[int], columns: int | None) -> list[int]:
    """Return which columns of a table to show, and make `widths` fit: paths give way first, or go altogether."""
    # An empty column takes no room.
    shown = [i for i, width in enumerate(widths) if width]
    if columns is None:
        return shown
    natural = list(widths)
    _shrink(widths, [i for i in shown if i in paths], _excess(widths, shown, columns), LEAST_PATH)
    rest = [i for i in shown if i not in paths]
    _shrink(widths, rest, _excess(widths, shown, columns), READABLE)
    # What is said is worth more than a path whose end alone can be seen.
    if _excess(widths, shown, columns) > 0:
        shown = rest or shown
        widths[:] = natural
        _shrink(widths, shown, _excess(widths, shown, columns), SHORT)
        # The last column says the most and can be missed the best: the first ones are what a command needs.
        while _excess(widths, shown, columns) > 0 and len(shown) > 2:
            shown = shown[:-1]
            widths[:] = natural
            _shrink(widths, shown, _excess(widths, shown, columns), SHORT)
        _shrink(widths, shown, _excess(widths, shown, columns), 1)
    return shown


def _excess(widths: list[int], shown: list[int], columns: int) -> int:
    return sum(widths[i] for i in shown) + GAP * (len(shown) - 1) - columns


def _shrink(widths: list[int], among: list[int], excess: int, least: int) -> None:
    """Take `excess` columns from the widest, one after the other; none gets narrower than `least` by it."""
    for _ in range(excess):
        widest = max(among, key=lambda i: widths[i], default=None)
        if widest is None or widths[widest] <= least:
            return
        widths[widest] -= 1


def _wants_colour() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


@contextlib.contextmanager
def quiet_pipe(output: Output) -> Iterator[None]:
    """Treat it as an end, not an error, when the reader of the output has closed it."""
    try:
        yield
        output.flush()
    except BrokenPipeError:
        _silence(sys.stdout)


def _silence(stream: TextIO) -> None:
    """Lead the stream's descriptor to nowhere, so that what it has buffered can go."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, stream.fileno())
    os.close(sink)
