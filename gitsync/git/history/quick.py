"""Facts of a history that need no child: HEAD, a commit, an entry, sizes, where the branch was. Read-only.

Runs on the calling thread; owns nothing: each call opens the repository for itself, which takes 0.3 ms. A fact that
cannot be read so (a broken object, a promised one, an unusual reflog) is UNKNOWN, and git is asked for it. So is every
fact in a process that has not loaded libgit2: to load it takes as long as ten children of git.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from gitsync.git.objects.modes import MODE_TREE
from gitsync.git.objects.trees import TreeEntry

if TYPE_CHECKING:
    import pygit2

# A longer reflog is read from its end by git.
REFLOG_MAX = 4 << 20


class Unknown(Enum):
    """The answer that says to ask git."""

    UNKNOWN = 0


UNKNOWN = Unknown.UNKNOWN

Asked = ParamSpec("Asked")
Fact = TypeVar("Fact")


def _by_libgit2(
    read: Callable[Concatenate[pygit2.Repository, Asked], Fact],
) -> Callable[Concatenate[str, Asked], Fact | Unknown]:
    """Return `read` for the root of a repository, which is opened for it."""

    @wraps(read)
    def reading(root: str, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Fact | Unknown:
        if "pygit2" not in sys.modules:
            return UNKNOWN
        from pygit2 import GitError

        from gitsync.git.repository import open_repository

        repository = open_repository(root)
        try:
            return read(repository, *args, **kwargs)
        except (GitError, KeyError, ValueError, TypeError):
            return UNKNOWN
        finally:
            repository.free()

    return reading


@_by_libgit2
def head(repository: pygit2.Repository) -> str | None:
    """Return the commit of HEAD, None when there is none yet."""
    from pygit2 import Commit

    return None if repository.head_is_unborn else str(repository.head.peel(Commit).id)


@_by_libgit2
def commit(repository: pygit2.Repository, name: str) -> str:
    """Return a commit that is given by its whole name."""
    from pygit2 import Commit

    return str(repository[name].peel(Commit).id)


@_by_libgit2
def entry(repository: pygit2.Repository, name: str, path: bytes) -> TreeEntry | None:
    """Return the entry of `path` in a commit that is given by its whole name, None when there is none."""
    from pygit2 import Tree

    tree = repository[name].peel(Tree)
    if not path:
        return TreeEntry(MODE_TREE, str(tree.id))
    *above, last = os.fsdecode(path).split("/")
    for part in above:
        if part not in tree or tree[part].filemode != MODE_TREE:
            return None
        tree = repository[tree[part].id].peel(Tree)
    return TreeEntry(int(tree[last].filemode), str(tree[last].id)) if last in tree else None


@_by_libgit2
def sizes(repository: pygit2.Repository, blobs: list[str]) -> dict[str, int]:
    """Return the sizes of blobs in bytes, as stored."""
    return {blob: repository.odb.read_header(blob)[1] for blob in blobs}


@_by_libgit2
def content(repository: pygit2.Repository, blob: str) -> bytes:
    """Return the content of a blob as it is stored."""
    return bytes(repository.odb.read(blob)[1])


@_by_libgit2
def checked_out_at(repository: pygit2.Repository, instant: float) -> str | Unknown | None:
    """Return the commit that the branch was at then, None when its reflog does not go back so far."""
    from gitsync.git.objects.store import common_dir

    branch = repository.lookup_reference("HEAD").target
    if not isinstance(branch, str):
        return None
    place = Path(common_dir(repository.path.rstrip("/")), "logs", branch)
    try:
        if place.stat().st_size > REFLOG_MAX:
            return UNKNOWN
        lines = place.read_bytes().splitlines()
    except OSError:
        return UNKNOWN
    for line in reversed(lines):
        facts = line.partition(b"\t")[0].split(b" ")
        if len(facts) < 4 or not facts[-2].isdigit():
            return UNKNOWN
        if int(facts[-2]) <= instant:
            return facts[1].decode("ascii")
    return None
