"""Line ends and `$Id$` between repository and work tree, as git's convert.c has them. Pure.

A differential test holds it equal to git; what goes through a filter or another encoding is converted by git itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

# What git takes for text beside letters: backspace, tab, line feed, form feed, carriage return, escape, and all above.
_PRINTABLE = bytes([*b"\b\t\n\f\r\x1b", *range(32, 127), *range(128, 256)])
_LONE_LF = re.compile(rb"(?<!\r)\n")
_IDENT = re.compile(rb"\$Id:[^$\n]*\$")


class Eol(Enum):
    """What the attributes and the configuration make of a path's line ends; git's own names, in small."""

    BINARY = "binary"
    TEXT_INPUT = "text-input"
    TEXT_CRLF = "text-crlf"
    AUTO = "auto"
    AUTO_INPUT = "auto-input"
    AUTO_CRLF = "auto-crlf"

    @property
    def is_guessed(self) -> bool:
        """Whether a look at the content decides if it is text."""
        return self in (Eol.AUTO, Eol.AUTO_INPUT, Eol.AUTO_CRLF)


class EolSettings(NamedTuple):
    """core.autocrlf ("true", "input" or "false") and whether core.eol is "crlf"."""

    autocrlf: str = "false"
    is_crlf: bool = False

    @property
    def writes_crlf(self) -> bool:
        """Whether text gets CRLF in the work tree where no attribute says otherwise."""
        return self.autocrlf == "true" or (self.autocrlf == "false" and self.is_crlf)


@lru_cache(256)
def eol_of(text: str, crlf: str, eol: str, settings: EolSettings) -> Eol:
    """Return what becomes of a path's line ends, from attributes as `git check-attr` prints them."""
    kind = _kind(text)
    if kind == "unspecified":
        kind = _kind(crlf)
    if kind == "binary":
        return Eol.BINARY
    if kind == "auto":
        if eol == "lf":
            return Eol.AUTO_INPUT
        return Eol.AUTO_CRLF if eol == "crlf" else Eol.AUTO
    if eol == "lf":
        return Eol.TEXT_INPUT
    if eol == "crlf":
        return Eol.TEXT_CRLF
    if kind == "input":
        return Eol.TEXT_INPUT
    if kind == "text":
        return Eol.TEXT_CRLF if settings.writes_crlf else Eol.TEXT_INPUT
    return {"true": Eol.AUTO_CRLF, "input": Eol.AUTO_INPUT}.get(settings.autocrlf, Eol.BINARY)


def _kind(value: str) -> str:
    known = {"set": "text", "unset": "binary", "input": "input", "auto": "auto"}
    return known.get(value, "unspecified")


def is_binary(data: bytes) -> bool:
    """Return whether git takes content whose line ends it may convert for no text."""
    if b"\0" in data or data.count(b"\r") != data.count(b"\r\n"):
        return True
    others = len(data.translate(None, _PRINTABLE))
    if data.endswith(b"\x1a"):
        others -= 1
    # Line feeds and carriage returns count neither way.
    printable = len(data) - len(data.translate(None, _COUNTED))
    return (printable >> 7) < others


_COUNTED = bytes(char for char in _PRINTABLE if char not in b"\r\n")


def has_crlf(data: bytes) -> bool:
    """Return whether content of the repository keeps its CRLF although git would guess that it is text."""
    return b"\r\n" in data and not is_binary(data)


def to_git(data: bytes, eol: Eol, keeps_crlf: Callable[[], bool]) -> bytes:
    """Return what is stored of a file's content; `keeps_crlf` says whether the index has CRLF at the path."""
    if eol is Eol.BINARY or b"\r\n" not in data:
        return data
    if eol.is_guessed and (is_binary(data) or keeps_crlf()):
        return data
    return data.replace(b"\r\n", b"\n")


def to_work_tree(data: bytes, eol: Eol, settings: EolSettings) -> bytes:
    """Return what is written of stored content."""
    is_wanted = eol in (Eol.TEXT_CRLF, Eol.AUTO_CRLF) or (eol is Eol.AUTO and settings.writes_crlf)
    if not is_wanted or _LONE_LF.search(data) is None:
        return data
    if eol.is_guessed and (b"\r" in data or is_binary(data)):
        return data
    return _LONE_LF.sub(b"\r\n", data)


def without_ident(data: bytes) -> bytes:
    """Return content with every expanded `$Id: … $` as it is stored."""
    return _IDENT.sub(b"$Id$", data)
