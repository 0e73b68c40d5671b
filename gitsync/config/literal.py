"""Writes values and a whole configuration as TOML text; tomllib only reads. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from gitsync.config.expand import shorten_path
from gitsync.config.options import SECTIONS, Config, DaemonConfig, HomeConfig, HooksConfig, JobConfig, RepoConfig
from gitsync.config.rows import rows
from gitsync.config.values import render

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_literal(value: Any) -> str:
    """Return a string, number, boolean, list or table as TOML on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # JSON's escapes are valid TOML, except that JSON does not escape DEL.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(toml_literal(item) for item in value)}]"
        case dict():
            inner = ", ".join(f"{toml_key(key)} = {toml_literal(item)}" for key, item in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case _:
            return repr(value)


def toml_key(key: str) -> str:
    """Return `key` as TOML, quoted if necessary."""
    return key if _BARE_KEY.fullmatch(key) else toml_literal(key)


def toml_table(header: str, values: dict[str, Any], newline: str = "\n") -> str:
    """Return a table with its header, one key per line."""
    lines = [header, *(f"{toml_key(key)} = {toml_literal(value)}" for key, value in values.items())]
    return newline.join(lines) + newline


def repos_as_toml(config: Config, comment: str) -> str:
    """Return a config.toml with the repositories of `config`, after a comment line.

    Values that all of them share, and that are not the default, are written once, in [defaults].
    """
    section = SECTIONS["repo"]
    written = [
        {
            key: render(row, getattr(repo, key))
            for key, row in section.rows.items()
            if row.is_shared and render(row, getattr(repo, key)) != row.default
        }
        for repo in config.repos
    ]
    first = written[0] if written else {}
    common = {key: value for key, value in first.items() if all(own.get(key) == value for own in written)}
    parts = [f"# {comment}\n"] + ([toml_table("[defaults]", common)] if common else [])
    for repo, own in zip(config.repos, written, strict=True):
        values = {"path": shorten_path(repo.path), "name": repo.name}
        parts.append(toml_table(section.header, values | {key: own[key] for key in own if key not in common}))
    return "\n".join(parts)


def describe_defaults() -> dict[str, dict[str, Any]]:
    """Return the default of every option as it would be written, by table and key; None where absence has a meaning."""
    return {name: {key: row.default for key, row in section.rows.items()} for name, section in SECTIONS.items()}


def shown_values(shape: RepoConfig | HomeConfig | JobConfig | DaemonConfig | HooksConfig) -> dict[str, Any]:
    """Return the option values in a dataclass, as written in the file, by key."""
    return {key: render(row, getattr(shape, key)) for key, row in rows(type(shape)).items()}
