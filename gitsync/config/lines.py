"""Finds the lines of tables and keys in a TOML text, because tomllib returns values without lines. Pure.

For texts that tomllib has accepted; in another text the scan ends where it fails, and the lines found so far are right.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

# The path to a value: keys, and the index in a list of tables, as in ("repo", 0, "quiet").
Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last line, counted from 1, of a header or of a key with its value."""

    first: int
    last: int
    is_header: bool = False


_STRING = (
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_KEY = re.compile(r"[ \t]*(?:([A-Za-z0-9_-]+)|(\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'))[ \t]*(\.|=|\]\]?)")
_VALUE = re.compile(_STRING + r"|(#[^\n]*)|([\[{])|([\]}])|(\n)|[^\"'#\[\]{}\n]+", re.DOTALL)


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.spans: dict[Where, Span] = {}
        self.counts: dict[Where, int] = {}

    def move(self, to: int) -> None:
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def keys(self) -> tuple[list[str], str]:
        """Read a dotted key and the character that ends it; the latter is "" when this is not a key."""
        keys: list[str] = []
        while found := _KEY.match(self.text, self.at):
            self.move(found.end())
            keys.append(found[1] if found[1] is not None else tomllib.loads("key = " + found[2])["key"])
            if found[3] != ".":
                return keys, found[3]
        return keys, ""

    def value(self) -> None:
        """Skip a value, to the end of its last line."""
        depth = 0
        while found := _VALUE.match(self.text, self.at):
            if found[4] and depth == 0:
                return
            depth += bool(found[2]) - bool(found[3])
            self.move(found.end())

    def place(self, start: Where, keys: list[str]) -> Where:
        """Return the path to `keys` below `start`, through the newest entry of each list of tables."""
        where = start
        for key in keys:
            if self.counts.get(where, 0):
                where = (*where, self.counts[where] - 1)
            where = (*where, key)
        return where

    def run(self) -> None:
        table: Where = ()
        while True:
            if blank := _BLANK.match(self.text, self.at):
                self.move(blank.end())
            if self.at >= len(self.text):
                return
            first, is_header = self.line, self.text[self.at] == "["
            is_list = self.text.startswith("[[", self.at)
            self.move(self.at + is_header + is_list)
            keys, end = self.keys()
            if end != ("]]" if is_list else "]" if is_header else "="):
                return
            if not is_header:
                self.value()
                self.note(table, keys, Span(first, self.line))
                continue
            where = self.place((), keys)
            if is_list:
                self.counts[where] = self.counts.get(where, 0) + 1
            # A [table] may be below a list of tables, but never is one.
            table = (*where, self.counts[where] - 1) if is_list else where
            span = Span(first, first, is_header=True)
            self.note((), keys, span)
            self.spans.setdefault(table, span)

    def note(self, start: Where, keys: list[str], span: Span) -> None:
        for count in range(1, len(keys) + 1):
            self.spans.setdefault(self.place(start, keys[:count]), span)


def locate(text: str) -> dict[Where, Span]:
    """Return the lines of every table and key in `text`; nothing inside a value is listed."""
    scan = _Scan(text)
    scan.run()
    return scan.spans
