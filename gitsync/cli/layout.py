"""How text fits the columns of a terminal: widths, cutting, wrapping. Pure; any thread may use it."""

from __future__ import annotations

INDENT = "  "
# The least that a sentence beside a name needs.
NARROWEST = 24


def lines(data: bytes) -> list[str]:
    """Return the lines of a file or a patch, tabs as spaces."""
    return data.decode("utf-8", "surrogateescape").expandtabs().removesuffix("\n").split("\n")


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


def wrap(sentence: str, columns: int, indent: str, *, has_commands: bool = True) -> list[str]:
    """Return the lines of a sentence broken at spaces, all but the first indented two columns more.

    A word longer than a line stays whole: it is a path that somebody wants to copy. So does a command, which would not
    run with a line break in it; a terminal breaks it without one.
    """
    lines: list[str] = []
    line = indent
    for word in _words(sentence) if has_commands else sentence.split(" "):
        longer = f"{line} {word}" if line.strip() else line + word
        if width(longer) <= columns or not line.strip():
            line = longer
        else:
            lines.append(line)
            line = f"{indent}  {word}"
    return [*lines, line]


def _words(sentence: str) -> list[str]:
    """Return the words of a sentence, each command as one."""
    import re  # here: hardly an output is wrapped

    commands = r"(?:(?<=: )(?:gitsync(?= --)|git|ssh|sudo|systemctl)|(?:(?<=: )|(?<=\A))gitsyncctl)"
    parts = re.split(rf"({commands} [^;]+?(?=; |, or |\Z))", sentence)
    words: list[str] = []
    for number, part in enumerate(parts):
        if number % 2:
            words.append(part)
        elif part:
            inner = part.split(" ")
            if words:  # what follows a command up to the next space belongs to it
                words[-1] += inner.pop(0)
            words += inner[:-1] if number + 1 < len(parts) and inner and not inner[-1] else inner
    return words


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
    return [line.strip() for line in wrap(sentence, max(columns - taken - 2, NARROWEST), "", has_commands=False)]
