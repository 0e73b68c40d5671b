"""Edits config.toml and keeps its comments and order. On the calling thread; owns the file during an edit.

Each edit is verified before anything is written: the new text must mean the old one with exactly that change, and must
load without faults. This is the only user of tomlkit, which is loaded only when an edit needs it.
"""

from __future__ import annotations

import copy
import os
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gitsync.config.build import default_name, free_name
from gitsync.config.checks import name_from
from gitsync.config.edits import append_table, insert_key, lines_of_key, remove_table
from gitsync.config.entries import (
    check_given,
    entry_of,
    ini_instead,
    is_there,
    repo_names,
    repos_in,
    root_of,
    writable_root,
)
from gitsync.config.expand import shorten_path
from gitsync.config.keys import find_key, from_text, in_force
from gitsync.config.legacy.gitsync_ini import parse_ini
from gitsync.config.lines import Where
from gitsync.config.literal import repos_as_toml, shown_values, toml_literal
from gitsync.config.load import parse, read_tables
from gitsync.config.options import SECTIONS, JobConfig
from gitsync.config.source import SYSTEM_INI, read_text
from gitsync.config.store import edit_file
from gitsync.config.values import quoted
from gitsync.errors import OperationError, UsageError
from gitsync.text import as_word, called, did_you_mean, escape

NEW_FILE = "# What gitsync watches and how; docs/configuration.rst describes every key.\n"


@dataclass(frozen=True, slots=True)
class RepoRemoved:
    """What `remove_repo` removed."""

    name: str
    root: Path


def add_repo(
    path: Path, root: Path, *, name: str | None = None, remote: str | None = None, system_ini: Path = SYSTEM_INI
) -> str:
    """Add `root` to the configuration file `path` unless it is there, and return its name.

    Without `name` it is named after the directory, with a number if that is taken; `name` and `remote` are set if
    given. Raise UsageError when `name` belongs to another repository, OperationError when the file cannot be
    edited.
    """
    root = writable_root(root)
    check_given(name, remote)
    chosen = ""

    def edit(text: str, raw: dict[str, Any]) -> str:
        nonlocal chosen
        number, taken = entry_of(raw, root), repo_names(raw)
        if name is not None and taken.get(name, number) != number:
            raise UsageError(
                f"the name {quoted(name)} is taken by another repository",
                "choose another one with --name",
                code="name-taken",
            )
        if number is None:
            default = name_from(root.name)
            chosen = name or free_name(default or "root", set(taken))
            values = {"path": shorten_path(root)}
            values |= {"name": chosen} if chosen != default else {}
            values |= {"remote": remote} if remote is not None else {}
            return _appended(text, raw, values)
        entry = raw["repo"][number]
        for key, value, current in (("name", name, default_name(entry)), ("remote", remote, entry.get("remote"))):
            if value is not None and value != current:
                text = _set(text, tomllib.loads(text), ("repo", number), key, value)
        chosen = name or default_name(entry) or ""
        return text

    _edit(path, edit, system_ini)
    return chosen


def remove_repo(path: Path, which: str, *, system_ini: Path = SYSTEM_INI) -> RepoRemoved:
    """Remove the repository of that name or directory, or the mirror, from the file. Raise UsageError for another."""
    removed: RepoRemoved | None = None

    def edit(text: str, raw: dict[str, Any]) -> str:
        nonlocal removed
        names = repo_names(raw)
        number = names.get(called(which, names))
        if number is None:
            number = entry_of(raw, Path(os.path.abspath(os.path.expanduser(which))))  # noqa: PTH100,PTH111 - never raises
        if number is None:
            raise UsageError(
                f"{quoted(which)} is not watched{did_you_mean(which, names, lead='; ')}",
                "to list the repositories: gitsyncctl list",
                code="unknown-name",
            )
        expected = copy.deepcopy(raw)
        if number < 0:  # the mirror
            entry: dict[str, Any] = {"path": SECTIONS["home"].rows["repo"].default, "name": which}
            entry |= {"path": raw["home"]["repo"]} if "repo" in raw["home"] else {}
            del expected["home"]
        else:
            entry = expected["repo"].pop(number)
            if not expected["repo"]:
                del expected["repo"]
        removed = RepoRemoved(default_name(entry) or "", root_of(entry) or Path(str(entry.get("path", ""))))
        return _verified(
            expected,
            lambda: remove_table(text, ("home",) if number < 0 else ("repo", number)),
            lambda: _with_tomlkit(
                text, lambda document, _: document.pop("home") if number < 0 else document["repo"].pop(number)
            ),
        )

    _edit(path, edit, system_ini)
    assert removed is not None
    return removed


def set_value(path: Path, key: str, text: str, *, system_ini: Path = SYSTEM_INI) -> None:
    """Set a dotted key (`defaults.quiet`, `repo.NAME.quiet`) to the value that a person typed.

    Raise UsageError for an unknown key or an invalid value, ConfigError when the file would have a fault then.
    """

    def edit(before: str, raw: dict[str, Any]) -> str:
        found = find_key(key, raw)
        value = from_text(found.row, key, text)
        return _set(before, raw, found.table, found.row.key, value)

    _edit(path, edit, system_ini)


def get(path: Path, key: str, *, system_ini: Path = SYSTEM_INI) -> object:
    """Return the effective value of a dotted key, as it would be written; a dict for a whole table (`repo.NAME`).

    Raise UsageError for an unknown key, ConfigError when the file has faults.
    """
    ini = ini_instead(path, system_ini)
    raw: dict[str, Any] | None
    if ini is not None:
        config, raw = parse_ini(read_text(ini), ini), None
    else:
        text = read_text(path) if is_there(path) else ""
        config, raw = parse(text, path), read_tables(text, path)[0]
    if raw is None:
        raw = tomllib.loads(repos_as_toml(config, ""))
    return in_force(key, raw, config)


def _edit(path: Path, edit: Callable[[str, dict[str, Any]], str], system_ini: Path) -> None:
    ini = ini_instead(path, system_ini)

    def on_text(text: str | None) -> str:
        if text is None and ini is not None:
            text = repos_as_toml(parse_ini(read_text(ini), ini), f"Made from {escape(str(ini))}.")
        text = NEW_FILE if text is None else text
        raw, _ = read_tables(text, path)
        if raw is None:
            raise OperationError(
                f"{escape(str(path))} is the configuration of the first GitSync, which cannot be edited here",
                f"to convert it to config.toml: gitsyncctl import --gitsync {as_word(str(path))}",
            )
        if not isinstance(raw.get("repo", []), list) or not all(isinstance(entry, dict) for entry in repos_in(raw)):
            parse(text, path)  # reports the fault
        edited = edit(text, raw)
        parse(edited, path)
        return edited

    edit_file(path, on_text)


def add_jobs(path: Path, jobs: Sequence[JobConfig], *, system_ini: Path = SYSTEM_INI) -> list[str]:
    """Add `jobs` to the configuration file `path`, under unused names; return the names of the new ones.

    A job of the same program for the same directory and address is not added again. Raise OperationError when the file
    cannot be edited.
    """
    added: list[str] = []

    def edit(text: str, raw: dict[str, Any]) -> str:
        added.clear()
        known = list(parse(text, path).jobs)
        for job in jobs:
            if any((job.backend, job.path, job.url) == (old.backend, old.path, old.url) for old in known):
                continue
            job = replace(job, name=free_name(job.name, {old.name for old in known}))
            known.append(job)
            added.append(job.name)
            text = _appended(text, tomllib.loads(text), _written(job), "job")
        return text

    _edit(path, edit, system_ini)
    return added


def remove_job(path: Path, name: str, *, system_ini: Path = SYSTEM_INI) -> None:
    """Remove the job of that name from the file. Raise UsageError where there is none."""

    def edit(text: str, raw: dict[str, Any]) -> str:
        jobs = parse(text, path).jobs
        number = next((place for place, job in enumerate(jobs) if job.name == name), None)
        if number is None:
            raise UsageError(
                f"there is no job {quoted(name)}", "to list the jobs: gitsyncctl list", code="unknown-name"
            )
        expected = copy.deepcopy(raw)
        del expected["job"][number]
        if not expected["job"]:
            del expected["job"]
        return _verified(
            expected,
            lambda: remove_table(text, ("job", number)),
            lambda: _with_tomlkit(text, lambda document, _: document["job"].pop(number)),
        )

    _edit(path, edit, system_ini)


def _written(job: JobConfig) -> dict[str, Any]:
    """Return a job's values as written in a file: the required ones, and those that differ from the default."""
    values: dict[str, Any] = {"name": job.name, "backend": job.backend, "path": shorten_path(job.path), "url": job.url}
    shown = shown_values(job)
    rows = SECTIONS["job"].rows
    return values | {key: shown[key] for key in rows if key not in values and shown[key] != rows[key].default}


def _appended(text: str, raw: dict[str, Any], values: dict[str, Any], table: str = "repo") -> str:
    expected = copy.deepcopy(raw)
    expected.setdefault(table, []).append(values)
    literal = toml_literal(values)
    return _verified(
        expected,
        lambda: append_table(text, f"[[{table}]]", values),
        lambda: _with_tomlkit(text, lambda document, value: document[table].append(value(literal))),
    )


def _set(text: str, raw: dict[str, Any], table: Where, key: str, value: Any) -> str:
    expected = copy.deepcopy(raw)
    node: Any = expected
    for step in table:
        node = node[step] if isinstance(step, int) else node.setdefault(step, {})
    if not isinstance(node, dict):
        raise OperationError(f"{table[0]} is not a table in this file", "to see the faults: gitsyncctl config check")
    is_new = key not in node
    node[key] = value
    literal = toml_literal(value)

    def put(document: Any, to_item: Callable[[str], Any]) -> None:
        for step in table:
            document = document[step]
        document[key] = to_item(literal)

    return _verified(
        expected,
        lambda: insert_key(text, table, key, value) if is_new else _replaced(text, (*table, key), literal),
        lambda: append_table(text, f"[{table[0]}]", {key: value}) if table[0] not in raw else None,
        lambda: _with_tomlkit(text, put),
    )


def _replaced(text: str, where: Where, literal: str) -> str | None:
    """Return `text` with another value for a key, by editing the lines of that key alone with tomlkit."""
    found = lines_of_key(text, where)
    if found is None:
        return None
    keys = [step for step in where if isinstance(step, str)]

    def put(document: Any, to_item: Callable[[str], Any]) -> None:
        # The lines contain `quiet = …`, or with dots also the header, `defaults.quiet = …`.
        for count in range(1, len(keys) + 1):
            if keys[-count] in document:
                for step in keys[-count:-1]:
                    document = document[step]
                document[keys[-1]] = to_item(literal)
                return

    edited = _with_tomlkit(found[1], put)
    return None if edited is None else found[0] + edited + found[2]


def _with_tomlkit(text: str, change: Callable[[Any, Callable[[str], Any]], None]) -> str | None:
    import tomlkit  # late: it takes as long to load as the rest of gitsync
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        change(document, tomlkit.value)
        return tomlkit.dumps(document)
    except (TOMLKitError, KeyError, IndexError, TypeError):
        return None  # tomlkit cannot edit this form; the caller reports it


def _verified(expected: dict[str, Any], *attempts: Callable[[], str | None]) -> str:
    """Return the text of the first attempt that has the expected meaning."""
    for attempt in attempts:
        text = attempt()
        try:
            if text is not None and tomllib.loads(text) == expected:
                return text
        except (ValueError, RecursionError):
            continue  # this form does not allow an edit by lines; try the next attempt
    raise OperationError(
        "this file cannot be edited automatically without losing something",
        "edit it by hand: gitsyncctl config edit",
    )
