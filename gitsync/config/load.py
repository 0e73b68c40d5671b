"""Loads the configuration and reports all faults of a file at once. On the calling thread; owns nothing.

A Config is a value: a reload compares the new one with the old one, and keeps the old one when this raises.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitsync.config.build import build
from gitsync.config.faults import Faults
from gitsync.config.legacy import trakk
from gitsync.config.legacy.gitsync_ini import SECTION as INI_SECTION
from gitsync.config.legacy.gitsync_ini import looks_like_ini, parse_ini
from gitsync.config.legacy.sync_conf import conf_files, elsewhere, jobs_of
from gitsync.config.lines import locate
from gitsync.config.options import SECTIONS, Config
from gitsync.config.source import SYSTEM_INI, active_file, default_inis, named_file, read_text
from gitsync.text import as_word, escape

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def load(option: str | None = None, *, is_to_be_made: bool = False, system_ini: Path = SYSTEM_INI) -> Config:
    """Return the configuration from `option`, `$GITSYNC_CONFIG`, config.toml, or an INI file of GitSync.

    Without any of them it is empty, with a notice that lists the places searched. Raise ConfigError for a file that was
    given but does not exist (unless it `is_to_be_made` by the caller), cannot be read, or has faults. Jobs of Sync
    Manager's `.conf` files are added, and TRAKK's mirror when there is no [home]; faults of those become notices.
    """
    config = _load(option, system_ini, is_to_be_made=is_to_be_made)
    if config.home is None:
        home, trakk_notices = trakk.home_of(trakk.default_file(), config.repos)
        config = replace(config, home=home, notices=(*config.notices, *trakk_notices))
    files = conf_files()
    jobs, faults = jobs_of(files, config.jobs)
    left = elsewhere(files)
    return replace(
        config,
        jobs=(*config.jobs, *jobs),
        notices=(*config.notices, *faults, *left),
        conf_faults=tuple(faults),
        conf_left_out=tuple(left),
    )


def _load(option: str | None, system_ini: Path, *, is_to_be_made: bool) -> Config:
    path = active_file(option, system_ini=system_ini)
    if path is None or (is_to_be_made and not os.path.lexists(path)):
        looked = ", ".join(escape(str(place)) for place in (named_file(option), *default_inis(system_ini)))
        return Config(notices=(f"there is no configuration; looked for {looked}; to create one: gitsyncctl watch DIR",))
    text = read_text(path)
    # A file in one of GitSync's own places is reported as an INI file even when it hardly looks like one.
    is_ini = path in default_inis(system_ini) and path != named_file(option)
    return parse_ini(text, path) if is_ini else parse(text, path)


def parse(text: str, source: Path) -> Config:
    """Return the Config for the text of a config.toml, or of an INI file of GitSync.

    Raise ConfigError with all its faults; `source` is only used in messages.
    """
    raw, faults = read_tables(text, source)
    if raw is None:
        return parse_ini(text, source)
    return build(raw, faults, source)


def read_tables(text: str, source: Path) -> tuple[dict[str, Any] | None, Faults]:
    """Return the tables of a TOML text, None for an INI file of GitSync; raise ConfigError when it is neither."""
    faults = Faults(source)
    try:
        raw = tomllib.loads(text)
    except ValueError as error:
        if looks_like_ini(text):
            return None, faults
        faults.add_line(*_syntax_fault(str(error), text))
        raise faults.error() from error
    except RecursionError as error:
        faults.add_line(0, "not valid TOML: lists or tables are nested too deeply")
        raise faults.error() from error
    if INI_SECTION in raw and not SECTIONS.keys() & raw and looks_like_ini(text):
        return None, faults
    return raw, Faults(source, locate(text))


def check_paths(config: Config) -> list[str]:
    """Return a sentence for each repository whose directory is missing or not a git work tree; does not run git."""
    found = [
        (f"[[repo]] {repo.name}", repo.path, f"gitsyncctl watch {as_word(str(repo.path))} --init")
        for repo in config.repos
    ]
    if config.home is not None:
        found.append(("[home]", config.home.repo, "gitsyncctl init"))
    sentences = (_path_fault(path, hint) for _, path, hint in found)
    return [
        escape(f"{label}: {sentence}") for (label, _, _), sentence in zip(found, sentences, strict=True) if sentence
    ]


def _path_fault(path: Path, hint: str) -> str:
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            return f"{path} is not a directory"
        (path / ".").lstat()  # fails when the directory cannot be entered
    except FileNotFoundError:
        return f"the directory {path} does not exist; to create it: {hint}"
    except OSError as error:
        return f"cannot access {path}: {error.strerror}"
    if os.path.lexists(path / ".git"):
        return ""
    if all(os.path.lexists(path / name) for name in ("HEAD", "objects", "refs")):
        return f"{path} is a bare repository; gitsync needs a work tree"
    return f"{path} is not a git work tree; to make it one: {hint}"


def _syntax_fault(error: str, text: str) -> tuple[int, str]:
    found = _POSITION.search(error)
    what = error[: found.start()] if found else error
    line = int(found[1]) if found and found[1] else text.count("\n") + (not text.endswith("\n"))
    column = f" at column {found[2]}" if found and found[2] else ""
    hint = "; put strings in quotes" if what == "Invalid value" else ""
    return line, f"not valid TOML: {what[:1].lower()}{what[1:]}{column}{hint}"
