"""Reads the repositories from a configuration file that may still contain faults. On the calling thread.

Compares directories by the file system; owns nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gitsync import places
from gitsync.config.build import default_name
from gitsync.config.checks import check_name, check_remote
from gitsync.config.expand import expand_path
from gitsync.config.options import MIRROR_NAME
from gitsync.config.source import default_inis
from gitsync.config.values import quoted
from gitsync.errors import OperationError, UsageError
from gitsync.text import escape


def is_there(path: Path) -> bool:
    """Return whether a file exists; True also when it cannot be examined."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # reading it reports the error
    return True


def ini_instead(path: Path, system_ini: Path) -> Path | None:
    """Return the INI file that is used as long as `path`, the user's config.toml, does not exist."""
    if is_there(path) or path != places.user_config_dir() / "config.toml":
        return None
    return next((ini for ini in default_inis(system_ini) if ini.is_file()), None)


def repos_in(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tables of the repositories."""
    repos: list[dict[str, Any]] = raw.get("repo", [])
    return repos


def repo_names(raw: dict[str, Any]) -> dict[str, int]:
    """Return the index of the entry for each name; the mirror's is -1."""
    names = {name: number for number, entry in enumerate(repos_in(raw)) if (name := default_name(entry))}
    return names | ({MIRROR_NAME: -1} if "home" in raw else {})


def entry_of(raw: dict[str, Any], root: Path) -> int | None:
    """Return the index of the entry whose directory is `root`, by any path to it; None when there is none."""
    real = os.path.realpath(root)
    roots = (root_of(entry) for entry in repos_in(raw))
    return next((number for number, other in enumerate(roots) if other and os.path.realpath(other) == real), None)


def root_of(entry: dict[str, Any]) -> Path | None:
    """Return the directory of an entry; None when its path is invalid, which loading reports."""
    text = entry.get("path")
    try:
        return expand_path(text) if isinstance(text, str) else None
    except ValueError:
        return None


def writable_root(root: Path) -> Path:
    """Return `root` as it will be read back from the file; raise OperationError for a path that TOML cannot
    represent.
    """
    root = Path(os.path.realpath(root)) if ".." in root.parts else root.absolute()
    try:
        str(root).encode()
    except UnicodeEncodeError as error:
        raise OperationError(
            f"the name of {escape(str(root))} is not UTF-8, so config.toml cannot contain it",
            "create a symbolic link to it with another name and watch that",
        ) from error
    return root


def check_given(name: str | None, remote: str | None) -> None:
    """Raise UsageError for an invalid name or remote."""
    try:
        if name is not None:
            check_name(name)
        if remote is not None:
            check_remote(remote)
    except ValueError as error:
        raise UsageError(f"{quoted(name or remote or '')} {error}") from error
