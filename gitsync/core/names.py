"""How a name from a disk or a remote is written for people: no byte of it may act on a terminal, a log or a message.

Pure, so on no thread and owner of nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

# Control and format characters (some turn the direction of writing), lone surrogates, line and paragraph separators.
_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def shown(path: bytes) -> str:
    """Return a path as text for people: what acts becomes `\\n`, `\\x1b` or `\\u202e`, and a `\\` becomes two."""
    text = path.decode("utf-8", "surrogateescape")
    return shown_text(text, keep_backslash=False)


def shown_text(text: str, *, keep_backslash: bool = True) -> str:
    """Return text from outside (a host name, a remote's answer) on one line and without characters that act."""
    if text.isascii() and text.isprintable() and (keep_backslash or "\\" not in text):
        return text
    return "".join(character if character == "\\" and keep_backslash else _escaped(character) for character in text)


def as_word(argument: str) -> str:
    """Return a name as a word of the command in a hint, which people paste into a shell: quoted where it has to be."""
    if argument and _PLAIN.issuperset(argument):
        return argument
    import shlex  # here: most names are plain

    return shlex.quote(shown_text(argument))


def called(word: str, known: Collection[str]) -> str:
    """Return the known name that is meant: `word` itself, or the only one that differs from it in case alone; else "".

    A repository is called as its directory is, ~/Notes for one, and people type notes.
    """
    if word in known:
        return word
    alike = [name for name in known if name.casefold() == word.casefold()]
    return alike[0] if len(alike) == 1 else ""


def _escaped(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if unicodedata.category(character) not in _ACTING:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, as surrogateescape carries it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:  # above it \x is a raw byte, and a name may hold either
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
