"""Options as the fields of a form: what a value looks like in it, and what is typed as text for the file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from gitsync.config.literal import toml_literal
from gitsync.config.rows import Option, ValueKind
from gitsync.config.values import allowed
from gitsync.core.units import OFF

LINES = (ValueKind.TEXTS, ValueKind.CHOICE_BY_GLOB)


@dataclass(frozen=True, slots=True)
class Field:
    """One option in a form: `way` is choice, lines or line; `value` is what it has now, `default` without a line."""

    key: str
    doc: str
    way: str
    value: str
    default: str
    allowed: str
    choices: tuple[str, ...] = ()
    fault: str = ""

    @property
    def text(self) -> Markup:
        """The value with its line breaks, for a field of several lines."""
        return escape(self.value)


def field_of(row: Option, value: Any, fault: str = "") -> Field:
    """Return the field of an option that has `value`, as it would be written."""
    shown, default = _shown(row, value), _shown(row, row.default)
    if row.kind is ValueKind.CHOICE:
        way, choices = "choice", row.choices
    elif row.kind is ValueKind.BOOL:
        way, choices = "choice", ("true", "false")
    else:
        way, choices = ("lines" if row.kind in LINES else "line"), ()
    told = row.absent if row.default is None else default
    return Field(row.key, row.doc, way, shown, told, allowed(row).replace(" in quotes", ""), choices, fault)


def _shown(row: Option, value: Any) -> str:
    match value:
        case None:
            return OFF if row.can_be_off else ""
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return "\n".join(map(str, value)) if row.kind in LINES else ", ".join(map(str, value))
        case dict():
            return "\n".join(f"{pattern} = {word}" for pattern, word in value.items())
        case _:
            return str(value)


def typed(row: Option, text: str) -> str:
    """Return what was typed into a field in the form that `gitsyncctl config set` takes."""
    text = text.replace("\r\n", "\n").strip()
    if row.kind is ValueKind.TEXTS:
        return toml_literal([line.strip() for line in text.split("\n") if line.strip()])
    if row.kind is ValueKind.CHOICE_OR_TEXTS and text not in row.choices:
        return toml_literal([word.strip() for word in text.split(",") if word.strip()])
    if row.kind is ValueKind.CHOICE_BY_GLOB:
        pairs = (line.rpartition("=") for line in text.split("\n") if line.strip())
        return toml_literal({pattern.strip(): word.strip() for pattern, _, word in pairs})
    return text


def changed(rows: Mapping[str, Option], values: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Return what of a form was changed, by key, as `typed`."""
    found: dict[str, str] = {}
    for key, row in rows.items():
        if key in given and given[key].replace("\r\n", "\n").strip() != _shown(row, values.get(key)).strip():
            found[key] = typed(row, given[key])
    return found
