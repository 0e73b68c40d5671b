"""Converts the configurations of gitsync's predecessors to config.toml. On the calling thread; the old file stays.

If an old file has the name of gitsync's configuration directory, it is renamed first.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gitsync.config.document import add_jobs, add_repo, set_value
from gitsync.config.entries import is_there
from gitsync.config.expand import shorten_path
from gitsync.config.legacy.gitsync_ini import looks_like_ini, parse_ini
from gitsync.config.legacy.sync_conf import conf_files, elsewhere, jobs_of
from gitsync.config.legacy.trakk import Trakk
from gitsync.config.literal import repos_as_toml
from gitsync.config.load import read_tables
from gitsync.config.source import read_text, staged_dir
from gitsync.config.store import edit_file
from gitsync.errors import OperationError, UsageError
from gitsync.text import as_word, escape

# Suffix for an INI file that has the name of gitsync's configuration directory.
ASIDE = ".ini"


def import_trakk(path: Path, found: Trakk) -> None:
    """Add the mirror of TRAKK's configuration to the configuration `path`, unless it has one.

    Raise ConfigError when `path` is invalid, OperationError when it cannot be written.
    """
    if not is_there(path) or "home" not in (read_tables(read_text(path), path)[0] or {}):
        set_value(path, "home.repo", shorten_path(found.repository))


def import_ini(path: Path, ini: Path) -> list[Path]:
    """Add the repositories of the first GitSync's `ini` to the configuration `path`, and return their roots.

    Existing entries of `path` stay as they are. Raise ConfigError with every fault of the INI, OperationError when the
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
    """Return the first GitSync's INI if it has the name of the directory of `path`; None otherwise."""
    file = path.parent
    if not file.is_file() or not looks_like_ini(read_text(file)):
        return None
    return file


def make_way(path: Path, ini: Path) -> Path:
    """Rename `ini`, import it into the new configuration file `path`, and return its new path.

    The new directory is complete before the old file loses its name; one that dies in between is completed by
    `source.active_file`. Raise OperationError when it cannot be renamed, and what `import_ini` raises; nothing has
    changed then.
    """
    aside, staged = ini.with_name(ini.name + ASIDE), staged_dir(path)
    try:
        shutil.rmtree(staged, ignore_errors=True)  # of a process that died
        _give_second_name(ini, aside)
        try:
            import_ini(staged / path.name, aside)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            aside.unlink()
            raise
        ini.unlink()
        staged.rename(path.parent)
    except OSError as error:
        raise OperationError(
            f"cannot move {escape(str(ini))} to {escape(str(aside))}: {error.strerror}",
            f"move it by hand: mv {as_word(str(ini))} ELSEWHERE; or use --config",
        ) from error
    return aside


def _give_second_name(ini: Path, aside: Path) -> None:
    """Link `ini` to `aside`; raise FileExistsError where that is another file."""
    try:
        os.link(ini, aside, follow_symlinks=False)  # does not replace an existing file
    except FileExistsError:
        if ini.is_symlink() or not ini.samefile(aside):
            raise


def import_sync_conf(path: Path, directory: Path) -> tuple[list[str], list[str], list[str]]:
    """Add the jobs of Sync Manager's `.conf` files in `directory` to the configuration `path`.

    Return the names of the new jobs, the faults of skipped lines, and the skipped files for another environment. Raise
    UsageError for a directory without such files, OperationError when `path` cannot be written.
    """
    files = conf_files(str(directory))
    if not files:
        raise UsageError(f"there is no .conf file in {escape(str(directory))}", "give the directory that contains them")
    jobs, faults = jobs_of(files)
    return add_jobs(path, jobs), faults, elsewhere(files)
