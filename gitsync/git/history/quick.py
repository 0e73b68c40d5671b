"""Facts of a history that need no child: HEAD, a commit, an entry, sizes, where the branch was. Read-only.

Runs on the calling thread; owns nothing: each call opens the repository for itself, which takes 0.3 ms. A fact that
cannot be read so (a broken object, a promised one, an unusual reflog) is UNKNOWN, and git is asked for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import pygit2

from gitsync.git.objects.store import common_dir
from gitsync.git.objects.trees import TreeEntry
from gitsync.git.repository import open_repository

# A longer reflog is read from its end by git.
REFLOG_MAX = 4 << 20
_BROKEN = (pygit2.GitError, KeyError, ValueError, TypeError)


class Unknown(Enum):
    """The answer that says to ask git."""

    UNKNOWN = 0


UNKNOWN = Unknown.UNKNOWN


@contextmanager
def _opened(root: str) -> Iterator[pygit2.Repository]:
    repository = open_repository(root)
    try:
        yield repository
    finally:
        repository.free()


def head(root: str) -> str | Unknown | None:
    """Return the commit of HEAD, None when there is none yet."""
    with _opened(root) as repository:
        try:
            if repository.head_is_unborn:
                return None
            return str(repository.head.peel(pygit2.Commit).id)
        except _BROKEN:
            return UNKNOWN


def commit(root: str, name: str) -> str | Unknown:
    """Return a commit that is given by its whole name."""
    with _opened(root) as repository:
        try:
            return str(repository[name].peel(pygit2.Commit).id)
        except (*_BROKEN, pygit2.InvalidSpecError):
            return UNKNOWN


def entry(root: str, name: str, path: bytes) -> TreeEntry | Unknown | None:
    """Return the entry of `path` in a commit that is given by its whole name, None when there is none."""
    with _opened(root) as repository:
        try:
            tree = repository[name].peel(pygit2.Tree)
            if not path:
                return TreeEntry(int(pygit2.enums.FileMode.TREE), str(tree.id))
        except (*_BROKEN, pygit2.InvalidSpecError):
            return UNKNOWN
        *above, last = os.fsdecode(path).split("/")
        for part in above:
            if part not in tree or tree[part].filemode != pygit2.enums.FileMode.TREE:
                return None
            try:
                tree = repository[tree[part].id].peel(pygit2.Tree)
            except _BROKEN:
                return UNKNOWN
        return TreeEntry(int(tree[last].filemode), str(tree[last].id)) if last in tree else None


def sizes(root: str, blobs: list[str]) -> dict[str, int] | Unknown:
    """Return the sizes of blobs in bytes, as stored."""
    with _opened(root) as repository:
        try:
            return {blob: repository.odb.read_header(blob)[1] for blob in blobs}
        except _BROKEN:
            return UNKNOWN


def content(root: str, blob: str) -> bytes:
    """Return the content of a blob as it is stored, b"" where that is not known."""
    with _opened(root) as repository:
        try:
            return bytes(repository.odb.read(blob)[1])
        except _BROKEN:
            return b""


def checked_out_at(root: str, instant: float) -> str | Unknown | None:
    """Return the commit that the branch was at then, None when its reflog does not go back so far."""
    with _opened(root) as repository:
        try:
            branch = repository.lookup_reference("HEAD").target
        except _BROKEN:
            return UNKNOWN
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
