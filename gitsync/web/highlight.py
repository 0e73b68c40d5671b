"""Lines of text as HTML: coloured by the language of the file, with marks on what changed. Pure; any thread.

Every character goes through the same escapes as any other text of a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from markupsafe import Markup, escape
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.token import STANDARD_TYPES, Token
from pygments.util import ClassNotFound

from gitsync import text

# Beyond these, colours take too long.
CHARS_MAX = 150_000
LINE_MAX = 2_000
# A longer line is cut on the page; the file is there to download.
SHOWN_MAX = 10_000

Pieces = list[tuple[str, str]]


def coloured(content: str, name: str) -> list[Pieces]:
    """Return the lines of a text, each as pieces with the class of their colour ("" for none)."""
    lexer = _lexer(name) if len(content) <= CHARS_MAX else None
    lines = content.split("\n")
    if lexer is None or any(len(line) > LINE_MAX for line in lines):
        return [[("", line)] for line in lines]
    found: list[Pieces] = [[]]
    for kind, value in lexer.get_tokens(content):
        for place, part in enumerate(value.split("\n")):
            if place:
                found.append([])
            if part:
                found[-1].append((_class(kind), part))
    # Lexers normalize what is at the ends.
    return found if [("".join(part for _, part in line)) for line in found[: len(lines)]] == lines else _plain(lines)


def _plain(lines: list[str]) -> list[Pieces]:
    return [[("", line)] for line in lines]


def _lexer(name: str) -> Lexer | None:
    try:
        return get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def _class(kind: object) -> str:
    token: object = kind
    while token not in STANDARD_TYPES and token is not Token:
        token = getattr(token, "parent", Token)
    return STANDARD_TYPES.get(token, "")  # type: ignore[call-overload, no-any-return]


def html(pieces: Pieces, marks: Iterable[tuple[int, int]] = ()) -> Markup:
    """Return a line as HTML, the parts between two offsets marked."""
    edges = list(marks)
    out: list[Markup] = []
    at, is_open = 0, False
    for name, part in pieces:
        for start, end, is_marked in _cut(at, part, edges):
            if is_marked != is_open:
                out.append(Markup("<mark>" if is_marked else "</mark>"))
                is_open = is_marked
            shown = escape(_visible(part[start - at : end - at]))
            out.append(Markup('<span class="{}">{}</span>').format(f"x-{name}", shown) if name else shown)
        at += len(part)
        if at > SHOWN_MAX:
            break
    closed = [Markup("</mark>")] if is_open else []
    cut = [Markup('<span class="cut">…</span>')] if at > SHOWN_MAX else []
    return Markup("").join([*out, *closed, *cut])


def _cut(at: int, part: str, marks: list[tuple[int, int]]) -> Iterable[tuple[int, int, bool]]:
    """Yield a piece in parts that are marked as a whole or not at all, none behind what is shown."""
    end = min(at + len(part), SHOWN_MAX)
    edges = sorted({at, end, *(edge for mark in marks for edge in mark if at < edge < end)})
    for first, last in pairwise(edges):
        yield first, last, any(start <= first and last <= stop for start, stop in marks)


def _visible(part: str) -> str:
    return "\t".join(text.escape(each) for each in part.split("\t"))
