"""Converts values between the file and the program by the option's row. Any thread; owns nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gitsync.config.expand import expand_path, expand_text, shorten_path
from gitsync.config.rows import Option, ValueKind
from gitsync.core.units import (
    DURATIONS_ALLOWED,
    OFF,
    SIZES_ALLOWED,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)
from gitsync.text import did_you_mean, escape

SHOWN_COLUMNS = 60


def quoted(text: str) -> str:
    """Return text from a file in quotes, on one line, escaped and shortened."""
    shown = escape(text)
    return f'"{shown if len(shown) <= SHOWN_COLUMNS else shown[: SHOWN_COLUMNS - 1] + "…"}"'


def option(kind: ValueKind, default: Any, doc: str, *, example: Any, is_required: bool = False, **more: Any) -> Any:
    """Return the dataclass field of an option; `more` are further fields of `Option`.

    A required option, and one whose default depends on this machine (a path, or `absent`), must be given when the
    dataclass is created by hand.
    """
    row = Option("", kind, default, doc, example, is_required=is_required, **more)
    metadata: Mapping[str, Any] = {"option": row}
    if is_required or kind is ValueKind.PATH:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=None if default is None else convert(row, default), metadata=metadata)


def convert(row: Option, raw: Any) -> Any:
    """Convert `raw` from the file to a value of the program; raise ValueError with what is wrong and what is
    allowed.
    """
    return _CONVERT[row.kind](row, raw)


def render(row: Option, value: Any) -> Any:
    """Convert a value of the program to the form in the file; the inverse of `convert`."""
    if value is None:
        return OFF if row.can_be_off else None
    match row.kind:
        case ValueKind.DURATION:
            return format_duration(value)
        case ValueKind.SIZE:
            return format_size(value)
        case ValueKind.PATH:
            return shorten_path(value)
        case ValueKind.ADDRESS:
            return str(value).replace("$", "$$")
        case ValueKind.TEXTS:
            return list(value)
        case ValueKind.CHOICE_OR_TEXTS:
            return value if isinstance(value, str) else list(value)
        case ValueKind.CHOICE_BY_GLOB:
            return dict(value)
        case _:
            return value


def allowed(row: Option) -> str:
    """Return what the option allows, in words, for messages and documentation."""
    off = f', "{OFF}"' if row.can_be_off else ""
    choices = ", ".join(f'"{choice}"' for choice in row.choices)
    match row.kind:
        case ValueKind.CHOICE:
            return choices
        case ValueKind.DURATION:
            return f"a duration, as {DURATIONS_ALLOWED}{_range(row, format_duration)}{off}"
        case ValueKind.SIZE:
            return f"a size as {SIZES_ALLOWED}{_range(row, _bytes_text)}{off}"
        case ValueKind.SHARE:
            return "a number from 0.0 to 1.0"
        case ValueKind.INTEGER:
            return f"an integer{_range(row, '{:.0f}'.format)}{off}"
        case ValueKind.BOOL:
            return "true, false"
        case ValueKind.PATH:
            return 'a path in quotes that begins with "/", "~/" or $VAR'
        case ValueKind.TEXTS:
            return 'a list of strings, as ["a", "b"]'
        case ValueKind.CHOICE_OR_TEXTS:
            return f'{choices}, or a list of strings, as ["a", "b"]'
        case ValueKind.CHOICE_BY_GLOB:
            return f'a table, as {{ "*.log" = "{row.choices[0]}" }}, with {choices}'
        case ValueKind.TEXT | ValueKind.ADDRESS:
            return "a string in quotes"


def _range(row: Option, form: Callable[[float], str]) -> str:
    if row.low is not None and row.high is not None:
        return f" from {form(row.low)} to {form(row.high)}"
    return f", at least {form(row.low)}" if row.low is not None else ""


def _bytes_text(size: float) -> str:
    return format_size(int(size))


def _wrong_type(row: Option, raw: Any, hint: str = "") -> ValueError:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "a table",
    }
    return ValueError(f"is {names.get(type(raw), 'a date or time')}; allowed: {allowed(row)}{hint}")


def _need_text(row: Option, raw: Any, hint: str = "") -> str:
    if not isinstance(raw, str):
        raise _wrong_type(row, raw, hint)
    if "\0" in raw:
        raise ValueError(f"contains a NUL character; allowed: {allowed(row)}")
    return raw


def _text(row: Option, raw: Any) -> str:
    text = _need_text(row, raw)
    if row.check is not None:
        row.check(text)
    return text


def _path(row: Option, raw: Any) -> Path:
    text = _need_text(row, raw)
    try:
        return expand_path(text)
    except ValueError as error:
        raise ValueError(f"{quoted(text)} {error}") from None


def _address(row: Option, raw: Any) -> str:
    text = _text(row, raw)
    try:
        return expand_text(text)
    except ValueError as error:
        raise ValueError(f"{quoted(text)}: {error}") from None


def _choice(row: Option, raw: Any) -> str:
    text = _need_text(row, raw)
    if text not in row.choices:
        raise ValueError(
            f"cannot be {quoted(text)}; allowed: {allowed(row)}{did_you_mean(text, row.choices, lead='; ')}"
        )
    return text


def _duration(row: Option, raw: Any) -> float | None:
    hint = f'; did you mean "{raw}s"?' if isinstance(raw, int | float) and _is_number(raw) else ""
    text = _need_text(row, raw, hint)
    return _measured(row, text, parse_duration)


def _size(row: Option, raw: Any) -> int | None:
    hint = f'; did you mean "{raw}MB"?' if isinstance(raw, int | float) and _is_number(raw) else ""
    text = _need_text(row, raw, hint)
    size = _measured(row, text, parse_size)
    return None if size is None else int(size)


def _measured(row: Option, text: str, parse: Callable[[str], float | None]) -> float | None:
    try:
        value = parse(text)
    except ValueError:
        raise ValueError(f"cannot be {quoted(text)}; allowed: {allowed(row)}") from None
    if value is None and not row.can_be_off:
        raise ValueError(f'cannot be "{OFF}"; allowed: {allowed(row)}')
    if value is not None:
        _need_range(row, value, quoted(text))
    return value


def _need_range(row: Option, value: float, shown: str) -> None:
    # Written so that a NaN is refused.
    if (row.low is not None and not value >= row.low) or (row.high is not None and not value <= row.high):
        raise ValueError(f"cannot be {shown}; allowed: {allowed(row)}")


def _is_number(raw: Any) -> bool:
    return not isinstance(raw, bool) and abs(raw) < 1e9


def _share(row: Option, raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _wrong_type(row, raw)
    if not 0 <= raw <= 1:
        raise ValueError(f"is out of range; allowed: {allowed(row)}")
    return float(raw)


def _integer(row: Option, raw: Any) -> int | None:
    if raw == OFF and row.can_be_off:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise _wrong_type(row, raw)
    if (row.low is not None and raw < row.low) or (row.high is not None and raw > row.high):
        raise ValueError(f"is out of range; allowed: {allowed(row)}")
    return raw


def _bool(row: Option, raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise _wrong_type(row, raw)
    return raw


def _texts(row: Option, raw: Any) -> tuple[str, ...]:
    if isinstance(raw, str):
        raise _wrong_type(row, raw, f"; did you mean [{quoted(raw)}]?")
    if not isinstance(raw, list):
        raise _wrong_type(row, raw)
    for number, item in enumerate(raw, 1):
        if not isinstance(item, str) or not item.strip() or "\0" in item:
            raise ValueError(f"has an item {number} that is empty or not a string; allowed: {allowed(row)}")
        if row.check is not None:
            row.check(item)
    return tuple(raw)


def _choice_or_texts(row: Option, raw: Any) -> str | tuple[str, ...]:
    return _texts(row, raw) if isinstance(raw, list) else _choice(row, raw)


def _choice_by_glob(row: Option, raw: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(raw, dict):
        raise _wrong_type(row, raw)
    for glob, choice in raw.items():
        if not glob.strip() or "\0" in glob:
            raise ValueError(f"has an empty pattern; allowed: {allowed(row)}")
        if row.check is not None:
            row.check(glob)
        if choice not in row.choices:
            near = did_you_mean(choice, row.choices, lead="; ") if isinstance(choice, str) else ""
            shown = quoted(choice) if isinstance(choice, str) else "that"
            raise ValueError(f"pattern {quoted(glob)} cannot be {shown}; allowed: {allowed(row)}{near}")
    return tuple(raw.items())


_CONVERT: dict[ValueKind, Callable[[Option, Any], Any]] = {
    ValueKind.TEXT: _text,
    ValueKind.PATH: _path,
    ValueKind.ADDRESS: _address,
    ValueKind.DURATION: _duration,
    ValueKind.SIZE: _size,
    ValueKind.SHARE: _share,
    ValueKind.INTEGER: _integer,
    ValueKind.BOOL: _bool,
    ValueKind.CHOICE: _choice,
    ValueKind.TEXTS: _texts,
    ValueKind.CHOICE_OR_TEXTS: _choice_or_texts,
    ValueKind.CHOICE_BY_GLOB: _choice_by_glob,
}
