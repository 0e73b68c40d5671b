"""How values look to a person: escaped names, widths, relative times. Pure; any thread may use it."""

from __future__ import annotations

import os

# Below these many seconds, a time is told in this unit of so many seconds.
_AGES = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (30 * 86400, 86400, "d"))

INDENT = "  "
# The least that a sentence beside a name needs.
NARROWEST = 24


def escape(text: str) -> str:
    """Return `text` as it may reach a terminal: what is not printable (control characters, bytes that are no UTF-8,
    what turns the direction of writing) shown as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"  # how os.fsdecode spells a byte that is no UTF-8
    # isprintable also says no to other spaces, which are harmless but look like the plain one: escape them, too.
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def lines(data: bytes) -> list[str]:
    """Return the lines of a file or a patch, tabs as spaces."""
    return data.decode("utf-8", "surrogateescape").expandtabs().removesuffix("\n").split("\n")


def size(count: int) -> str:
    """Return a number of bytes as "312 B" or "4.1 MB"."""
    if count < 1000:
        return f"{count} B"
    power = min(4, (len(str(count)) - 1) // 3)
    return f"{count / 1000**power:.3g} {('', 'kB', 'MB', 'GB', 'TB')[power]}"


def width(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    import unicodedata  # here: a megabyte that plain names do not need

    columns = 0
    for char in text:
        if not unicodedata.combining(char):
            columns += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return columns


def fit(text: str, columns: int, mark: str = "…") -> str:
    """Return `text` cut at its end to at most `columns` columns."""
    if width(text) <= columns:
        return text
    room = columns - width(mark)
    if room <= 0:
        return mark[: max(columns, 0)]
    kept = text[:room]
    while width(kept) > room:
        kept = kept[:-1]
    return kept + mark


def fit_path(path: str, columns: int, mark: str = "…") -> str:
    """Return `path` cut at its beginning to at most `columns` columns: the end tells paths apart."""
    if width(path) <= columns:
        return path
    return fit(path[::-1], columns, mark[::-1])[::-1]


def pad(text: str, columns: int) -> str:
    """Return `text` with spaces up to `columns` columns."""
    return text + " " * (columns - width(text))


def wrap(sentence: str, columns: int, indent: str) -> list[str]:
    """Return the lines of a sentence broken at spaces, all but the first indented two columns more.

    A word longer than a line stays whole: it is a path or a command that somebody wants to copy.
    """
    lines: list[str] = []
    line = indent
    for word in sentence.split(" "):
        longer = f"{line} {word}" if line.strip() else line + word
        if width(longer) <= columns or not line.strip():
            line = longer
        else:
            lines.append(line)
            line = f"{indent}  {word}"
    return [*lines, line]


def entry(name: str, help: str, widest: int, columns: int | None) -> list[str]:
    """Return a name and, beside it, what it is: below it where there is no room beside."""
    indent = " " * (len(INDENT) + widest + 2)
    beside = None if columns is None else columns - len(indent)
    if beside is not None and beside < NARROWEST:
        return [INDENT + name, *(INDENT * 2 + line for line in filled(help, columns, len(INDENT) * 2))]
    first, *rest = filled(help, columns, len(indent))
    return [f"{INDENT}{name:<{widest}}  {first}", *(indent + line for line in rest)]


def filled(sentence: str, columns: int | None, taken: int = 0) -> list[str]:
    """Return a sentence broken to lines of `columns` less those that are `taken`; None is as long as it likes."""
    if columns is None:
        return [sentence]
    return [line.strip() for line in wrap(sentence, max(columns - taken - 2, NARROWEST), "")]


def tilde(path: str) -> str:
    """Return an absolute path with the home directory written as ~."""
    home = os.environ.get("HOME", "").rstrip("/")
    if home and (path == home or path.startswith(home + "/")):
        return "~" + path[len(home) :]
    return path


def word(argument: str) -> str:
    """Return an argument as a word of a command line; a leading ~ stays what it is to a shell."""
    from gitsync.core.names import as_word

    home, slash, rest = argument.partition("/")
    return f"~/{as_word(rest)}" if home == "~" and slash and rest else as_word(argument)


def span(seconds: float) -> str:
    """Return a length of time as "9 s", "2 min", "3 h" or "12 d"."""
    for limit, unit_s, name in _AGES:
        if seconds < limit:
            return f"{int(seconds / unit_s)} {name}"
    return f"{int(seconds / 86400)} d"


def ago(seconds: float) -> str:
    """Return how long ago something was; a little in the future is a clock that differs, not worth a word."""
    return "just now" if seconds < 2 else f"{span(seconds)} ago"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return "1 repo" or "3 repos"."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def told_apart(names: list[str], jobs: list[str] | None) -> str:
    """Return names of repositories, and behind them of `jobs`, as a list in which no name stands for two things."""
    of_jobs = list(jobs or [])
    repos = names[: len(names) - len(of_jobs)]
    both = {name for name in repos if name in of_jobs}
    kinds = [(name, "repository") for name in repos] + [(name, "job") for name in of_jobs]
    return ", ".join(f"the {kind} {name}" if name in both else name for name, kind in kinds)
