"""Opens a repository for reading, without its index and without gitsync's records of it.

Runs on the calling thread, which opens and closes it: the committer's handle stays on the committer thread. A merge
that is tried through it writes unreferenced objects; nothing else is written.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import pygit2

from gitsync.errors import OperationError
from gitsync.git.objects.commits import tip_of
from gitsync.git.objects.store import COMMIT, ObjectStore
from gitsync.git.program import GitProgram
from gitsync.git.remote.local_damage import damaged_ref
from gitsync.git.rules import config

# Each fetch makes a pack, and libgit2 keeps every pack open that it has read, of every repository, without a limit.
OPEN_PACKS = 8
# The limit of libgit2's memory of objects that it has read, of all repositories together. Its own is 256 MB, which a
# daemon would fill for months; walks of 20,000 commits take as long with this one.
CACHED_BYTES = 1 << 20


BARE = "bare"


class Readable(Protocol):
    """Anything that history and objects can be read from: a `ReadOnlyRepository`, or the committer's Worktree."""

    root: str
    repo: pygit2.Repository
    program: GitProgram
    store: ObjectStore


class Mergeable(Readable, Protocol):
    """Anything that a merge can be tried in; it writes only unreferenced objects."""

    repo_state_dir: Path


class ReadOnlyRepository:
    """A repository opened for reading, with a handle of its own."""

    def __init__(self, root: Path, repo_state_dir: Path) -> None:
        """Open the repository whose work tree is `root`; raise OperationError as `open_repository` does."""
        self.root = os.path.realpath(root)
        self.repo_state_dir = repo_state_dir
        self.repo = open_repository(self.root)
        self.program = GitProgram(self.repo.path.rstrip("/"), self.root)
        self.store = ObjectStore(self.repo, self.program)

    def __enter__(self) -> ReadOnlyRepository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.repo.free()


def holds_commit(root: str, commit: str) -> bool:
    """Whether the repository whose work tree is `root` can be opened and has a commit; "" is in every one."""
    try:
        repo = open_repository(os.path.realpath(root))
    except OperationError:
        return False
    try:
        return not commit or pygit2.Oid(hex=commit) in repo
    finally:
        repo.free()


def head_tree(place: Readable) -> tuple[str | None, str | None, str | None]:
    """Return branch (None: detached), commit and tree (None: unborn) of HEAD; raise OperationError "head"."""
    branch, head = head_of(place.repo)
    return branch, head, None if head is None else tree_of(place, head)


def tree_of(place: Readable, commit: str) -> str:
    """Return the tree of a commit; raise OperationError "missing-object" when it is missing or damaged."""
    kind, data = place.store.read(commit)
    if kind != COMMIT:
        raise OperationError(f"object {commit} of {place.root} is not a commit", code="missing-object")
    return data[5:45].decode("ascii")


_STATES = pygit2.enums.RepositoryState
_OPERATIONS = {
    _STATES.MERGE: "merge",
    _STATES.REVERT: "revert",
    _STATES.REVERT_SEQUENCE: "revert",
    _STATES.CHERRYPICK: "cherry-pick",
    _STATES.CHERRYPICK_SEQUENCE: "cherry-pick",
    _STATES.BISECT: "bisect",
    _STATES.REBASE: "rebase",
    _STATES.REBASE_INTERACTIVE: "rebase",
    _STATES.REBASE_MERGE: "rebase",
    _STATES.APPLY_MAILBOX: "am",
    _STATES.APPLY_MAILBOX_OR_REBASE: "am",
}


@dataclass(frozen=True, slots=True)
class RepoFacts:
    """The state of HEAD: `head` is a commit id or None, `branch` None when HEAD is detached.

    `open_operation` is "" or the operation in progress: merge, rebase, cherry-pick, revert, bisect, am, squash, or
    conflicts that something else has left.
    """

    head: str | None
    branch: str | None
    is_unborn: bool
    open_operation: str


def head_of(repository: pygit2.Repository) -> tuple[str | None, str | None]:
    """Return branch (None: detached) and commit (None: unborn) of HEAD; raise OperationError "head"."""
    try:
        head = repository.lookup_reference("HEAD")
        if head.type == pygit2.enums.ReferenceType.DIRECT:
            return None, str(head.target)
        branch = str(head.target).removeprefix("refs/heads/")
        return branch, tip_of(repository, branch)
    except (KeyError, pygit2.GitError, ValueError) as error:
        root = repository.workdir
        if (damage := damaged_ref(Path(root))) is not None:
            raise OperationError(damage.message, damage.hint, code=damage.code) from error
        raise OperationError(
            f"cannot read HEAD of {root}: {error}", f"see: git -C {root} status", code="head"
        ) from error


def open_operation(repository: pygit2.Repository) -> str:
    """Return the git operation in progress, "" for none; conflicts that are left (a stash) cannot be detected here."""
    return _OPERATIONS.get(_STATES(repository.state()), "")


_UNSUPPORTED = {
    "unknown object format": "SHA-256 object ids",
    "refstorage": "refs in the reftable format",
    "unsupported repository version": "its repository format version",
    "unsupported extension": "an extension of the repository format",
}


def follow_environment() -> None:
    """Make libgit2 read no system configuration where GIT_CONFIG_NOSYSTEM says so, as git(1) does.

    libgit2 does not know the variable. Its search path is for gitattributes, too, which git has GIT_ATTR_NOSYSTEM for.
    """
    if os.environ.get("GIT_CONFIG_NOSYSTEM", "").lower() in ("1", "true", "yes", "on"):
        pygit2.settings.search_path[pygit2.enums.ConfigLevel.SYSTEM] = ""


def open_repository(root: str) -> pygit2.Repository:
    """Open the repository whose work tree is `root`, with synced writes.

    Raise OperationError: not-a-repository, bare, unsafe (owned by another user), unsupported, worktree-elsewhere.
    """
    pygit2.settings.enable_fsync_gitdir(True)
    pygit2.settings.mwindow_file_limit = OPEN_PACKS
    pygit2.settings.cache_max_size(CACHED_BYTES)
    follow_environment()
    try:
        repository = pygit2.Repository(root, pygit2.enums.RepositoryOpenFlag.NO_SEARCH)
    except (pygit2.GitError, KeyError, ValueError, OSError) as error:
        raise _refusal(root, str(error)) from error
    if (repository.is_bare or repository.workdir is None) and os.path.isdir(os.path.join(root, ".git")):
        raise bare_error(root)
    if repository.is_bare or repository.workdir is None:
        raise OperationError(f"{root} is a bare repository: it has no files to watch", "use a clone of it", code="bare")
    if os.path.realpath(repository.workdir) != root:
        raise OperationError(
            f"the work tree of the repository {root} is elsewhere: {repository.workdir}",
            "use that directory, or unset core.worktree",
            code="worktree-elsewhere",
        )
    return repository


def bare_error(root: str) -> OperationError:
    """Return the error of a work tree whose repository is configured to have none."""
    return OperationError(
        f"core.bare is set in {root}, although it has a work tree: git takes it for a repository without files",
        f"git -C {shlex.quote(root)} config --unset core.bare",
        code=BARE,
    )


def _refusal(root: str, words: str) -> OperationError:
    place = shlex.quote(root)
    lowered = words.lower()
    if not os.path.lexists(root):
        return OperationError(
            f"{root} does not exist",
            "mount or restore it; or, to stop watching it: gitsyncctl unwatch " + place,
            code="not-a-repository",
        )
    if "not owned by" in lowered:
        return OperationError(
            f"{root} belongs to another user", f"if you trust it: git config --global --add safe.directory {place}",
            code="unsafe",
        )  # fmt: skip
    for sign, what in _UNSUPPORTED.items():
        if sign in lowered:
            way_out = "use a repository of the default format (run `git init` in a new directory and fetch into it)"
            if sign == "refstorage":
                way_out = f"git -C {place} refs migrate --ref-format=files (git 2.48 or a newer git), or clone it again"
            return OperationError(
                f"{root} uses a format that gitsync does not support yet: {what} ({words})", way_out, code="unsupported"
            )
    if os.path.isdir(os.path.join(root, ".git/objects")) and (damage := damaged_ref(Path(root))) is not None:
        return OperationError(damage.message, damage.hint, code=damage.code)
    if os.path.lexists(os.path.join(root, ".git")):
        try:
            config.read(Path(root))
        except OperationError as unreadable:
            return unreadable
    above = pygit2.discover_repository(root) if os.path.isdir(root) else None
    if above is not None and os.path.isdir(root):
        return OperationError(
            f"{root} is not the top of a work tree; its repository is {above}",
            "use the top of the work tree",
            code="not-a-repository",
        )
    return OperationError(
        f"{root} is not a git repository ({words})", f"to make it one: git init {place}", code="not-a-repository"
    )
