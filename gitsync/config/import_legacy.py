"""Turns the configurations of the programs before us into config.toml. On its caller's thread; the old file stays.

Where an old file has the name of gitsync's own directory, it is moved aside first.
"""

from __future__ import annotations

import os
import tomllib
from contextlib import suppress
from pathlib import Path

from gitsync.config.document import add_jobs, add_repo, set_value
from gitsync.config.entries import is_there
from gitsync.config.expand import shorten_path
from gitsync.config.legacy.gitsync_ini import looks_like_ini, parse_ini
from gitsync.config.legacy.sync_conf import conf_files, elsewhere, jobs_of
from gitsync.config.legacy.trakk import Trakk, parse_trakk
from gitsync.config.literal import repos_as_toml
from gitsync.config.source import read_text
from gitsync.config.store import edit_file
from gitsync.errors import OperationError, UsageError
from gitsync.text import as_word, escape

# What is added to the name of an INI that has the name of gitsync's own directory.
ASIDE = ".ini"


def import_trakk(path: Path, trakk: Path) -> Trakk:
    """Bring the mirror of TRAKK's configuration `trakk` into the configuration `path`, and return what it tracked.

    Raise ConfigError when it is none, OperationError when home is mirrored elsewhere already.
    """
    found = parse_trakk(trakk)
    if not is_there(path) or "home" not in tomllib.loads(read_text(path)):
        set_value(path, "home.repo", shorten_path(found.repository))
    return found


def import_ini(path: Path, ini: Path) -> list[Path]:
    """Bring the repositories of the first GitSync's `ini` into the configuration `path`, and return their roots.

    What `path` has already stays as it is. Raise ConfigError with every fault of the INI, OperationError when the
    configuration cannot be written.
    """
    config = parse_ini(read_text(ini), ini)
    made = repos_as_toml(config, f"Made from {escape(str(ini))}.")
    if not is_there(path):
        edit_file(path, lambda text: made if text is None else text)
    for repo in config.repos:
        add_repo(path, repo.path)
    return [repo.path for repo in config.repos]


def ini_in_the_way(path: Path) -> Path | None:
    """Return the first GitSync's INI that has the name of the directory of `path`; None where there is none."""
    file = path.parent
    if not file.is_file() or not looks_like_ini(read_text(file)):
        return None
    return file


def make_way(path: Path, ini: Path) -> Path:
    """Move `ini` aside, bring what it says into the new configuration file `path`, and return where the INI is now.

    Raise OperationError where it cannot be moved, and what `import_ini` raises; everything is as it was then.
    """
    aside = ini.with_name(ini.name + ASIDE)
    try:
        os.link(ini, aside, follow_symlinks=False)  # never over a file that is there
        ini.unlink()
    except OSError as error:
        raise OperationError(
            f"cannot move {escape(str(ini))} to {escape(str(aside))}: {error.strerror}",
            f"move it by hand: mv {as_word(str(ini))} ELSEWHERE; or use --config",
        ) from error
    try:
        import_ini(path, aside)
    except BaseException:
        # Where there are settings by now, they are what holds, and the directory stays.
        with suppress(OSError):
            if ini.is_dir():
                ini.rmdir()
            os.link(aside, ini, follow_symlinks=False)
            aside.unlink()
        raise
    return aside


def import_sync_conf(path: Path, directory: Path) -> tuple[list[str], list[str], list[str]]:
    """Bring the jobs of Sync Manager's `.conf` files in `directory` into the configuration `path`.

    Return the names of the new jobs, what is wrong with lines, which were left out, and the files for another
    environment, which were too. Raise UsageError for a directory without such files, OperationError when `path` cannot
    be written.
    """
    files = conf_files(str(directory))
    if not files:
        raise UsageError(f"there is no .conf file in {escape(str(directory))}", "name the directory that has them")
    jobs, faults = jobs_of(files)
    return add_jobs(path, jobs), faults, elsewhere(files)
