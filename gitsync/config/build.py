"""Builds a Config from the tables of a TOML file, and collects all faults. On the calling thread; owns nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitsync.config.checks import name_from
from gitsync.config.expand import expand_path, expand_url
from gitsync.config.faults import Faults
from gitsync.config.lines import Where
from gitsync.config.options import (
    MIRROR_NAME,
    SECTIONS,
    Config,
    DaemonConfig,
    HomeConfig,
    HooksConfig,
    JobConfig,
    RepoConfig,
    Section,
)
from gitsync.config.rows import Option
from gitsync.config.values import allowed, convert, quoted
from gitsync.core.units import format_duration
from gitsync.text import did_you_mean

# Keys that people often write where the table uses another name.
_MEANT = {("home", "path"): "repo"}


def build(raw: dict[str, Any], faults: Faults, source: Path) -> Config:
    """Return the Config for `raw`, the tables from tomllib; raise ConfigError with all faults if there are any."""
    for name in raw:
        if name not in SECTIONS:
            _unknown_table(name, raw[name], faults)
    defaults, _ = _only(raw, "defaults", faults)
    _settle_wait(dict(defaults), defaults, ("defaults",), "[defaults]", faults)
    repos = [repo for entry in _entries(raw, "repo", faults) if (repo := _repo(entry, defaults, faults))]
    jobs = [job for entry in _entries(raw, "job", faults) if (job := _job(entry, faults))]
    home = _home(raw, defaults, faults)
    daemon, _ = _only(raw, "daemon", faults)
    hooks, _ = _only(raw, "hooks", faults)
    _each_once(repos, home, faults)
    _each_name_once([(job.name, where) for job, where in jobs], SECTIONS["job"], {}, faults)
    faults.raise_any()
    machine = daemon.get("machine")
    if home is not None:
        home = replace(home, settings=replace(home.settings, machine=machine))
    return Config(
        repos=tuple(replace(repo, machine=machine) for repo, _ in repos),
        home=home,
        jobs=tuple(job for job, _ in jobs),
        daemon=DaemonConfig(**daemon),
        hooks=HooksConfig(**hooks),
        source=source,
    )


def default_name(table: dict[str, Any]) -> str | None:
    """Return the name of a [[repo]] or [[job]] from the file, or from its path; None without both."""
    name, path = table.get("name"), table.get("path")
    if isinstance(name, str):
        return name
    if not isinstance(path, str):
        return None
    try:
        return name_from(expand_path(path).name) or None
    except ValueError:  # the fault is reported where the path is read
        return None


class _Entry:
    """One [[repo]] or [[job]]: its table, its place in the file, and its label in messages."""

    def __init__(self, section: Section, number: int, table: dict[str, Any]) -> None:
        self.section, self.table = section, table
        self.where: Where = (section.name, number)
        self.name = default_name(table)
        self.label = f"{section.header} {quoted(self.name) if self.name else f'number {number + 1}'}"


def _unknown_table(name: str, value: Any, faults: Faults) -> None:
    holders = [section.header for section in SECTIONS.values() if name in section.rows]
    if not isinstance(value, dict | list) and holders:
        faults.add((name,), f"key {name}: is outside any table; it belongs in {' or '.join(holders)}")
        return
    tables = ", ".join(section.header for section in SECTIONS.values())
    faults.add((name,), f"unknown table {quoted(name)}; allowed: {tables}{did_you_mean(name, SECTIONS, lead='; ')}")


def _only(raw: dict[str, Any], name: str, faults: Faults) -> tuple[dict[str, Any], bool]:
    """Return the values of a table that occurs once, and whether the file has it."""
    section = SECTIONS[name]
    table = raw.get(name)
    if table is None:
        return {}, False
    if not isinstance(table, dict):
        faults.add((name,), f"{name} is not a table; allowed: {section.header}, once, followed by its keys")
        return {}, False
    return _values(section, table, (name,), section.header, faults), True


def _entries(raw: dict[str, Any], name: str, faults: Faults) -> list[_Entry]:
    section = SECTIONS[name]
    tables = raw.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        faults.add((name,), f"{name} is not a list of tables; allowed: {section.header}, in double brackets")
        return []
    return [_Entry(section, number, table) for number, table in enumerate(tables)]


def _values(
    section: Section, table: dict[str, Any], where: Where, label: str, faults: Faults, *, skip: str = ""
) -> dict[str, Any]:
    """Return the values of the valid keys; add a fault for each of the others."""
    values: dict[str, Any] = {}
    for key, raw in table.items():
        row = section.rows.get(key)
        if row is None:
            faults.add((*where, key), _unknown_key(section, key), label=label)
        elif key != skip:
            _one_value(row, raw, values, (*where, key), label, faults)
    return values


def _one_value(row: Option, raw: Any, values: dict[str, Any], where: Where, label: str, faults: Faults) -> None:
    try:
        values[row.key] = convert(row, raw)
    except ValueError as error:
        faults.add(where, str(error), label=label)


def _unknown_key(section: Section, key: str) -> str:
    if meant := _MEANT.get((section.name, key)):
        return f'is unknown here; did you mean "{meant}"?'
    names = list(section.rows)
    if hint := did_you_mean(key, names, lead="; "):
        return f"is unknown here; allowed: {', '.join(names)}{hint}"
    others = [other.header for other in SECTIONS.values() if key in other.rows]
    if others:
        return f"is unknown here; it belongs in {' or '.join(others)}"
    return f"is unknown here; allowed: {', '.join(names)}"


def _required(entry: _Entry, values: dict[str, Any], faults: Faults) -> bool:
    """Fill in the name; return whether name and path are present."""
    if "path" not in entry.table:
        row = entry.section.rows["path"]
        faults.add(entry.where, f"key path is missing; allowed: {allowed(row)}", label=entry.label)
    elif "path" in values and "name" not in entry.table:
        if entry.name is None:
            faults.add(entry.where, 'key name is missing, and the path contains no name; add name = "…"')
        else:
            values["name"] = entry.name
    return "path" in values and "name" in values


def _repo(entry: _Entry, defaults: dict[str, Any], faults: Faults) -> tuple[RepoConfig, Where] | None:
    own = _values(entry.section, entry.table, entry.where, entry.label, faults)
    is_whole = _required(entry, own, faults)
    merged = {**_other_remotes(defaults, own), **own}
    _one_of_remotes(own, entry.where, entry.label, faults)
    _settle_wait(merged, own, entry.where, entry.label, faults)
    return (RepoConfig(**merged, is_push_prompt="push" not in merged), entry.where) if is_whole else None


def _other_remotes(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return `defaults` without their remotes where a table names its own."""
    is_own = "remote" in own or "remotes" in own
    return {key: value for key, value in defaults.items() if not (is_own and key in ("remote", "remotes"))}


def _one_of_remotes(own: dict[str, Any], where: Where, label: str, faults: Faults) -> None:
    if own.get("remotes") and "remote" in own:
        faults.add((*where, "remotes"), "cannot be used with remote; allowed: one of the two keys", label=label)


def _settle_wait(values: dict[str, Any], own: dict[str, Any], where: Where, label: str, faults: Faults) -> None:
    """Ensure that max_wait is not below quiet: it follows a longer quiet, but a smaller value in the file is a fault.

    `own` are the values of this table; a conflict between values of [defaults] is reported there, once.
    """
    rows = SECTIONS["repo"].rows
    quiet = values.get("quiet", convert(rows["quiet"], rows["quiet"].default))
    longest = values.get("max_wait")
    values["max_wait"] = max(quiet, convert(rows["max_wait"], rows["max_wait"].default) if longest is None else longest)
    if longest is None or longest >= quiet:
        return
    shown = format_duration(longest), format_duration(quiet)
    if "max_wait" in own:
        what = f'"{shown[0]}" is shorter than quiet, "{shown[1]}"; allowed: "{shown[1]}" or longer'
        faults.add((*where, "max_wait"), what, label=label)
    elif "quiet" in own:
        what = f'"{shown[1]}" is longer than max_wait, "{shown[0]}"; allowed: "{shown[0]}" or shorter'
        faults.add((*where, "quiet"), what, label=label)


def _home(raw: dict[str, Any], defaults: dict[str, Any], faults: Faults) -> HomeConfig | None:
    own, is_there = _only(raw, "home", faults)
    if not is_there:
        return None
    row = SECTIONS["home"].rows["repo"]
    if "repo" not in raw["home"]:
        _one_value(row, row.default, own, ("home", "repo"), "[home]", faults)
    shared = {
        **_other_remotes(defaults, own),
        **{key: value for key, value in own.items() if key not in ("repo", "link", "incoming")},
    }
    _one_of_remotes(own, ("home",), "[home]", faults)
    _settle_wait(shared, own, ("home",), "[home]", faults)
    if "repo" not in own:
        return None
    settings = RepoConfig(name=MIRROR_NAME, path=own["repo"], **shared, is_push_prompt="push" not in shared)
    return HomeConfig(settings=settings, **{key: own[key] for key in ("repo", "link", "incoming") if key in own})


def _job(entry: _Entry, faults: Faults) -> tuple[JobConfig, Where] | None:
    values = _values(entry.section, entry.table, entry.where, entry.label, faults)
    if not _required(entry, values, faults):
        return None
    try:
        # git interprets a relative address relative to the work tree.
        url = expand_url(values.get("url", ""), may_be_relative=values.get("backend", "git") == "git")
    except ValueError as error:
        faults.add((*entry.where, "url"), f"{quoted(values['url'])} {error}", label=entry.label)
        return None
    job = JobConfig(**{**values, "url": url})
    if job.backend != "git" and not job.url and "url" not in entry.table:
        faults.add(
            entry.where, f"key url is missing; {job.backend} needs the address of the other side", label=entry.label
        )
    return job, entry.where


def _each_once(repos: list[tuple[RepoConfig, Where]], home: HomeConfig | None, faults: Faults) -> None:
    section = SECTIONS["repo"]
    taken: dict[str, Where] = {MIRROR_NAME: ("home",)} if home else {}
    _each_name_once([(repo.name, where) for repo, where in repos], section, taken, faults)
    roots: dict[str, Where] = {os.path.realpath(home.repo): ("home",)} if home else {}
    for repo, where in repos:
        first = roots.setdefault(os.path.realpath(repo.path), where)
        if first != where:
            what = f"{quoted(str(repo.path))} is also the directory of {_place(first, faults)}; allowed: once"
            faults.add((*where, "path"), what, label=f"{section.header} {quoted(repo.name)}")


def _each_name_once(named: list[tuple[str, Where]], section: Section, taken: dict[str, Where], faults: Faults) -> None:
    known = {name for name, _ in named} | set(taken)
    for name, where in named:
        first = taken.setdefault(name, where)
        if first != where:
            free = free_name(name, known)
            known.add(free)
            what = f"{quoted(name)} is also the name of {_place(first, faults)}; allowed: name = {quoted(free)}"
            faults.add((*where, "name"), what, label=f"{section.header} {quoted(name)}")


def free_name(name: str, taken: set[str]) -> str:
    """Return `name`, with a number appended if it is taken."""
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _place(where: Where, faults: Faults) -> str:
    line = faults.line(where)
    header = SECTIONS[str(where[0])].header
    return f"the {header} in line {line}" if line else f"another {header}"
