"""Which paths are passed over: .gitignore and its kin, the configuration's own patterns, nested repositories.

One instance belongs to one thread (the committer's, a watcher's): each opens the repository for itself.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pygit2

from gitsync.errors import OperationError
from gitsync.git.files import is_temporary
from gitsync.git.objects.store import common_dir
from gitsync.git.objects.trees import TREE
from gitsync.git.program import GitProgram

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

logger = logging.getLogger(__name__)

_WILD = frozenset("*?[\\")


class IgnoreRules:
    """Answers for one work tree; `exclude` works as further .gitignore lines, `include` takes back what is ignored."""

    def __init__(self, root: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        """Open the repository; raise OperationError when it cannot be."""
        self._root = os.fsencode(os.path.realpath(root))
        try:
            self._repository = pygit2.Repository(os.fsdecode(self._root), pygit2.enums.RepositoryOpenFlag.NO_SEARCH)
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise OperationError(f"cannot open the repository {root}: {error}", code="not-a-repository") from error
        self.exempt: frozenset[bytes] = frozenset()  # tracked by name, whatever a pattern says
        self._include = _spec(include) if include else None
        self._exclude = _spec(exclude) if exclude else None
        self._excluded = tuple(exclude)
        self._stems = tuple(_stem(pattern) for pattern in include if pattern and not pattern.startswith(("#", "!")))
        self._program = GitProgram(self._repository.path, os.fsdecode(self._root))

    def is_ignored(self, path: bytes, is_dir: bool) -> bool:
        """Whether an untracked `path` is passed over; a directory says nothing of tracked files below it."""
        if path == b".git" or path.startswith(b".git/") or is_temporary(path):
            return True
        if path in self.exempt:
            return False
        text = os.fsdecode(path)
        asked = text + "/" if is_dir else text
        if self._include is not None and self._matches(self._include, asked):
            return False
        if self._exclude is not None and self._matches(self._exclude, asked):
            return True
        return self._is_ignored_by_git(path, asked)

    def is_excluded(self, path: bytes) -> bool:
        """Whether the configuration's own patterns pass over an untracked `path`, or it is a temporary of ours."""
        if is_temporary(path):
            return True
        if self._exclude is None or path in self.exempt:
            return False
        text = os.fsdecode(path)
        is_taken_back = self._include is not None and self._matches(self._include, text)
        return self._matches(self._exclude, text) and not is_taken_back

    def excluding(self, path: bytes, is_dir: bool) -> str:
        """Return the configuration's pattern that passes over an untracked `path` or a directory above it, else ""."""
        text = os.fsdecode(path) + ("/" if is_dir else "")
        if self._exclude is None or not self._matches(self._exclude, text):
            return ""
        if self._include is not None and self._matches(self._include, text):
            return ""
        return next((line for line in reversed(self._excluded) if self._matches(_spec([line]), text)), "")

    def ignored_by(self, path: bytes, is_dir: bool) -> str:
        """Return "FILE:LINE: pattern" of what git ignores an untracked `path` by, "" when it does not."""
        text = os.fsdecode(path) + ("/" if is_dir else "")
        if self._include is not None and self._matches(self._include, text):
            return ""
        argv = ("check-ignore", "-v", "-z", "--no-index", "--stdin")
        told = self._program.run(*argv, input=path + b"\0").stdout.split(b"\0")
        if len(told) < 4 or told[2].startswith(b"!"):
            return ""
        source, line, pattern = (os.fsdecode(field) for field in told[:3])
        return f"{source}:{line}: {pattern}"

    def is_prunable(self, directory: bytes) -> bool:
        """Whether nothing below `directory` can ever be committed as things are, so that it need not be watched."""
        if directory == b".git" or self.is_nested(directory):
            return True
        if not self.is_ignored(directory, True):
            return False
        return not self._may_include_below(os.fsdecode(directory)) and not self._has_tracked_below(directory)

    def is_nested(self, directory: bytes) -> bool:
        """Whether `directory` (not the root) is the work tree of another repository."""
        return bool(directory) and is_work_tree(os.path.join(self._root, directory)) and not self._is_tree(directory)

    @staticmethod
    def _matches(spec: GitIgnoreSpec, text: str) -> bool:
        try:
            return bool(spec.match_file(text))
        except UnicodeError:
            return False

    def _is_ignored_by_git(self, path: bytes, asked: str) -> bool:
        try:
            return bool(self._repository.path_is_ignored(asked))
        except (UnicodeError, ValueError):
            pass  # a name that is no text: libgit2's binding cannot be asked, git can
        done = self._program.run("check-ignore", "-q", "--no-index", "-z", "--stdin", input=path + b"\0")
        return done.returncode == 0

    def _may_include_below(self, directory: str) -> bool:
        below = directory + "/"
        return any(not stem or stem.startswith(below) or below.startswith(stem) for stem in self._stems)

    def _has_tracked_below(self, directory: bytes) -> bool:
        return self._is_tree(directory)

    def _is_tree(self, directory: bytes) -> bool:
        """Whether HEAD has a directory of this name."""
        with suppress(KeyError, pygit2.GitError, ValueError):
            node = self._repository.head.peel(pygit2.Tree)
            return bool(node[os.fsdecode(directory)].filemode == TREE)
        return False


def rule_files(root: Path) -> tuple[bytes, ...]:
    """Return the files outside of a work tree that git reads ignore rules from, there or not; () for no repository."""
    try:
        repo = pygit2.Repository(os.path.realpath(root), pygit2.enums.RepositoryOpenFlag.NO_SEARCH)
        config = repo.config
        named = config["core.excludesfile"] if "core.excludesfile" in config else ""  # noqa: SIM401 - it has no get()
        own = os.path.join(common_dir(repo.path.rstrip("/")), "info/exclude")
    except (pygit2.GitError, KeyError, ValueError, OSError) as error:
        logger.debug("%s: cannot tell where its ignore rules are: %s", root, error)
        return ()
    config_home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    path = Path(root, os.path.expanduser(named or f"{config_home}/git/ignore"))
    return os.fsencode(os.path.abspath(own)), os.fsencode(os.path.abspath(path))


def is_work_tree(directory: str | bytes) -> bool:
    """Whether a repository's work tree begins at `directory`: a `.git` that is a file, or a directory with a HEAD."""
    marker = os.path.join(os.fsencode(directory), b".git")
    return os.path.isfile(marker) or os.path.lexists(os.path.join(marker, b"HEAD"))


def _stem(pattern: str) -> str:
    """Return the part of an include pattern that a path has to begin with; "" when it can match anywhere."""
    rooted = pattern.lstrip("/")
    if "/" not in pattern.rstrip("/"):
        return ""
    wild = min((at for at, char in enumerate(rooted) if char in _WILD), default=len(rooted))
    stem = rooted[:wild]
    return stem if wild == len(rooted) else stem[: stem.rfind("/") + 1]


def _spec(patterns: Sequence[str]) -> GitIgnoreSpec:
    # Late: it takes a tenth of the daemon's start and 3 MB, and most configurations have no pattern of their own.
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)
