"""Edits the text of a config.toml and leaves every other byte as it is. Pure; the caller verifies the result.

tomlkit moves separated tables and puts new keys after the comments of the next table, so common edits are made by line;
`document.py` falls back to tomlkit for other forms. None means that the text has another form.
"""

from __future__ import annotations

from typing import Any

from gitsync.config.lines import Span, Where, locate
from gitsync.config.literal import toml_key, toml_literal, toml_table


def newline_of(text: str) -> str:
    """Return the line end used in `text`."""
    return "\r\n" if "\r\n" in text else "\n"


def append_table(text: str, header: str, values: dict[str, Any]) -> str:
    """Return `text` with a table appended."""
    newline = newline_of(text)
    if text and not text.endswith("\n"):
        text += newline
    is_apart = not text or text.endswith(newline * 2)
    return text + ("" if is_apart else newline) + toml_table(header, values, newline)


def insert_key(text: str, table: Where, key: str, value: Any) -> str | None:
    """Return `text` with a new key after the last one of a table that has its own header."""
    spans = locate(text)
    header = spans.get(table)
    if header is None or not header.is_header:
        return None
    end = _end_of_body(header, spans)
    inside = [span for span in spans.values() if not span.is_header and header.first < span.first < end]
    at = max((span.last for span in inside), default=header.first)
    lines = _lines(text)
    newline = newline_of(text)
    if not lines[at - 1].endswith("\n"):
        lines[at - 1] += newline
    model = lines[min(span.first for span in inside) - 1] if inside else ""
    indent = model[: len(model) - len(model.lstrip(" \t"))]
    lines.insert(at, f"{indent}{toml_key(key)} = {toml_literal(value)}{newline}")
    return "".join(lines)


def remove_table(text: str, table: Where) -> str | None:
    """Return `text` without an entry of a list of tables; comments before its header and after its last key stay."""
    spans = locate(text)
    header = spans.get(table)
    if header is None or not header.is_header:
        return None
    own = [span for where, span in spans.items() if where[: len(table)] == table]
    last = max(span.last for span in own)
    lines = _lines(text)
    before, after = lines[: header.first - 1], lines[last:]
    if not before or not before[-1].strip():
        while after and not after[0].strip():
            after.pop(0)
    return "".join(before + after)


def lines_of_key(text: str, key: Where) -> tuple[str, str, str] | None:
    """Return the text before the lines of a key with its value, these lines, and the text after them."""
    span = locate(text).get(key)
    if span is None or span.is_header:
        return None
    lines = _lines(text)
    return "".join(lines[: span.first - 1]), "".join(lines[span.first - 1 : span.last]), "".join(lines[span.last :])


def _end_of_body(header: Span, spans: dict[Where, Span]) -> int:
    """Return the line number of the next header."""
    return min((span.first for span in spans.values() if span.is_header and span.first > header.first), default=2**31)


def _lines(text: str) -> list[str]:
    """Return the lines as TOML defines them: only a line feed ends one."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
