"""Undoes changes that gitsync made by itself, found by their backup refs and computed in memory.

Listing runs on the calling thread; `undo` on the committer's. Owns nothing.

Every merge, pull, restore, resolve and undo leaves two refs: the branch before it, and its outcome. Undoing one is a
merge of three trees with the outcome as the base: later edits stay, and so does history. The result is one new commit
on top, which is pushed like any other; and as the undone commits are still in history, no later pull brings them back.

An undo names in its message the commit that it undid. So what is undone is known without further records: the commits
named by undos that are not undone themselves. Another undo goes one change further back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import pygit2

from gitsync import clock
from gitsync.core.conflict import Policy, Rules
from gitsync.errors import OperationError, UsageError
from gitsync.git.applying.apply import put
from gitsync.git.applying.forgotten import TRAILER as FORGETS
from gitsync.git.changes.displaced import displaced_by, put_back
from gitsync.git.merging.threeway import merge_from
from gitsync.git.objects.commits import info_of
from gitsync.git.objects.refs import Backup, backups, is_ancestor
from gitsync.git.objects.store import said
from gitsync.git.objects.trees import diff, edit_tree
from gitsync.git.repository import Mergeable, head_tree, tree_of
from gitsync.git.staging.worktree import Worktree
from gitsync.model import CommitInfo
from gitsync.text import as_word, clean

REASON = "undo"
REDO = "redo"
_BACK = (REASON, REDO)
SHOWN = 20
_NAMED_PATHS = 5
_TRAILER = "Gitsync-Undoes: "
_UNDOES = re.compile(rf"^{_TRAILER}([0-9a-f]{{40}})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Undoable:
    """A change that gitsync made: `reason` moved the branch from commit `before` to `commit`, at `at` (wall clock)."""

    commit: CommitInfo
    before: str
    reason: str
    at: float
    paths: tuple[str, ...]
    is_undone: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """Which change is undone, and how: the one that resulted in commit `wanted`, else the newest.

    With `is_redo`, the newest undo is taken back. With `is_keeping`, files that were edited since at the same place
    stay as they are; with `is_all`, files are put back whole, whatever was edited in them since.
    """

    wanted: str = ""
    is_redo: bool = False
    is_keeping: bool = False
    is_all: bool = False

    @property
    def verb(self) -> str:
        """Return what it does, in a sentence."""
        return "redo" if self.is_redo else "undo"


NEWEST = Way()


@dataclass(frozen=True, slots=True)
class Undone:
    """The result of an undo, or of its dry run without `commit`: `paths` changed, `kept` stayed because they were
    edited since.

    `back` are untracked files that the undone change had replaced, and that are there again. Of a trial, `tree` is what
    the commit `head` would become.
    """

    change: Undoable
    paths: tuple[str, ...]
    kept: tuple[str, ...] = ()
    commit: CommitInfo | None = None
    back: tuple[str, ...] = ()
    tree: str | None = None
    head: str | None = None


@dataclass(frozen=True, slots=True)
class _Trial:
    """The computed undo of a change: the tree, or the paths that conflict with later changes."""

    tree: str | None
    paths: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()


def undoables(place: Mergeable, limit: int = SHOWN) -> list[Undoable]:
    """Return the newest changes of the branch that gitsync made, newest first, including undone ones."""
    return [_described(place, item, is_undone=is_undone) for item, is_undone in islice(_changes(place), limit)]


def is_next(change: Undoable, way: Way) -> bool:
    """Return whether a change is one that `undo`, or with `is_redo` `redo`, would take back when none is named."""
    return not change.is_undone and _is_meant(change.reason, way)


def _is_meant(reason: str, way: Way) -> bool:
    return reason == REASON if way.is_redo else reason not in _BACK


def trial(place: Mergeable, way: Way = NEWEST) -> Undone:
    """Return what `undo` would do; raise OperationError as it does."""
    change, tried = _choose(place, way)
    return Undone(change, tried.paths, tried.clashes, tree=tried.tree, head=head_tree(place)[1])


def undo(worktree: Worktree, way: Way = NEWEST, *, author: str = "") -> Undone:
    """Undo a change of gitsync's own that is not undone yet, in one commit.

    Raise UsageError when the named commit is not such a change, OperationError "nothing-to-undo" and
    "edited-since", and what `apply.put` raises; nothing has changed then.
    """
    change, tried = _choose(worktree, way)
    if tried.tree is None:
        raise OperationError(f"{clean(worktree.root)}: there is nothing to {way.verb}", code="nothing-to-undo")
    displaced = displaced_by(worktree, change.before)
    reason = REDO if change.reason == REASON else REASON
    forgotten = _forgotten(worktree, change, tried.tree)
    message = _message(change) + (f"{FORGETS}: {len(forgotten)}\n" if forgotten else "")
    done = put(worktree, tried.tree, message=message, reason=reason, author=author, forgotten=forgotten)
    back = tuple(map(os.fsdecode, put_back(worktree, displaced)))
    return Undone(change, tried.paths, tried.clashes, done.commit, back)


def _forgotten(worktree: Worktree, change: Undoable, tree: str) -> frozenset[bytes]:
    """Return the files that a redone `forget` takes out of the repository: they stay on disk, as they did then."""
    if change.reason != REASON:
        return frozenset()
    found: set[bytes] = set()
    for each in _UNDOES.findall(worktree.repo[change.commit.id].peel(pygit2.Commit).message):
        commit = worktree.repo[each].peel(pygit2.Commit) if each in worktree.repo else None
        if commit is not None and f"\n{FORGETS}: " in commit.message and commit.parents:
            before, after = tree_of(worktree, str(commit.parents[0].id)), tree_of(worktree, each)
            found.update(path for path, (_, new) in diff(worktree.store, before, after).items() if new is None)
    removed = diff(worktree.store, head_tree(worktree)[2], tree)
    return frozenset(path for path, (_, new) in removed.items() if new is None and path in found)


def _choose(place: Mergeable, way: Way) -> tuple[Undoable, _Trial]:
    wanted = way.wanted
    for item, is_undone in _changes(place):
        assert item.outcome is not None
        if wanted:
            if not item.outcome.startswith(wanted):
                continue
            if is_undone:
                raise OperationError(
                    f"{clean(place.root)}: {wanted} is already undone", "see: gitsyncctl undo --list", code="undone"
                )
        elif is_undone or not _is_meant(item.reason, way):
            continue
        tried = _try(place, item, way)
        change = _described(place, item)
        if tried.tree is None or (tried.clashes and not tried.paths):
            raise _edited_since(place, change, tried, way)
        if tried.paths:
            return change, tried
        if wanted:
            raise OperationError(
                f"{clean(place.root)}: nothing is left to undo of {wanted}",
                "see: gitsyncctl undo --list",
                code="nothing-to-undo",
            )
    root = clean(place.root)
    if wanted:
        raise UsageError(
            f"{root}: {clean(wanted)} is not a change that gitsync made and still has a backup ref",
            "see: gitsyncctl undo --list",
        )
    if way.is_redo:
        raise OperationError(
            f"{root}: there is nothing to redo: no undo is left to take back",
            "see: gitsyncctl undo --list",
            code="nothing-to-undo",
        )
    raise OperationError(
        f"{root}: there is nothing to undo: gitsync made no merge, pull, restore or resolve in the last 90 days",
        "to list the versions of a file: gitsyncctl restore PATH --list",
        code="nothing-to-undo",
    )


def _edited_since(place: Mergeable, change: Undoable, tried: _Trial, way: Way) -> OperationError:
    count = len(tried.clashes)
    names = ", ".join(clean(path) for path in tried.clashes[:_NAMED_PATHS])
    more = f" and {count - _NAMED_PATHS} more" if count > _NAMED_PATHS else ""
    command = f"gitsyncctl {way.verb} {as_word(place.root)}" + (f" --commit {way.wanted}" if way.wanted else "")
    rest = f"to {way.verb} the rest and leave these as they are: {command} --keep; "
    whole = f"to have these as they were before, without the edits: {command} --all; "
    one = os.path.join(place.root, *tried.clashes[:1])
    return OperationError(
        f"{clean(place.root)}: the {change.reason} {change.commit.id[:7]} was not {way.verb}ne, because the same places"
        f" were edited since: {names}{more}; nothing was changed",
        (rest if tried.tree is None and set(tried.clashes) < set(change.paths) else "")
        + whole
        + f"to get one of them as it was before: gitsyncctl restore {as_word(one)} --rev {change.before[:7]}",
        code="edited-since",
    )


def _changes(place: Mergeable) -> Iterator[tuple[Backup, bool]]:
    """Yield what changed the branch, newest first, and whether a change yielded before has undone it."""
    _, head, _ = head_tree(place)
    undone: set[str] = set()
    seen: set[str] = set()
    for item in reversed(_oldest_first(place.repo)):
        if item.outcome is None or head is None or item.outcome in seen or not _is_whole(place, item, head):
            continue
        seen.add(item.outcome)
        is_undone = item.outcome in undone
        if item.reason in _BACK and not is_undone:
            undone.update(_UNDOES.findall(place.repo[item.outcome].peel(pygit2.Commit).message))
        yield item, is_undone


def _oldest_first(repo: pygit2.Repository) -> list[Backup]:
    """Return the changes in the order of history: the clock may have been set back since one of them.

    Those that history does not order, as on two branches, stay in the order of their dates.
    """
    ordered: list[Backup] = []
    for item in reversed(backups(repo)):
        place = end = len(ordered)
        while end and not _is_after(repo, item, ordered[end - 1]):
            end -= 1
            if _is_after(repo, ordered[end], item):
                place = end
        ordered.insert(place, item)
    return ordered


def _is_after(repo: pygit2.Repository, one: Backup, other: Backup) -> bool:
    if one.outcome is None or other.outcome is None or one.outcome == other.outcome:
        return False
    return is_ancestor(repo, other.outcome, one.outcome)


def _is_whole(place: Mergeable, item: Backup, head: str) -> bool:
    """Whether the change is in the branch, and the state before it is still in the repository."""
    assert item.outcome is not None
    return (
        item.commit in place.repo
        and is_ancestor(place.repo, item.outcome, head)
        and tree_of(place, item.commit) != tree_of(place, item.outcome)
    )


def _described(place: Mergeable, item: Backup, *, is_undone: bool = False) -> Undoable:
    assert item.outcome is not None
    changed = diff(place.store, tree_of(place, item.commit), tree_of(place, item.outcome))
    paths = tuple(sorted(os.fsdecode(path) for path in changed))
    return Undoable(info_of(place.repo, item.outcome), item.commit, item.reason, item.at, paths, is_undone)


def _try(place: Mergeable, item: Backup, way: Way) -> _Trial:
    assert item.outcome is not None
    _, head, now = head_tree(place)
    assert head is not None
    base = tree_of(place, item.outcome)
    if way.is_all:
        before = {path: old for path, (old, _) in diff(place.store, tree_of(place, item.commit), base).items()}
        whole = edit_tree(place.store, now, before)
        return _Trial(whole, tuple(sorted(map(os.fsdecode, diff(place.store, now, whole)))))
    clashes: tuple[bytes, ...] = ()
    try:
        merged = merge_from(place, base, head, item.commit, Rules(Policy.MANUAL))
        if merged.waiting and way.is_keeping:
            clashes = merged.waiting
            rules = Rules(Policy.MANUAL, chosen=dict.fromkeys(clashes, Policy.OURS))
            merged = merge_from(place, base, head, item.commit, rules)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise said(f"{clean(place.root)}: cannot work out how to undo {item.outcome[:10]}", error) from error
    if merged.tree is None:
        return _Trial(None, clashes=tuple(map(os.fsdecode, merged.waiting)))
    changed = tuple(sorted(map(os.fsdecode, diff(place.store, now, merged.tree))))
    return _Trial(merged.tree, changed, tuple(map(os.fsdecode, clashes)))


def _message(change: Undoable) -> str:
    count = f"{len(change.paths)} {'file' if len(change.paths) == 1 else 'files'}"
    return (
        f"{'Redo' if change.reason == REASON else f'Undo {change.reason}'} {change.commit.id[:7]}: {count}\n\n"
        f"Takes back what came with it on {clock.iso(change.at)}; edits made since stay.\n\n"
        f"{_TRAILER}{change.commit.id}\n"
    )
