"""Which repository a path belongs to, and what it is called there.

Runs on connection threads; owns nothing.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from gitsync.config.options import RepoConfig
from gitsync.daemon.handlers.context import HandlerContext, real
from gitsync.errors import UsageError
from gitsync.git.history.log import History
from gitsync.mirror.manifests import is_mirror_metadata
from gitsync.text import as_word, clean


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """A path in a repository: `path` is relative to its `root`, b"" for the root itself.

    `above` is the directory in which people know it: the root, or their home for the mirror of home files.
    """

    repo: str
    root: str
    path: bytes
    above: str
    author: str = ""

    def history(self) -> History:
        """Return its repository's history; raise OperationError where there is none."""
        if not self.is_at_home:
            return History(self.root)
        return History(self.root, self.above, lambda path: not is_mirror_metadata(path))

    @property
    def is_at_home(self) -> bool:
        """Whether it is one of the files of the home directory that are mirrored."""
        return self.above != self.root

    @property
    def absolute(self) -> str:
        """Return where people know it."""
        return str(Path(self.above, os.fsdecode(self.path)))

    @property
    def name(self) -> str:
        """Return what it is called in a sentence: its path in the repository, or the repository itself."""
        return clean(os.fsdecode(self.path) or self.repo)


def locate(desk: HandlerContext, given: str) -> ResolvedPath:
    """Return what an absolute path means, whether or not there is anything: a deleted file's is as good as another.

    "NAME:path", which the control command has made absolute like any word, names a path in the repository NAME, and
    NAME alone the repository, where no such file is there. A path below the home directory and in no repository is
    one of the mirror's. Raise UsageError for a path outside all of that.
    """
    if not os.path.lexists(given):
        for flags, repo in product((re.NOFLAG, re.IGNORECASE), desk.config.repositories):
            _, *found = re.split(re.escape(f"/{repo.name}:"), f"{given}/", maxsplit=1, flags=flags)
            if found:
                return _in(repo, os.path.normpath(real(repo.path) / found[0].strip("/")))
        if (named := _named(desk, Path(given).name)) is not None and _deepest(desk, given) is None:
            return _in(named, str(real(named.path)))
    above, last = os.path.split(given)
    # A link is what is tracked, not what it leads to; the directories above it may be reached by links.
    ways = (str(real(above) / last), given, str(real(given)))
    for path in ways:
        holder = _deepest(desk, path)
        if holder is not None:
            return _in(holder, path)
    mirror = desk.config.home
    home = str(real(Path.home()))
    for path in ways:
        if mirror is not None and Path(path).is_relative_to(home):
            return _below(mirror.settings, home, path)
    raise UsageError(
        f"no watched repository holds {clean(given)}",
        "what is watched: gitsyncctl list"
        if str(real(above)) in ("/", home)
        else f"to watch its directory: gitsyncctl watch {as_word(clean(above))}",
        code="outside",
    )


def whole(desk: HandlerContext, name: str) -> ResolvedPath:
    """Return the place of a whole repository, by its name or a path in it; raise UsageError when there is none."""
    repo = _named(desk, name) or desk.one(name)
    return _in(repo, str(real(repo.path)))


def _named(desk: HandlerContext, name: str) -> RepoConfig | None:
    return next((repo for repo in desk.config.repositories if repo.name == desk.called(name)), None)


def _deepest(desk: HandlerContext, path: str) -> RepoConfig | None:
    within = [repo for repo in desk.config.repositories if Path(path).is_relative_to(real(repo.path))]
    return max(within, key=lambda repo: len(real(repo.path).parts), default=None)


def _in(repo: RepoConfig, path: str) -> ResolvedPath:
    return _below(repo, str(real(repo.path)), path)


def _below(repo: RepoConfig, above: str, path: str) -> ResolvedPath:
    relative = os.path.relpath(path, above)
    if relative.split("/")[0] in (".git", ".."):
        raise UsageError(f"{clean(path)} is no file of {repo.name}", "name a file of the work tree", code="outside")
    below = b"" if relative == "." else os.fsencode(relative)
    return ResolvedPath(repo.name, str(real(repo.path)), below, above, repo.author)
