"""Durations and sizes as a person writes them, and back. Pure, so on no thread and owner of nothing."""

from __future__ import annotations

import re

OFF = "off"
DURATIONS_ALLOWED = '"500ms", "2s", "5m", "1h", "1d"'
SIZES_ALLOWED = '"10MB", "1GiB"'

_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES = {
    "b": 1,
    **{unit: 1000**power for power, unit in enumerate(("kb", "mb", "gb", "tb"), 1)},
    **{unit: 1024**power for power, unit in enumerate(("kib", "mib", "gib", "tib"), 1)},
}
_SHOWN_BYTES = {"TiB": 1024**4, "TB": 1000**4, "GiB": 1024**3, "GB": 1000**3}
_SHOWN_BYTES |= {"MiB": 1024**2, "MB": 1000**2, "KiB": 1024, "KB": 1000, "B": 1}
# More digits are a slip of the finger, and a long row of them is slow to read.
_QUANTITY = re.compile(r"([0-9]{1,16}(?:\.[0-9]{1,3})?) ?([A-Za-z]+)")
_MS_MAX = 36_500 * _MS["d"]
_BYTES_MAX = 1024**5


def parse_duration(text: str) -> float | None:
    """Return a duration in seconds, None for "off". Raise ValueError, naming what is allowed, for anything else."""
    if text == OFF:
        return None
    found = _QUANTITY.fullmatch(text)
    factor = _MS.get(found[2]) if found else None
    if found is None or factor is None:
        raise ValueError(f'is not a duration; allowed: {DURATIONS_ALLOWED} or "{OFF}"')
    milliseconds, rest = _times(found[1], factor)
    if rest:
        raise ValueError(f"is finer than a millisecond; allowed: {DURATIONS_ALLOWED}")
    if milliseconds > _MS_MAX:
        raise ValueError(f'is longer than a hundred years; allowed: {DURATIONS_ALLOWED} or "{OFF}"')
    return milliseconds / 1000


def format_duration(seconds: float | None) -> str:
    """Return `seconds`, to the millisecond, as `parse_duration` reads it."""
    if seconds is None:
        return OFF
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0s"
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if milliseconds % _MS[unit] == 0)
    return f"{milliseconds // _MS[unit]}{unit}"


def parse_size(text: str) -> int | None:
    """Return a size in bytes, None for "off". Raise ValueError, naming what is allowed, for anything else."""
    if text == OFF:
        return None
    found = _QUANTITY.fullmatch(text)
    factor = _BYTES.get(found[2].lower()) if found else None
    if found is None or factor is None:
        raise ValueError(f'is not a size; allowed: {SIZES_ALLOWED} or "{OFF}"')
    size, rest = _times(found[1], factor)
    if rest:
        raise ValueError(f"is not a whole number of bytes; allowed: {SIZES_ALLOWED}")
    if size > _BYTES_MAX:
        raise ValueError(f'is larger than any file; allowed: {SIZES_ALLOWED} or "{OFF}"')
    return size


def format_size(size: int | None) -> str:
    """Return `size`, in bytes, as `parse_size` reads it."""
    if size is None:
        return OFF
    unit = next(unit for unit, factor in _SHOWN_BYTES.items() if size % factor == 0 and (size or unit == "B"))
    return f"{size // _SHOWN_BYTES[unit]}{unit}"


def _times(number: str, factor: int) -> tuple[int, int]:
    """Return `number`, which has three decimals at most, times `factor`: the whole part, and the thousandths left."""
    whole, _, decimals = number.partition(".")
    return divmod(int(whole + decimals.ljust(3, "0")) * factor, 1000)
