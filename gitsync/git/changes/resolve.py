"""Settles a conflict as a person chose: in one new commit where both versions are there, and path by path where a merge
waits for it, which is made with the last one.

Runs on the committer thread, when everything pending is committed; owns nothing. What is removed stays in the history,
and the commit has a backup ref like every change of ours, so that `undo` brings the conflict back.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gitsync.core.conflict import Policy, Rules
from gitsync.errors import OperationError, UsageError
from gitsync.git.applying.apply import put
from gitsync.git.changes.pending_merge import decide, waiting
from gitsync.git.merging.conflict_copies import KeptCopy
from gitsync.git.merging.renames import entry_in
from gitsync.git.objects.trees import TREE, TreeEntry, edit_tree, lookup
from gitsync.git.repository import head_tree
from gitsync.git.staging.worktree import Worktree
from gitsync.model import CommitInfo
from gitsync.text import clean, nearest, shown

REASON = "resolve"


class Resolution(StrEnum):
    """What becomes of the versions; the values are the options of `resolve`."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ResolveResult:
    """What was done to settle `path`: copies that were `removed`, and (copy, new name) of those that were `renamed`.

    `before` is the commit that still has the copies; `left` says how many files are in conflict yet. With `is_waiting`
    it was for a merge that waits, and without a `commit` that is made with the last of those left.
    """

    path: bytes
    choice: Resolution
    before: str
    removed: tuple[bytes, ...]
    renamed: tuple[tuple[bytes, bytes], ...]
    commit: CommitInfo | None
    left: int
    is_waiting: bool = False


def settle(
    worktree: Worktree, copies: tuple[KeptCopy, ...], path: bytes, choice: Resolution, *, author: str = ""
) -> ResolveResult:
    """Settle the conflict of the file `path`, or of the one kept copy that `path` is; `copies` are those of HEAD.

    Raise UsageError "not-in-conflict", or when there are several copies to choose from, OperationError when something
    else stands where a version belongs, and what `integrate.put` raises; nothing is changed then.
    """
    _, head, tree = head_tree(worktree)
    chosen = tuple(copy for copy in copies if path in (copy.path, copy.original))
    if not chosen or head is None or tree is None:
        raise not_in_conflict(worktree.root, path, {copy.original for copy in copies})
    original = chosen[0].original
    changes: dict[bytes, TreeEntry | None] = {copy.path: None for copy in chosen}
    renamed: list[tuple[bytes, bytes]] = []
    if choice is Resolution.OURS:
        changes[original] = _only(chosen).entry
        _check_free(worktree, tree, original)
    elif choice is Resolution.BOTH:
        for copy in chosen:
            name = _free_name(worktree, tree, copy, changes)
            changes[name] = copy.entry
            renamed.append((copy.path, name))
    new_tree = edit_tree(worktree.store, tree, changes)
    done = put(worktree, new_tree, message=_message(original, choice, renamed), reason=REASON, author=author)
    left = {copy.original for copy in copies if copy not in chosen}
    removed = () if choice is Resolution.BOTH else tuple(copy.path for copy in chosen)
    return ResolveResult(original, choice, head, removed, tuple(renamed), done.commit, len(left))


def settle_waiting(
    worktree: Worktree, path: bytes, choice: Resolution, rules: Rules, *, author: str = ""
) -> ResolveResult:
    """Settle one path of the merge that waits, and make the merge with the last one.

    Raise what `waiting.decide` raises; then nothing is settled.
    """
    _, head, tree = head_tree(worktree)
    held = waiting(worktree)
    ours = None if head is None or held is None else entry_in(worktree, head, held.theirs, path)
    renamed: list[tuple[bytes, bytes]] = []
    # A directory has its name anyhow, and the file goes beside it.
    if choice is Resolution.BOTH and ours is not None and ours.mode != TREE and tree is not None:
        name = _free_name(worktree, tree, KeptCopy(path, path, ours), {})
        renamed.append((path, name))
        # Ours first, under a name of its own; then theirs may have the name.
        new_tree = edit_tree(worktree.store, tree, {name: ours})
        if new_tree != tree:
            message = f"Keep this machine's {shown(path)} as {shown(name)}"
            put(worktree, new_tree, message=message, reason=REASON, author=author)
    policy = Policy.THEIRS if choice in (Resolution.THEIRS, Resolution.BOTH) else Policy.OURS
    done = decide(worktree, path, policy, rules, author=author)
    return ResolveResult(path, choice, head or "", (), tuple(renamed), done.commit, len(done.left), is_waiting=True)


def not_in_conflict(root: str, path: bytes, known: set[bytes]) -> UsageError:
    """Return the error for a path that no conflict is about, with the names that are most like it."""
    name = shown(path)
    like = nearest(name, [shown(each) for each in sorted(known)], count=3)
    if like:
        hint = f"did you mean: {', '.join(like)}?"
    elif known:
        hint = "to see what is in conflict: gitsyncctl conflicts"
    else:
        hint = "nothing is in conflict there"
    return UsageError(f"{clean(root)}: {name} is not in conflict", hint, code="not-in-conflict")


def _only(chosen: tuple[KeptCopy, ...]) -> KeptCopy:
    if len(chosen) > 1:
        names = ", ".join(shown(copy.path) for copy in chosen)
        raise UsageError(
            f"{shown(chosen[0].original)} has {len(chosen)} kept copies, and one of them has to take its name",
            f"name the one that you mean: {names}",
            code="several-copies",
        )
    return chosen[0]


def _check_free(worktree: Worktree, tree: str, path: bytes) -> None:
    """Raise OperationError when a file could stand at `path` only in the place of something else's whole."""
    parts = path.split(b"/")
    for count in range(1, len(parts) + 1):
        place = b"/".join(parts[:count])
        entry = lookup(worktree.store, tree, place)
        if entry is not None and (entry.mode == TREE) != (count < len(parts)):
            what = "directory" if entry.mode == TREE else "file"
            raise OperationError(
                f"{clean(worktree.root)}: a {what} stands at {shown(place)}, so that {shown(path)} cannot be put there",
                "to keep both under names of their own: --both; to keep what stands there: --theirs",
                code="in-the-way",
            )


def _free_name(worktree: Worktree, tree: str, copy: KeptCopy, taken: dict[bytes, TreeEntry | None]) -> bytes:
    """Return a name for a copy that is to stay: `name-kept.ext`, counted on from where that is taken."""
    directory, slash, name = copy.original.rpartition(b"/")
    stem, dot, ending = name.rpartition(b".")
    if not stem:
        stem, dot, ending = name, b"", b""
    for count in range(1, 1000):
        found = directory + slash + stem + (b"-kept" if count == 1 else b"-kept-%d" % count) + dot + ending
        if found not in taken and lookup(worktree.store, tree, found) == copy.entry:
            return found  # from a try that was overtaken, or the same by itself
        is_on_disk = os.path.lexists(Path(worktree.root) / os.fsdecode(found))
        if found not in taken and not is_on_disk and lookup(worktree.store, tree, found) is None:
            return found
    raise OperationError(f"{clean(worktree.root)}: there is no free name beside {shown(copy.path)}", code="in-the-way")


def _message(original: bytes, choice: Resolution, renamed: list[tuple[bytes, bytes]]) -> str:
    kept = ", ".join(shown(name) for _, name in renamed)
    what = {
        Resolution.OURS: "take the kept copy",
        Resolution.THEIRS: "keep what stands there",
        Resolution.BOTH: f"keep both, one as {kept}",
        Resolution.DONE: "done by hand",
    }
    return f"Settle {shown(original)}: {what[choice]}"
