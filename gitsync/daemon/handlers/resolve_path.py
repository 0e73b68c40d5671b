"""Resolves a path to its repository and the path in it.

Runs on connection threads; owns nothing.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from gitsync import places
from gitsync.config.options import MIRROR_NAME, RepoConfig
from gitsync.daemon.handlers.context import Selection, real
from gitsync.errors import UsageError
from gitsync.git.history.line_index import FILE, LineIndex
from gitsync.git.history.log import History
from gitsync.git.history.versions import records
from gitsync.mirror.host import machine_name
from gitsync.mirror.metadata import is_mirror_metadata
from gitsync.text import as_word, clean

# Top directories that are not a person's.
SYSTEM = frozenset({"bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "usr", "var"})


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """A path in a repository: `path` is relative to its `root`, b"" for the root itself.

    `above` is the directory in which the user has it: the root, or home for the mirror of home files. `configured` is
    the root as the configuration has it.
    """

    repo: str
    root: str
    path: bytes
    above: str
    author: str = ""
    machine: str = ""
    configured: Path = Path()

    def index(self, history: History) -> LineIndex:
        """Return the index of the lines of its repository's history."""
        return LineIndex(history, places.repository_dir(places.state_dir(), self.configured) / FILE)

    def history(self) -> History:
        """Return its repository's history; raise OperationError when it cannot be opened."""
        if not self.is_at_home:
            return History(self.root)
        return History(self.root, self.above, lambda path: not is_mirror_metadata(path), label=self.repo)

    @property
    def is_at_home(self) -> bool:
        """Whether it is one of the mirrored files of the home directory."""
        return self.above != self.root

    @property
    def absolute(self) -> str:
        """Return the absolute path where the user has it."""
        return str(Path(self.above, os.fsdecode(self.path)))

    @property
    def name(self) -> str:
        """Return its name in messages: its path in the repository, or the repository itself."""
        return clean(os.fsdecode(self.path) or self.repo)


def locate(context: Selection, given: str) -> ResolvedPath:
    """Resolve an absolute path, which need not exist: it may be that of a deleted file.

    "NAME:path", which the control command has made absolute like any word, is a path in the repository NAME, and NAME
    alone the repository, unless there is a file of that name, or was one once. A path below the home directory and in
    no repository belongs to the mirror. Raise UsageError for any other path.
    """
    if not os.path.lexists(given):
        for flags, repo in product((re.NOFLAG, re.IGNORECASE), context.config.repositories):
            _, *found = re.split(re.escape(f"/{repo.name}:"), f"{given}/", maxsplit=1, flags=flags)
            if found:
                return _named_in(repo, found[0].strip("/"))
        if (named := _named(context, Path(given).name)) is not None and not _was_there(context, given):
            return _named_in(named, "")
    above, last = os.path.split(given)
    # A link itself is tracked, not its target; the directories above it may be reached by links.
    ways = (str(real(above) / last), given, str(real(given)))
    for path in ways:
        holder = _deepest(context, path)
        if holder is not None:
            return _in(holder, path)
    mirror = context.config.home
    home = str(real(Path.home()))
    for path in ways:
        if mirror is not None and Path(path).is_relative_to(home):
            return _below(mirror.settings, home, path)
    raise UsageError(
        f"no watched repository contains {clean(given)}",
        "to list them: gitsyncctl list"
        if Path(home).is_relative_to(real(above)) or _is_of_system(real(above), home)
        else f"to watch its directory: gitsyncctl watch {as_word(above)}",
        code="outside",
    )


def _is_of_system(directory: Path, home: str) -> bool:
    """Whether a directory is one of the system, which should not be watched."""
    return not directory.is_relative_to(home) and directory.parts[:2][-1] in SYSTEM


def whole(context: Selection, name: str) -> ResolvedPath:
    """Return the root of a repository, by its name or a path in it; raise UsageError when there is none."""
    repo = _named(context, name) or context.one(name)
    return _named_in(repo, "")


def _was_there(context: Selection, given: str) -> bool:
    """Whether a path that is gone was committed once, in the watched repository that it would be in."""
    holder = _deepest(context, given)
    if holder is None:
        return False
    place = _in(holder, given)
    return bool(records(place.history(), place.path, limit=1))


def _named(context: Selection, name: str) -> RepoConfig | None:
    return next((repo for repo in context.config.repositories if repo.name == context.called(name)), None)


def _deepest(context: Selection, path: str) -> RepoConfig | None:
    within = [repo for repo in context.config.repositories if Path(path).is_relative_to(real(repo.path))]
    return max(within, key=lambda repo: len(real(repo.path).parts), default=None)


def _named_in(repo: RepoConfig, below: str) -> ResolvedPath:
    """Return a path in a repository that is given by its name; those of home files are in home."""
    above = str(real(Path.home() if repo.name == MIRROR_NAME else repo.path))
    return _below(repo, above, os.path.normpath(f"{above}/{below}"))


def _in(repo: RepoConfig, path: str) -> ResolvedPath:
    return _below(repo, str(real(repo.path)), path)


def _below(repo: RepoConfig, above: str, path: str) -> ResolvedPath:
    relative = os.path.relpath(path, above)
    if relative.split("/")[0] in (".git", ".."):
        raise UsageError(f"{clean(path)} is not a file of {repo.name}", "give a file of the work tree", code="outside")
    below = b"" if relative == "." else os.fsencode(relative)
    return ResolvedPath(repo.name, str(real(repo.path)), below, above, repo.author, machine_name(repo), repo.path)
