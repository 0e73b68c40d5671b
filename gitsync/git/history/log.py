"""Answers questions about history: which commit a revision or date means, and what a path was in it. Read-only.

Runs on the calling thread (of a control connection); owns nothing. All reading is done by children of the git program
with deadlines: a walk through a long history delays only the client that asked for it.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gitsync.clock import SystemClock, iso
from gitsync.core.moments import EXAMPLES, may_be_now, spelled
from gitsync.errors import OperationError, UsageError
from gitsync.git.history import quick
from gitsync.git.objects.modes import MODE_GITLINK, MODE_LINK, MODE_TREE
from gitsync.git.objects.trees import TreeEntry
from gitsync.git.program import GitProgram, failed
from gitsync.git.rules import config
from gitsync.text import as_word, clean, did_you_mean

WALK_S = 60.0
# How many seconds in the future a time may be: clocks of machines differ.
AHEAD_S = 60.0
SHOWN_CANDIDATES = 5
# A HEAD as git writes it, and what in a repository's own configuration makes it one to be opened with more care.
_HEAD = re.compile(rb"ref: refs/[^\n]+\n\Z|[0-9a-f]{40}\n\Z")
_DOUBTFUL = re.compile(rb"worktree|include|extensions|bare(?!\s*=\s*false)|repositoryformatversion\s*=\s*[^0\s]")
# The name of a commit as it is stored.
_WHOLE = re.compile(r"[0-9a-f]{40}")
_LITERAL = {"GIT_LITERAL_PATHSPECS": "1"}
# Overrides settings of the user's that would change the output read here.
_PLAIN = ("log.showSignature=false", "log.follow=false", "diff.orderFile=/dev/null", "diff.relative=false")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file, link or submodule in a tree; `size` in bytes, None for a submodule."""

    entry: TreeEntry
    size: int | None


def _git_dir(root: str) -> str:
    from gitsync.git.repository import open_repository  # libgit2 takes longer to load than most questions to answer

    repository = open_repository(root)
    try:
        return str(repository.path).rstrip("/")
    finally:
        repository.free()


def _plain_git_dir(root: str) -> str:
    """Return the git directory of a repository that is certainly one which can be opened, "" where there is a doubt.

    It is a directory of this user's, with a HEAD, and its own configuration says nothing of another work tree, of no
    work tree, and of another format.
    """
    place = os.path.join(root, ".git")
    try:
        is_own = os.lstat(root).st_uid == os.lstat(place).st_uid == os.geteuid()
        if not is_own or not os.path.isdir(place) or os.path.islink(place):
            return ""
        with open(os.path.join(place, "HEAD"), "rb") as head, open(os.path.join(place, "config"), "rb") as stream:
            found = stream.read().lower()
            is_head = bool(_HEAD.match(head.read()))
    except OSError:
        return ""
    return place if is_head and not _DOUBTFUL.search(found) else ""


class History:
    """The history of one repository, opened for one request."""

    def __init__(
        self,
        root: str | Path,
        above: str | Path | None = None,
        is_below: Callable[[bytes], bool] | None = None,
        *,
        label: str = "",
    ) -> None:
        """Open the repository whose work tree is `root`; raise OperationError as opening a Worktree does.

        `above` is the directory where the user has the files instead, as for home files, for the paths for which
        `is_below` returns True. In messages and commands the repository is called `label`, else by its path.
        """
        self.root = os.path.realpath(root)
        self.above = self.root if above is None else os.path.realpath(above)
        self.label = label or clean(self.root)
        self._is_below = is_below
        self.program = GitProgram(_plain_git_dir(self.root) or _git_dir(self.root), self.root)
        self._there = GitProgram(self.program.git_dir, self.above)

    def ask(
        self,
        *argv: str | bytes,
        input: bytes | None = None,
        env: Mapping[str, str] | None = None,
        is_there: bool = False,
    ) -> bytes:
        """Return git's output; paths are taken literally. Raise OperationError "git" with its message.

        With `is_there`, the work tree is the directory where the user has the files.
        """
        around = {**_LITERAL, **(env or {})}
        program = self._there if is_there else self.program
        done = program.run(*argv, input=input, deadline_s=WALK_S, env=around, settings=_PLAIN)
        if not done.ok:
            raise failed(f"git {os.fsdecode(argv[0])} failed in {clean(self.root)}", done)
        return done.stdout

    def try_ask(self, *argv: str | bytes) -> bytes | None:
        """Return git's output, None when it fails."""
        done = self.program.run(*argv, deadline_s=WALK_S, env=_LITERAL, settings=_PLAIN)
        return done.stdout if done.ok else None

    @cached_property
    def _has_modes(self) -> bool:
        return config.read(Path(self.root)).is_true("core.filemode", True)

    @property
    def is_mirrored(self) -> bool:
        """Whether the user has these files in another directory."""
        return self.above != self.root

    def place(self, path: bytes) -> bytes:
        """Return the path on disk where the user has `path`."""
        is_below = self.is_mirrored and (self._is_below is None or self._is_below(path))
        return os.path.join(os.fsencode(self.above if is_below else self.root), path)

    @contextmanager
    def index_copy(self) -> Iterator[dict[str, str]]:
        """Give the environment of a git that has a copy of the index.

        `git diff` notes in the index what it found, under its lock, whatever GIT_OPTIONAL_LOCKS says.
        """
        with tempfile.TemporaryDirectory(prefix="gitsync-index-") as scratch:
            copy = os.path.join(scratch, "index")
            with suppress(FileNotFoundError):
                shutil.copy2(os.path.join(self.program.git_dir, "index"), copy)
            yield {"GIT_INDEX_FILE": copy}

    def dirty(self, path: bytes, commit: str = "HEAD") -> frozenset[bytes]:
        """Return the tracked paths at or below `path` whose content on disk differs from `commit`."""
        argv = ("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", commit, "--", path or b".")
        with self.index_copy() as own:
            found = {name for name in self.ask(*argv, env=own, is_there=True).split(b"\0") if name}
        return frozenset(name for name in found if self._is_below is None or self._is_below(name))

    # -- which commit -------------------------------------------------------------------------------------------------

    def head(self) -> str | None:
        """Return the commit of HEAD, None when there is none yet; raise OperationError "missing-object"."""
        known = quick.head(self.root)
        if known is not quick.UNKNOWN:
            return known
        found = self.try_ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if found is not None:
            return found.decode("ascii").strip()
        named = self.try_ask("rev-parse", "--verify", "--quiet", "HEAD")
        if named is None:
            return None
        raise OperationError(
            f"{clean(self.root)}: the commit {named.decode('ascii').strip()} of HEAD is missing or damaged",
            f"to see what is damaged: git -C {as_word(self.root)} fsck",
            code="missing-object",
        )

    def head_and_kind(self, path: bytes) -> tuple[str | None, bool]:
        """Return the commit of HEAD, None when there is none yet, and whether `path` is a directory in it.

        One child of git answers both.
        """
        if b"\n" in path:
            head = self.head()
            found = None if head is None else self.entry(head, path)
            return head, found is not None and found.mode == MODE_TREE
        given = b"HEAD^{commit}\nHEAD:" + path + b"\n"
        commit, kind = self.ask("cat-file", "--batch-check=%(objectname) %(objecttype)", input=given).splitlines()[:2]
        head = commit.removesuffix(b" commit").decode("ascii") if commit.endswith(b" commit") else self.head()
        return head, head is not None and kind.endswith(b" tree")

    def commit(self, rev: str) -> str:
        """Return the commit that a revision names; raise OperationError "unknown-revision", "ambiguous-revision"."""
        if not rev.strip() or rev.startswith("-") or ".." in rev or ":" in rev:
            raise UsageError(
                f"{rev!r} is not a single revision", "give a commit, a tag or a branch; see: gitsyncctl log"
            )
        known = quick.commit(self.root, rev) if _WHOLE.fullmatch(rev) else quick.UNKNOWN
        if known is not quick.UNKNOWN:
            return known
        found = self.try_ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        if found is not None:
            return found.decode("ascii").strip()
        candidates = self._candidates(rev)
        if len(candidates) > 1:
            more = len(candidates) - SHOWN_CANDIDATES
            listed = "; ".join(candidates[:SHOWN_CANDIDATES]) + (f"; and {more} more" if more > 0 else "")
            raise OperationError(
                f"{rev!r} is an abbreviation of {len(candidates)} commits of {self.label}: {clean(listed)}",
                "give more digits",
                code="ambiguous-revision",
            )
        raise OperationError(
            f"there is no revision {rev!r} in {self.label}",
            self._nearest_ref(rev) or f"to list the commits: gitsyncctl log {as_word(self.label)}",
            code="unknown-revision",
        )

    def _candidates(self, rev: str) -> list[str]:
        if not re.fullmatch(r"[0-9a-fA-F]{4,40}", rev):
            return []
        names = self.ask("rev-parse", f"--disambiguate={rev}").split()
        told = self.ask("cat-file", "--batch-check=%(objectname) %(objecttype)", input=b"\n".join(names) + b"\n")
        commits = [line.split()[0] for line in told.splitlines() if line.endswith(b" commit")]
        if not commits:
            return []
        shown = self.ask("log", "--no-walk", "--date=iso", "--format=%h %cd %s", "--stdin", input=b"\n".join(commits))
        return [line.decode("utf-8", "replace") for line in shown.splitlines()]

    def _nearest_ref(self, rev: str) -> str:
        names = self.ask("for-each-ref", "--format=%(refname:short)").decode("utf-8", "replace").split()
        return did_you_mean(rev, names)

    def instant(self, when: str) -> float:
        """Return the seconds since the epoch for a date as people write it; raise UsageError "when" for an invalid
        one.
        """
        asked = spelled(when)
        began_at = int(SystemClock().wall())
        said = self.ask("rev-parse", f"--since={asked}").decode("ascii", "replace")
        matched = re.search(r"=(\d+)", said)
        if matched is None or (int(matched[1]) >= began_at and not may_be_now(when) and int(matched[1]) < began_at + 5):
            raise UsageError(f"{when!r} is not a valid date", EXAMPLES, code="when")
        found = float(matched[1])
        if found > began_at + AHEAD_S:
            raise UsageError(f"{when!r} is in the future: {iso(found)}", EXAMPLES, code="when")
        return found

    def checked_out_at(self, instant: float) -> str | None:
        """Return the commit that the branch was at then on this machine, None when its reflog does not go back so
        far.
        """
        known = quick.checked_out_at(self.root, instant)
        if known is not quick.UNKNOWN:
            return known
        branch = self.try_ask("symbolic-ref", "--quiet", "HEAD")
        if branch is None:
            return None
        done = self.program.run("rev-parse", "--verify", branch.strip() + b"@{%d +0000}" % instant)
        return done.stdout.decode("ascii").strip() if done.ok and b"only goes back to" not in done.stderr else None

    def commit_at(self, instant: float, path: bytes = b"") -> str | None:
        """Return the commit that was checked out here at `instant`, None before the first commit.

        When the reflog does not go back so far (as in a new clone), it is the last commit by then that changed `path`,
        along first parents: a state that one machine had, and not a mixture of several.
        """
        found = self.checked_out_at(instant)
        if found is None and self.head() is not None:
            named: tuple[str | bytes, ...] = ("--", path) if path else ("--",)
            told = self.ask("rev-list", "-1", f"--min-age={int(instant)}", "--first-parent", "HEAD", *named)
            found = told.decode("ascii").strip() or None
        if found is None and path:
            return self.commit_at(instant)  # under another name it may have been there
        return found

    # -- what a path was ----------------------------------------------------------------------------------------------

    def entry(self, commit: str, path: bytes) -> TreeEntry | None:
        """Return the entry of `path` in `commit`, also of a directory; None when there is none."""
        known = quick.entry(self.root, commit, path) if _WHOLE.fullmatch(commit) else quick.UNKNOWN
        if known is not quick.UNKNOWN:
            return known
        if not path:
            found = self.try_ask("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}")
            return None if found is None else TreeEntry(MODE_TREE, found.decode("ascii").strip())
        for line in self.ask("ls-tree", "-z", "--full-tree", commit, "--", path).split(b"\0"):
            facts, _, name = line.partition(b"\t")
            if name == path:
                mode, _, object_id = facts.split(b" ")
                return TreeEntry(int(mode, 8), object_id.decode("ascii"))
        return None

    def below(self, tree: str, prefix: bytes) -> dict[bytes, Listed]:
        """Return every file of a tree by path, prefixed with `prefix` (a directory, or b"")."""
        found = {}
        above = prefix + b"/" if prefix else b""
        for line in self.ask("ls-tree", "-r", "-l", "-z", "--full-tree", tree).split(b"\0"):
            facts, _, name = line.partition(b"\t")
            if name:
                mode, _, object_id, size = facts.split()
                entry = TreeEntry(int(mode, 8), object_id.decode("ascii"))
                found[above + name] = Listed(entry, None if size == b"-" else int(size))
        return found

    def entries_below(self, tree: str, prefix: bytes) -> dict[bytes, TreeEntry]:
        """Return what `below` does without sizes, for which each object is opened."""
        found = {}
        above = prefix + b"/" if prefix else b""
        for line in self.ask("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0"):
            facts, _, name = line.partition(b"\t")
            if name:
                mode, _, object_id = facts.decode("ascii").split(" ")
                found[above + name] = TreeEntry(int(mode, 8), object_id)
        return found

    def children(self, tree: str) -> dict[bytes, Listed]:
        """Return the files and directories that a tree itself has, by name; a directory's size is None."""
        found = {}
        for line in self.ask("ls-tree", "-l", "-z", "--full-tree", tree).split(b"\0"):
            facts, _, name = line.partition(b"\t")
            if name:
                mode, _, object_id, size = facts.split()
                entry = TreeEntry(int(mode, 8), object_id.decode("ascii"))
                found[name] = Listed(entry, None if size == b"-" else int(size))
        return found

    def sizes(self, ids: list[str]) -> dict[str, int]:
        """Return the size of each blob in bytes; blobs that are not stored here (a partial clone) are left out."""
        known = quick.sizes(self.root, ids)
        if known is not quick.UNKNOWN:
            return known
        given = "\n".join(ids).encode("ascii") + b"\n"
        told = self.ask("cat-file", "--batch-check=%(objectname) %(objectsize)", input=given) if ids else b""
        pairs = [line.split() for line in told.decode("ascii", "replace").splitlines()]
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}

    def content(self, path: bytes, entry: TreeEntry) -> bytes:
        """Return the content that a version has on disk at `path`: through its filters, a link's target as it is."""
        if entry.mode in (MODE_TREE, MODE_GITLINK):
            raise OperationError(f"{clean(os.fsdecode(path))} is a directory there", code="is-directory")
        if entry.mode == MODE_LINK:
            return self.ask("cat-file", "blob", entry.id)
        return self.ask("cat-file", "--filters", b"--path=" + path, entry.id)

    def stored(self, blob: str) -> bytes:
        """Return the content of a blob as it is stored, b"" where it cannot be read."""
        known = quick.content(self.root, blob)
        return known if known is not quick.UNKNOWN else self.try_ask("cat-file", "blob", blob) or b""

    def is_same(self, one: TreeEntry, other: TreeEntry | None) -> bool:
        """Whether two versions are equal on disk; ignores the executable bit where the file system has none."""
        if other is None or self._has_modes or MODE_LINK in (one.mode, other.mode):
            return one == other
        return one.id == other.id

    def present(self, path: bytes) -> TreeEntry | None:
        """Return the entry that the file or link on disk would be committed as, None when there is neither.

        Raise OSError when it cannot be read.
        """
        place = self.place(path)
        try:
            if os.path.islink(place):
                target = os.readlink(place)
                return TreeEntry(MODE_LINK, self.ask("hash-object", "--stdin", input=target).decode("ascii").strip())
            handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                return None
            done = self.program.run("hash-object", "--stdin", b"--path=" + path, stdin_fd=handle)
        finally:
            os.close(handle)
        if not done.ok:
            raise failed(f"git cannot read {clean(os.fsdecode(path))} in {clean(self.root)}", done)
        mode = 0o100755 if facts.st_mode & 0o100 else 0o100644
        return TreeEntry(mode, done.stdout.decode("ascii").strip())
