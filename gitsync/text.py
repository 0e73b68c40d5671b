"""How names, sizes and times are written for people: one way of each for messages, logs, hints and tables.

Pure, so on no thread and owner of nothing. The control command loads it for every prompt of a shell: what only some
texts need is imported where they need it.
"""

from __future__ import annotations

import os

from gitsync.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# Control and format characters (some turn the direction of writing), lone surrogates, line and paragraph separators.
_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Up to so many seconds, a time is given in this unit of so many seconds.
_SPANS = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"))
# Comparing costs the product of two lengths.
_COMPARED = 500


def escape(text: str) -> str:
    """Return text from outside on one line, characters that act on a terminal or a log as escapes.

    What is escaped already stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def shown(path: bytes) -> str:
    """Return a path as text for people, escaped so that no two paths look the same: a `\\` becomes two."""
    return escape(path.decode("utf-8", "surrogateescape").replace("\\", "\\\\"))


def clean(text: str) -> str:
    """Return text from outside fit for a terminal, a log or JSON: without secrets, and escaped."""
    return escape(redact(text))


def _escaped(char: str) -> str:
    import unicodedata  # here: a megabyte that nearly no text needs

    if char in _SHORT:
        return _SHORT[char]
    if unicodedata.category(char) not in _ACTING:
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, as surrogateescape carries it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:  # above it \x is a raw byte, and a name may hold either
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def as_word(argument: str) -> str:
    """Return an argument as a word of a command that people paste into a shell; a leading ~/ keeps its meaning."""
    if argument and all(mark in _PLAIN or (not mark.isascii() and mark.isalnum()) for mark in argument):
        return argument  # a shell takes the letters of all languages as they are
    home, _, rest = argument.partition("/")
    if home == "~" and rest:
        return f"~/{as_word(rest)}"
    if (
        escaped := escape(argument.replace("\\", "\\\\").replace("'", "\\'"))
    ) != argument and not argument.isprintable():
        return f"$'{escaped}'"  # which bash, zsh and ksh read, and no shell reads otherwise
    import shlex  # here: most names are plain

    return shlex.quote(argument)


def tilde(path: str) -> str:
    """Return an absolute path with the home directory written as ~."""
    home = os.environ.get("HOME", "").rstrip("/")
    if home and (path == home or path.startswith(home + "/")):
        return "~" + path[len(home) :]
    return path


def tildes(sentence: str) -> str:
    """Return a sentence or a command with the paths below home written from ~, so that a shell still reads them."""
    home = os.environ.get("HOME", "").rstrip("/")
    if not home or home not in sentence:
        return sentence
    import re  # here: most sentences have none

    within = re.escape(home)
    # As shlex writes it: a quote within is '"'"'.
    quoted = re.sub(rf"""(?<!\S)'{within}/((?!/)(?:[^']|'"'"')+)'(?=$|[\s;,)])""", r"~/'\1'", sentence)
    quoted = re.sub(rf"(?<!\S)\$'{within}/((?!/)(?:[^'\\]|\\.)+)'(?=$|[\s;,)])", r"~/$'\1'", quoted)
    return re.sub(rf"(?<![^\s(]){within}(?=$|[/\s:;,)])", "~", quoted)


def size(count: int) -> str:
    """Return a number of bytes as "312 B", "4.1 MB" or "104.9 MB"."""
    number, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 999.95 or unit == "TB":
            break
        number /= 1000
    return f"{number:.1f}".removesuffix(".0") + f" {unit}"


def span(seconds: float) -> str:
    """Return a length of time as "0.4 s", "9 s", "2 min", "3 h" or "12 d"."""
    if 0 < seconds < 2:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    for limit, unit_s, name in _SPANS:
        if seconds < limit:
            return f"{int(seconds / unit_s)} {name}"
    return f"{int(seconds / 86400)} d"


def ago(seconds: float) -> str:
    """Return how long ago something was; a little in the future is a clock that differs, not worth a word."""
    return "just now" if seconds < 2 else f"{span(seconds)} ago"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return "1 repo" or "3 repos"."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def list_names(names: list[str], jobs: list[str] | None) -> str:
    """Return names of repositories, and behind them of `jobs`, as a list in which no name stands for two things."""
    of_jobs = list(jobs or [])
    repos = names[: len(names) - len(of_jobs)]
    both = {name for name in repos if name in of_jobs}
    kinds = [(name, "repository") for name in repos] + [(name, "job") for name in of_jobs]
    return ", ".join(f"the {kind} {name}" if name in both else name for name, kind in kinds)


def called(word: str, known: Collection[str]) -> str:
    """Return the known name that is meant: `word` itself, or the only one that differs from it in case alone; else "".

    A repository is called as its directory is, ~/Notes for one, and people type notes.
    """
    if word in known:
        return word
    alike = [name for name in known if name.casefold() == word.casefold()]
    return alike[0] if len(alike) == 1 else ""


def nearest(word: str, known: Iterable[str], *, count: int = 1, likeness: float = 0.5) -> list[str]:
    """Return the known words that `word` is most like, the best first, at most `count`; case does not count."""
    import difflib  # here: only a mistake pays for it

    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(_folded(name), name)
    return [folded[name] for name in difflib.get_close_matches(_folded(word), folded, count, likeness)]


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "", *, lead: str = "") -> str:
    """Return the hint for an unknown name: `lead` and the name it is most like, else `otherwise`."""
    found = nearest(word, known)
    return f'{lead}did you mean "{found[0]}"?' if found else otherwise


def _folded(name: str) -> str:
    return name[:_COMPARED].casefold().replace("-", "_")
