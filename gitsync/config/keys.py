"""The dotted keys of `config get` and `config set`: `defaults.quiet`, `repo.NAME.quiet`, `daemon.log_level`. Pure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

from gitsync.config.build import default_name
from gitsync.config.lines import Where
from gitsync.config.literal import shown_values
from gitsync.config.options import SECTIONS, Config, HomeConfig, Section
from gitsync.config.rows import Option, ValueKind
from gitsync.config.values import convert, quoted, render
from gitsync.core.units import OFF
from gitsync.errors import UsageError
from gitsync.text import did_you_mean


@dataclass(frozen=True, slots=True)
class FoundKey:
    """What a dotted key refers to: an option, and its table in the file."""

    row: Option
    table: Where


def find_key(key: str, raw: dict[str, Any]) -> FoundKey:
    """Return what a dotted key refers to; raise UsageError, with the nearest valid key, for an unknown one."""
    section, name, option = _parts(key)
    if option not in section.rows:
        prefix = ".".join(part for part in (section.name, name) if part)
        near = did_you_mean(option, section.rows, lead="; ")
        raise UsageError(
            f"unknown key {quoted(key)}{near}",
            f"allowed: {prefix}. and one of {', '.join(section.rows)}",
            code="unknown-key",
        )
    row = section.rows[option]
    return FoundKey(row, (section.name, _number(section, name, raw)) if section.is_list else (section.name,))


def in_force(key: str, raw: dict[str, Any], config: Config) -> object:
    """Return the effective value of a dotted key, or a dict of all values of its table.

    `raw` are the tables of the file that `config` was built from.
    """
    table = _table_in_force(key, raw, config)
    if table is not None:
        return table
    found = find_key(key, raw)
    whole = _table_in_force(key.rpartition(".")[0], raw, config)
    assert whole is not None
    return whole[found.row.key]


def from_text(row: Option, key: str, text: str) -> Any:
    """Convert a typed value to one for the file; raise UsageError when it is not allowed."""
    try:
        value = _parsed(row, text)
        convert(row, value)
    except ValueError as error:
        raise UsageError(f"{key}: {error}", "for the meaning of each key: man gitsync.toml") from error
    return value


def _parsed(row: Option, text: str) -> Any:
    match row.kind:
        case ValueKind.SHARE:
            return _number_or_text(text, float)
        case ValueKind.INTEGER:
            return text if text == OFF else _number_or_text(text, int)
        case ValueKind.BOOL:
            return {"true": True, "false": False}.get(text, text)
        case ValueKind.CHOICE_BY_GLOB:
            return _toml_value(text)
        case ValueKind.TEXTS | ValueKind.CHOICE_OR_TEXTS if text.lstrip().startswith("["):
            return _toml_value(text)
        case ValueKind.TEXTS:
            return [text] if text else []
        case _:
            return text


def _number_or_text(text: str, number: type[int] | type[float]) -> Any:
    try:
        return number(text)
    except ValueError:
        return text  # convert reports what is allowed


def _toml_value(text: str) -> Any:
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{quoted(text)} is not valid TOML: {error}") from None
    if found.keys() != {"value"}:
        raise ValueError(f"{quoted(text)} is more than one value")
    return found["value"]


def _parts(key: str) -> tuple[Section, str, str]:
    """Return section, name and option; a name may contain dots."""
    head, _, rest = key.partition(".")
    section = SECTIONS.get(head)
    if section is None:
        raise UsageError(
            f"unknown key {quoted(key)}{did_you_mean(head, SECTIONS, lead='; ')}",
            "a key is a table and an option, as defaults.quiet, daemon.log_level, repo.NAME.quiet",
            code="unknown-key",
        )
    if not section.is_list:
        return section, "", rest
    name, _, option = rest.rpartition(".")
    return section, name, option


def _number(section: Section, name: str, raw: dict[str, Any]) -> int:
    names = _names(section, raw)
    if name not in names:
        raise UsageError(
            f"there is no {section.header} {quoted(name)}{did_you_mean(name, names, lead='; ')}",
            f"a key is {section.name}.NAME.OPTION, with NAME as gitsyncctl list shows it",
            code="unknown-name",
        )
    return names[name]


def _names(section: Section, raw: dict[str, Any]) -> dict[str, int]:
    entries = raw.get(section.name, [])
    if not isinstance(entries, list):
        return {}
    tables = [(at, entry) for at, entry in enumerate(entries) if isinstance(entry, dict)]
    return {name: at for at, entry in tables if (name := default_name(entry))}


def _table_in_force(key: str, raw: dict[str, Any], config: Config) -> dict[str, Any] | None:
    """Return all values of the table that `key` refers to, None for an unknown table."""
    head, _, name = key.partition(".")
    if head in ("repo", "job"):
        entries: tuple[Any, ...] = config.repos if head == "repo" else config.jobs
        if not name:
            return {entry.name: shown_values(entry) for entry in entries}
        return next((shown_values(entry) for entry in entries if entry.name == name), None)
    if name:
        return None
    match head:
        case "daemon":
            return shown_values(config.daemon)
        case "hooks":
            return shown_values(config.hooks)
        case "home" if config.home is not None:
            return home_values(config.home)
        case "defaults" | "home":
            own = raw.get("defaults", {})
            return {key: _normal(row, own.get(key, row.default)) for key, row in SECTIONS[head].rows.items()}
        case _:
            return None


def home_values(home: HomeConfig) -> dict[str, Any]:
    """Return the values of the mirror, the shared ones included."""
    shared = {key: value for key, value in shown_values(home.settings).items() if key in SECTIONS["home"].rows}
    return shown_values(home) | shared


def _normal(row: Option, raw: Any) -> Any:
    return None if raw is None else render(row, convert(row, raw))
