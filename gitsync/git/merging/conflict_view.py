"""Describes a conflict to people: both versions, their authors and times, and which was made on this machine.

Runs on the calling thread; owns nothing and writes nothing. Everything is read from history: the commit that added the
conflict copy (usually a merge) has both sides as parents, and each side's last commit of the file has its author.
"""

from __future__ import annotations

from dataclasses import dataclass

import pygit2

from gitsync.clock import iso
from gitsync.core.message import machine_in
from gitsync.git.merging.conflict_copies import KeptCopy, births, parents_of
from gitsync.git.merging.renames import place_in
from gitsync.git.objects.ancestry import merge_bases
from gitsync.git.objects.ref_names import kept
from gitsync.git.objects.refs import is_ancestor
from gitsync.git.objects.store import BLOB
from gitsync.git.objects.trees import TREE, TreeEntry, lookup
from gitsync.git.repository import Readable, head_tree, tree_of

# A longer text is left out of replies; read the file, or use `git show`.
TEXT_MAX = 16 << 10


@dataclass(frozen=True, slots=True)
class ConflictSide:
    """One side's version of a file: where it is in the work tree, its content, and who made it.

    `text` is None for a binary or long file. `is_here`: made on this machine, None when unknown. `machine` is the one
    that its commit names, "" for none.
    """

    path: bytes
    entry: TreeEntry
    size: int
    text: str | None
    commit: str | None = None
    author: str = ""
    time: str | None = None
    message: str = ""
    is_here: bool | None = None
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Conflicted:
    """A file with its conflict copies: `ours` are the versions that were copied, `theirs` is the one that has the name.

    `commit` added the first copy, at `time`; `author` made the version from the other machine. With `is_waiting`
    nothing is decided yet: `ours` is the version at the path, and `theirs` is not on disk. `base` is the commit that
    has the version that both were made from, None where there was none.
    """

    path: bytes
    ours: tuple[ConflictSide, ...]
    theirs: ConflictSide | None
    commit: str | None
    time: str | None
    author: str
    is_waiting: bool = False
    base: str | None = None


def waiting(place: Readable, paths: tuple[bytes, ...], upstream: str) -> list[Conflicted]:
    """Return the conflicts of the pending merge with commit `upstream`, whose `paths` a person must resolve."""
    _, head, tree = head_tree(place)
    other, theirs_tree = place.repo[upstream].peel(pygit2.Commit), tree_of(place, upstream)
    author = f"{other.author.name} <{other.author.email}>"
    found = []
    for path in paths:
        # A file that one side renamed has its old name on the other.
        ours_at = path if head is None else place_in(place, head, upstream, path)
        theirs_at = path if head is None else place_in(place, upstream, head, path)
        here, there = lookup(place.store, tree, ours_at), lookup(place.store, theirs_tree, theirs_at)
        ours = () if here is None else (version(place, ours_at, here, side=head, is_here=True),)
        theirs = None if there is None else version(place, theirs_at, there, side=upstream, is_here=False)
        with_whom = theirs.author if theirs is not None and theirs.author else author
        base = _base(place, path, head, upstream)
        found.append(
            Conflicted(path, ours, theirs, upstream, iso(other.commit_time), with_whom, is_waiting=True, base=base)
        )
    return found


def described(place: Readable, copies: tuple[KeptCopy, ...]) -> list[Conflicted]:
    """Return the conflicts that the conflict copies of HEAD represent, sorted by path."""
    _, head, tree = head_tree(place)
    if head is None:
        return []
    by_original: dict[bytes, list[KeptCopy]] = {}
    for copy in copies:
        by_original.setdefault(copy.original, []).append(copy)
    return [_described(place, head, tree, path, found) for path, found in sorted(by_original.items())]


def version(
    place: Readable, path: bytes, entry: TreeEntry, *, of: bytes = b"", side: str | None, is_here: bool | None = None
) -> ConflictSide:
    """Return the version `entry` of `path`; its author is that of the last commit of `of` in `side`."""
    text, size = None, 0
    if entry.mode != TREE and entry.id in place.repo:
        kind, size = place.repo.odb.read_header(pygit2.Oid(hex=entry.id))
        if int(kind) == BLOB and size <= TEXT_MAX:
            text = _text(place.store.read(entry.id)[1])
    last = _last_commit(place, side, of or path)
    if last is None:
        return ConflictSide(path, entry, size, text, is_here=is_here)
    person = last.author
    return ConflictSide(
        path,
        entry,
        size,
        text,
        str(last.id),
        f"{person.name} <{person.email}>",
        iso(last.commit_time),
        last.message.strip().partition("\n")[0],
        is_here,
        machine_in(last.message),
    )


def _described(place: Readable, head: str, tree: str | None, path: bytes, copies: list[KeptCopy]) -> Conflicted:
    born = [_brought_by(place, head, copy.path) for copy in copies]
    ours: list[ConflictSide] = []
    theirs_side, is_theirs_here = head, None
    base: str | None = None
    for copy, brought in zip(copies, born, strict=True):
        side, other, is_here = _sides(place, copy, brought)
        ours.append(version(place, copy.path, copy.entry, of=path, side=side, is_here=is_here))
        if len(ours) == 1 and other is not None:
            base = _base(place, path, side, other)
            theirs_side, is_theirs_here = other, None if is_here is None else not is_here
    standing = lookup(place.store, tree, path)
    theirs = None
    if standing is not None:
        theirs = version(place, path, standing, side=theirs_side, is_here=is_theirs_here)
    first = born[0]
    time = None if first is None else iso(place.repo[first].peel(pygit2.Commit).commit_time)
    other_author = ours[0].author if theirs is None or theirs.is_here else theirs.author
    return Conflicted(path, tuple(ours), theirs, first, time, other_author, base=base)


def _base(place: Readable, path: bytes, one: str | None, other: str | None) -> str | None:
    """Return the merge base of two commits, None where it lacks `path`."""
    if one is None or other is None:
        return None
    for commit in merge_bases(place.repo, one, other):
        if lookup(place.store, tree_of(place, commit), path) is not None:
            return commit
    return None


def _brought_by(place: Readable, head: str, path: bytes) -> str | None:
    """Return the merge that added the copy at `path`, else the commit that did; None when unknown."""
    found = list(births(place, head, path))
    merges = (commit for commit in found if len(parents_of(place, commit)) > 1)
    return next(merges, found[0] if found else None)


def _sides(place: Readable, copy: KeptCopy, brought: str | None) -> tuple[str | None, str | None, bool | None]:
    """Return the parent that the copy's version comes from, the other parent, and whether the first was made here."""
    if brought is None:
        return None, None, None
    parents = parents_of(place, brought)
    if len(parents) < 2:
        return brought, parents[0] if parents else None, _is_made_here(place, brought)
    entry = lookup(place.store, tree_of(place, brought), copy.path)
    of_copy = [side for side in parents if lookup(place.store, tree_of(place, side), copy.original) == entry]
    side = of_copy[0] if of_copy else parents[0]
    other = next(parent for parent in parents if parent != side)
    was = _head_before(place, brought)
    if was is None:
        return side, other, None
    has_side, has_other = is_ancestor(place.repo, side, was), is_ancestor(place.repo, other, was)
    return side, other, has_side if has_side != has_other else None


def _is_made_here(place: Readable, commit: str) -> bool | None:
    """Return whether this machine made a commit, by the reflog: a pull notes another subject; None when unknown."""
    branch = head_tree(place)[0]
    if branch is None:
        return None
    subject = place.repo[commit].peel(pygit2.Commit).message.partition("\n")[0]
    try:
        moves = [
            move for move in place.repo.references[kept(f"refs/heads/{branch}")].log() if str(move.oid_new) == commit
        ]
    except (KeyError, pygit2.GitError):
        return None
    return subject in moves[0].message if moves else None


def _head_before(place: Readable, commit: str) -> str | None:
    """Return where this machine's branch was before it contained `commit`, from the reflog."""
    branch = head_tree(place)[0]
    if branch is None:
        return None
    try:
        moves = [
            (str(move.oid_old), str(move.oid_new)) for move in place.repo.references[kept(f"refs/heads/{branch}")].log()
        ]
    except (KeyError, pygit2.GitError):
        return None
    low, high = 0, len(moves)  # newest first: entries before `low` contain the commit
    while low < high:
        middle = (low + high) // 2
        if is_ancestor(place.repo, commit, moves[middle][1]):
            low = middle + 1
        else:
            high = middle
    was = moves[low - 1][0] if low else None
    return was if was is not None and was in place.repo else None


def _last_commit(place: Readable, side: str | None, path: bytes) -> pygit2.Commit | None:
    if side is None:
        return None
    listed = place.program.read("rev-list", "--max-count=1", side, "--", b":(top,literal)" + path).decode("ascii")
    # A file that was renamed there has no commit under this name: use the tip of that side.
    return place.repo[listed.strip() or side].peel(pygit2.Commit)


def _text(data: bytes) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
