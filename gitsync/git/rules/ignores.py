"""Which paths are passed over: .gitignore and its kin, the configuration's own patterns, nested repositories.

One instance belongs to one thread (the committer's, a watcher's): each opens the repository for itself.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import pygit2

from gitsync.clock import SystemClock
from gitsync.core.temporary import is_temporary
from gitsync.errors import OperationError
from gitsync.git.files import TICK_NS, signature_of
from gitsync.git.objects.store import common_dir
from gitsync.git.objects.trees import TREE
from gitsync.git.program import GitProgram
from gitsync.git.rules import config
from gitsync.git.rules.answers import Answers
from gitsync.git.rules.below_top import BelowTop
from gitsync.git.rules.chain import Chains, patterns_of
from gitsync.git.rules.config import GitConfig
from gitsync.git.rules.patterns import parse_ignores
from gitsync.places import own_paths

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

logger = logging.getLogger(__name__)

_WILD = frozenset("*?[\\")


# Files that programs make only while a document is open: on another machine they would make it look open there.
_EDITOR_LOCKS = (
    (".#*", re.compile(rb"\.#.", re.DOTALL)),  # Emacs
    ("~$*", re.compile(rb"~\$.", re.DOTALL)),  # Office
    (".~lock.*#", re.compile(rb"\.~lock\..+#\Z", re.DOTALL)),  # LibreOffice
    (".*.swp", re.compile(rb"\..+\.swp\Z", re.DOTALL)),  # Vim
    (".nfs*", re.compile(rb"\.nfs[0-9a-fA-F]{4,}\Z")),  # an NFS client, for what is removed while it is open
)


def editor_lock(path: bytes) -> str:
    """Return the pattern by which a file is left out as an editor's lock, "" for any other file."""
    name = path.rpartition(b"/")[2]
    if not name.startswith((b".", b"~$")):
        return ""
    return next((pattern for pattern, match in _EDITOR_LOCKS if match.match(name)), "")


class IgnoreRules:
    """Answers for one work tree; `exclude` works as further .gitignore lines, `include` takes back what is ignored.

    Call `refresh` before a batch of questions and `rest` after it.
    """

    def __init__(self, root: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        """Open the repository; raise OperationError when it cannot be."""
        self._root = os.fsencode(os.path.realpath(root))
        try:
            self._git_dir = self._open().path
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise OperationError(f"cannot open the repository {root}: {error}", code="not-a-repository") from error
        self._repository: pygit2.Repository | None = None
        self.exempt: frozenset[bytes] = frozenset()  # tracked by name, whatever a pattern says
        self._include = _spec(include) if include else None
        self._exclude = _spec(exclude) if exclude else None
        self._excluded = tuple(exclude)
        self._stems = tuple(_stem(pattern) for pattern in include if pattern and not pattern.startswith(("#", "!")))
        program = GitProgram(self._git_dir.rstrip("/"), os.fsdecode(self._root))
        self._is_sparse = False
        self._chains = Chains(self._root, b".gitignore", lambda path: None, parse_ignores)
        self._answers = Answers(program, self._chains, self._start, 4, _rule, _NO_RULE)
        self._below_top = BelowTop(program, _rule, _NO_RULE)
        self.passes_over_top = False  # the work tree's topmost .gitignore is a file like another, and no rule
        self._own = _below(os.fsdecode(self._root), own_paths())
        self._is_fresh = False

    def __enter__(self) -> IgnoreRules:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rest()

    def refresh(self) -> None:
        """Look again at the rule files; answers that may have changed are asked for again."""
        self.rest()  # a child keeps the rule files that it has read
        settings = config.read(Path(os.fsdecode(self._root)))
        self._is_sparse = settings.is_true("core.sparsecheckout")
        places = _outside(self._git_dir, self._root, settings)
        outside = (settings.stamp or object(), *map(signature_of, places))
        has_outside = any(map(_has_rules, places))
        # Names that differ in case alone are the same for git with the one, tracked ones are others with the other.
        is_by_path = self._is_sparse or settings.is_true("core.ignorecase")
        patterns = None if is_by_path else patterns_of(places, parse_ignores)
        self._chains.refresh(outside, has_outside=has_outside, patterns=patterns)
        self._below_top.refresh(outside, has_outside=has_outside)
        self._is_fresh = True

    def rest(self) -> None:
        """Let go of what the questions needed; the next one looks again at the rule files."""
        self._answers.rest()
        self._below_top.rest()
        self._repository = None
        self._is_fresh = False

    def __call__(self, directory: bytes) -> bool:
        """Whether a watcher need not watch `directory`."""
        return self.is_prunable(directory)

    def learn(self, paths: Iterable[bytes]) -> None:
        """Ask git about many paths at once, for the questions to come."""
        self._ensure_fresh()
        self._answers.learn(paths)

    def is_ignored(self, path: bytes, is_dir: bool) -> bool:
        """Whether an untracked `path` is passed over; a directory says nothing of tracked files below it."""
        if path == b".git" or path.startswith(b".git/") or is_temporary(path) or self._is_own(path):
            return True
        if path in self.exempt:
            return False
        if self._include is not None or self._exclude is not None:
            asked = os.fsdecode(path) + ("/" if is_dir else "")
            if self._include is not None and self._matches(self._include, asked):
                return False
            if self._exclude is not None and self._matches(self._exclude, asked):
                return True
        if not is_dir and editor_lock(path):
            return True
        return self._rule_of(path).is_ignoring

    def is_excluded(self, path: bytes) -> bool:
        """Whether something else than git's rules passes over an untracked `path`: the configuration's patterns, or
        what kind of file it is.
        """
        if is_temporary(path) or self._is_own(path):
            return True
        if path in self.exempt:
            return False
        text = os.fsdecode(path)
        if self._include is not None and self._matches(self._include, text):
            return False
        return bool(editor_lock(path)) or (self._exclude is not None and self._matches(self._exclude, text))

    def is_ignored_by_git(self, path: bytes) -> bool:
        """Whether a rule of git's names `path`, which may be tracked."""
        return self._rule_of(path).is_ignoring

    def outside(self) -> str:
        """Return what differs when the rules outside of the work tree do; "" where that is not known, or where other
        rules count here than for git.
        """
        settings = config.read(Path(os.fsdecode(self._root)))
        if self.passes_over_top or settings.is_true("core.sparsecheckout"):
            return ""
        states = [(os.fsdecode(place), signature_of(place)) for place in _outside(self._git_dir, self._root, settings)]
        recent = int(SystemClock().wall() * 1e9) - TICK_NS
        if any(state is not None and state[3] >= recent for _, state in states):
            return ""
        return repr((states, settings.is_true("core.ignorecase")))

    @property
    def has_excluding(self) -> bool:
        """Whether the configuration has patterns that pass over anything."""
        return self._exclude is not None

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
        if self._is_own(path):
            return "gitsync's own rule for its state, its log and its configuration"
        if self._include is not None and self._matches(self._include, text):
            return ""
        rule = self._rule_of(path)
        if rule.is_ignoring:
            return f"{rule.source}:{rule.line}: {rule.pattern}"
        lock = "" if is_dir else editor_lock(path)
        return f"gitsync's own rule for files that a program makes while a document is open: {lock}" if lock else ""

    def is_prunable(self, directory: bytes) -> bool:
        """Whether nothing below `directory` can ever be committed as things are, so that it need not be watched."""
        if directory == b".git" or self.is_nested(directory):
            return True
        if not self.is_ignored(directory, True):
            return False
        return not self._may_include_below(os.fsdecode(directory)) and not self._has_tracked_below(directory)

    def _is_own(self, path: bytes) -> bool:
        """Whether gitsync itself writes `path`: every commit of it would be followed by another one."""
        return bool(self._own) and any(path == own or path.startswith((own + b"/", own + b".")) for own in self._own)

    def is_nested(self, directory: bytes) -> bool:
        """Whether `directory` (not the root) is the work tree of another repository."""
        return bool(directory) and is_work_tree(os.path.join(self._root, directory)) and not self._is_tree(directory)

    @staticmethod
    def _matches(spec: GitIgnoreSpec, text: str) -> bool:
        try:
            return bool(spec.match_file(text))
        except UnicodeError:
            return False

    def _rule_of(self, path: bytes) -> Rule:
        self._ensure_fresh()
        rule = self._answers.of(path)
        return self._below_top.of(path) if self.passes_over_top and rule.source == ".gitignore" else rule

    def _ensure_fresh(self) -> None:
        if not self._is_fresh:
            self.refresh()

    def _start(self, needs_index: bool) -> tuple[Sequence[str], Mapping[str, str]]:
        # Without the index git does not read the .gitignore of a directory that is not checked out; with it, it reads
        # all of the index at its start.
        return ("check-ignore", *(() if self._is_sparse else ("--no-index",)), "--stdin", "-z", "-v", "-n"), {}

    def _may_include_below(self, directory: str) -> bool:
        below = directory + "/"
        return any(not stem or stem.startswith(below) or below.startswith(stem) for stem in self._stems)

    def _open(self) -> pygit2.Repository:
        return pygit2.Repository(os.fsdecode(self._root), pygit2.enums.RepositoryOpenFlag.NO_SEARCH)

    def _has_tracked_below(self, directory: bytes) -> bool:
        return self._is_tree(directory)

    def _is_tree(self, directory: bytes) -> bool:
        """Whether HEAD has a directory of this name."""
        with suppress(KeyError, pygit2.GitError, ValueError):
            self._repository = self._repository or self._open()
            node = self._repository.head.peel(pygit2.Tree)
            return bool(node[os.fsdecode(directory)].filemode == TREE)
        return False


def _below(root: str, paths: Iterable[str]) -> tuple[bytes, ...]:
    """Return those of the paths that lie below `root`, relative to it."""
    return tuple(os.fsencode(os.path.relpath(path, root)) for path in paths if path.startswith(f"{root}/"))


@dataclass(frozen=True, slots=True)
class Rule:
    """The line that decides about a path; without a `source` there is none, and a `!pattern` takes it back."""

    source: str = ""
    line: str = ""
    pattern: str = ""

    @property
    def is_ignoring(self) -> bool:
        """Whether the path is ignored."""
        return bool(self.source) and not self.pattern.startswith("!")


_NO_RULE = Rule()


def _rule(fields: list[bytes]) -> Rule:
    if not fields[0]:
        return _NO_RULE
    source, line, pattern = (os.fsdecode(field) for field in fields[:3])
    return Rule(source, line, pattern)


def rule_files(root: Path) -> tuple[bytes, ...]:
    """Return the files outside of a work tree that git reads ignore rules from, there or not; () for no repository."""
    try:
        repository = pygit2.Repository(os.path.realpath(root), pygit2.enums.RepositoryOpenFlag.NO_SEARCH)
        top = os.path.realpath(root)
        return _outside(repository.path, os.fsencode(top), config.read(Path(top)))
    except (pygit2.GitError, OperationError, KeyError, ValueError, OSError) as error:
        logger.debug("%s: cannot tell where its ignore rules are: %s", root, error)
        return ()


def _outside(git_dir: str, root: bytes, settings: GitConfig) -> tuple[bytes, ...]:
    """Return `info/exclude` and the file that `core.excludesFile` names, or would by default."""
    own = os.path.join(common_dir(git_dir.rstrip("/")), "info/exclude")
    config_home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    path = os.path.expanduser(settings.get("core.excludesfile", f"{config_home}/git/ignore"))
    return tuple(os.path.abspath(os.path.join(root, os.fsencode(place))) for place in (own, path) if place)


def _has_rules(place: bytes) -> bool:
    """Whether a file has a line that is a rule; one that cannot be read is git's to judge."""
    try:
        with open(place, "rb") as stream:
            return any(line.strip() and not line.startswith(b"#") for line in stream)
    except FileNotFoundError:
        return False
    except OSError:
        return True


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
