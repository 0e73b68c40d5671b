"""The declaration of an option: one row, attached to the dataclass field that it fills, so that both stay consistent.

Loader, documentation page and `config get` / `set` all work from these rows. Any thread; owns nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ValueKind(StrEnum):
    """How a value is written in the file."""

    TEXT = "text"
    PATH = "path"
    ADDRESS = "address"
    DURATION = "duration"
    SIZE = "size"
    SHARE = "share"
    INTEGER = "integer"
    BOOL = "yes or no"
    CHOICE = "choice"
    TEXTS = "list of strings"
    CHOICE_OR_TEXTS = "choice or list of strings"
    CHOICE_BY_GLOB = "table of pattern to choice"


@dataclass(frozen=True, slots=True)
class Option:
    """One key: its type, the allowed values, its default, and its purpose.

    `default` is written as in the file; None means that its absence has a meaning, which `absent` describes. `low` and
    `high` are in the value's own unit (seconds, bytes). `check` raises ValueError for an invalid text.
    """

    key: str
    kind: ValueKind
    default: Any
    doc: str
    example: Any
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    can_be_off: bool = False
    is_required: bool = False
    is_shared: bool = True
    absent: str = ""
    check: Callable[[str], None] | None = None


def rows(shape: type) -> dict[str, Option]:
    """Return the options that a dataclass declares, by key, in their order."""
    return {
        field.name: dataclasses.replace(field.metadata["option"], key=field.name)
        for field in dataclasses.fields(shape)
        if "option" in field.metadata
    }
