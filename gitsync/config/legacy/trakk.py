"""Reads TRAKK's configuration, an earlier mirror of home files: `~/.trakk.config`. On the calling thread.

JSON: `{"repository": "/abs", "refs": ["rel/file", …], "dirs": ["rel/dir/", …]}`, with paths relative to home.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitsync.config.options import MIRROR_NAME, HomeConfig, RepoConfig
from gitsync.config.source import read_text
from gitsync.core.manifest import ManifestEntry, is_sound
from gitsync.errors import ConfigError
from gitsync.text import escape

NAME = ".trakk.config"
INDEX = ".trakk-index.config"


@dataclass(frozen=True, slots=True)
class Trakk:
    """The paths that TRAKK tracked, and its repository; `faults` are sentences about entries that cannot be
    imported.
    """

    repository: Path
    entries: tuple[ManifestEntry, ...]
    faults: tuple[str, ...] = ()


def default_file() -> Path:
    """Return the path of TRAKK's configuration."""
    return Path(os.path.expanduser("~"), NAME)  # noqa: PTH111 - Path.home raises where there is none


def parse_trakk(path: Path) -> Trakk:
    """Return the content of a TRAKK configuration; raise ConfigError when it is invalid."""
    try:
        found = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise _fault(path, f"not valid JSON: {error}") from error
    repository = found.get("repository") if isinstance(found, dict) else None
    if not isinstance(repository, str) or not repository.startswith(("/", "~/")) or not _is_path(repository):
        raise _fault(path, 'key repository: allowed: a path that begins with "/"')
    home = Path(os.path.expanduser(repository))  # noqa: PTH111 - never raises
    entries, faults = _entries(path, found)
    index = home / INDEX
    if index.is_file():
        listed, more = parse_index(index)
        entries, faults = [*entries, *listed], [*faults, *more]
    return Trakk(home, tuple(dict.fromkeys(entries)), tuple(faults))


def parse_index(path: Path) -> tuple[list[ManifestEntry], list[str]]:
    """Return what TRAKK's index in its repository lists, and faults; raise ConfigError when it cannot be read.

    It is JSON with `refs` and `dirs`; the oldest version wrote one path a line.
    """
    text = read_text(path)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        found = {
            "refs": [line for line in lines if not line.endswith("/")],
            "dirs": [line for line in lines if line.endswith("/")],
        }
    return _entries(path, found if isinstance(found, dict) else {"refs": found})


def _entries(path: Path, found: dict[str, Any]) -> tuple[list[ManifestEntry], list[str]]:
    entries: list[ManifestEntry] = []
    faults: list[str] = []
    for key, is_directory in (("refs", False), ("dirs", True)):
        for item in _texts(path, found, key):
            name = item.removeprefix("~/").removeprefix("./").rstrip("/")
            if item.startswith("/") or not _is_path(name) or not is_sound(os.fsencode(name)):
                faults.append(f"{escape(str(path))}: {escape(item)} is not a path below home: skipped")
            else:
                entries.append(ManifestEntry(os.fsencode(name), is_directory))
    return entries, faults


def home_of(path: Path, repos: tuple[RepoConfig, ...]) -> tuple[HomeConfig | None, tuple[str, ...]]:
    """Return the mirror of TRAKK's configuration, if there is one, and notices for the user."""
    if not path.is_file():
        return None, ()
    try:
        found = parse_trakk(path)
    except ConfigError as error:
        return None, (*error.faults, f"{escape(str(path))} is not used")
    taken = {os.path.realpath(repo.path) for repo in repos}
    if os.path.realpath(found.repository) in taken or any(repo.name == MIRROR_NAME for repo in repos):
        return None, (f"{escape(str(path))} is not used: its repository, or the name home, is a [[repo]]",)
    settings = RepoConfig(name=MIRROR_NAME, path=found.repository)
    notice = f"using TRAKK's {escape(str(path))} for home; to write it to config.toml: gitsyncctl import --trakk"
    return HomeConfig(settings=settings, repo=found.repository), (notice, *found.faults)


def _texts(path: Path, found: dict[str, Any], key: str) -> list[str]:
    items = found.get(key, [])
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise _fault(path, f"key {key}: allowed: a list of paths below home")
    return items


def _is_path(text: str) -> bool:
    """Return whether the system has such paths: JSON also writes half a surrogate pair."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _fault(path: Path, what: str) -> ConfigError:
    return ConfigError([f"{escape(str(path))}: {what}"], "check that it is TRAKK's; it was not changed")
