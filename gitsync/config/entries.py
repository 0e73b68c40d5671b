"""What a configuration file says of repositories, before it is known to be without faults. On its caller's thread.

Looks at the file system to tell directories apart; owns nothing.
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
    """Return whether there is a file to read; one that cannot be looked at is."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # reading it tells why not
    return True


def ini_instead(path: Path, system_ini: Path) -> Path | None:
    """Return the INI file that is in force as long as `path`, the user's config.toml, is not there."""
    if is_there(path) or path != places.user_config_dir() / "config.toml":
        return None
    return next((ini for ini in default_inis(system_ini) if ini.is_file()), None)


def repos_in(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tables of the repositories."""
    repos: list[dict[str, Any]] = raw.get("repo", [])
    return repos


def repo_names(raw: dict[str, Any]) -> dict[str, int]:
    """Return the number of the entry that each name belongs to; the mirror's is -1."""
    names = {name: number for number, entry in enumerate(repos_in(raw)) if (name := default_name(entry))}
    return names | ({MIRROR_NAME: -1} if "home" in raw else {})


def entry_of(raw: dict[str, Any], root: Path) -> int | None:
    """Return the number of the entry whose directory is `root`, by whatever way; None when there is none."""
    real = os.path.realpath(root)
    roots = (root_of(entry) for entry in repos_in(raw))
    return next((number for number, other in enumerate(roots) if other and os.path.realpath(other) == real), None)


def root_of(entry: dict[str, Any]) -> Path | None:
    """Return the directory of an entry; None when it has no good path, which loading tells in full."""
    text = entry.get("path")
    try:
        return expand_path(text) if isinstance(text, str) else None
    except ValueError:
        return None


def writable_root(root: Path) -> Path:
    """Return `root` as it will be read from the file; raise OperationError for a name that TOML cannot hold."""
    root = Path(os.path.realpath(root)) if ".." in root.parts else root.absolute()
    try:
        str(root).encode()
    except UnicodeEncodeError as error:
        raise OperationError(
            f"the name of {escape(str(root))} is not UTF-8, so config.toml cannot hold it",
            "make a symbolic link to it with another name and watch that",
        ) from error
    return root


def check_given(name: str | None, remote: str | None) -> None:
    """Raise UsageError for a name or remote that the file may not hold."""
    try:
        if name is not None:
            check_name(name)
        if remote is not None:
            check_remote(remote)
    except ValueError as error:
        raise UsageError(f"{quoted(name or remote or '')} {error}") from error
