"""Resolves a conflict as a person chose: in one new commit if both versions are in the tree, else path by path in the
pending merge, which is made with the last path.

Runs on the committer thread, after everything pending is committed; owns nothing. Removed versions remain in history,
and the commit has a backup ref, so that `undo` restores the conflict.
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
from gitsync.git.merging.renames import entry_in, place_in
from gitsync.git.objects.modes import MODE_EXECUTABLE, MODE_FILE
from gitsync.git.objects.trees import TREE, TreeEntry, edit_tree, lookup
from gitsync.git.program import failed
from gitsync.git.repository import head_tree
from gitsync.git.staging.worktree import Worktree
from gitsync.model import CommitInfo
from gitsync.text import clean, nearest, shown

REASON = "resolve"


class Resolution(StrEnum):
    """What to do with the versions; the values are the options of `resolve`.

    In a pending merge, NAME is the version that is at the path, and COPY that of the remote.
    """

    NAME = "name"
    COPY = "copy"
    BOTH = "both"
    DONE = "done"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class ResolveResult:
    """How `path` was resolved: copies that were `removed`, and (copy, new name) of those that were `renamed`.

    `before` is the commit that still has the copies; `left` is the number of files still in conflict. `is_waiting`
    means a pending merge, which has no `commit` until its last path is resolved.
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
    worktree: Worktree,
    copies: tuple[KeptCopy, ...],
    path: bytes,
    choice: Resolution,
    *,
    author: str = "",
    copy: bytes = b"",
    content: bytes = b"",
) -> ResolveResult:
    """Resolve the conflict of the file `path`, or of the one conflict copy `path`; `copies` are those of HEAD.

    `copy` is the copy to take when there are several; `content` is what EDIT puts under the name. Raise UsageError
    "not-in-conflict", or when there are several copies to choose from, OperationError when another
    file or directory is in the way of a version, and what `apply.put` raises; nothing has changed then.
    """
    _, head, tree = head_tree(worktree)
    chosen = tuple(copy for copy in copies if path in (copy.path, copy.original))
    if not chosen or head is None or tree is None:
        raise not_in_conflict(worktree.root, path, {copy.original for copy in copies})
    original = chosen[0].original
    changes: dict[bytes, TreeEntry | None] = {copy.path: None for copy in chosen}
    renamed: list[tuple[bytes, bytes]] = []
    if choice is Resolution.COPY:
        taken = [each for each in chosen if each.path == copy]
        changes[original] = taken[0].entry if taken else _only(chosen).entry
        _check_free(worktree, tree, original)
    elif choice is Resolution.EDIT:
        changes[original] = _edited(worktree, original, lookup(worktree.store, tree, original), content)
        _check_free(worktree, tree, original)
    elif choice is Resolution.BOTH:
        for each in chosen:
            name = _free_name(worktree, tree, each, changes)
            changes[name] = each.entry
            renamed.append((each.path, name))
    new_tree = edit_tree(worktree.store, tree, changes)
    done = put(
        worktree, new_tree, message=_message(original, choice, chosen, copy, renamed), reason=REASON, author=author
    )
    left = {each.original for each in copies if each not in chosen}
    removed = () if choice is Resolution.BOTH else tuple(each.path for each in chosen)
    return ResolveResult(original, choice, head, removed, tuple(renamed), done.commit, len(left))


def settle_waiting(
    worktree: Worktree, path: bytes, choice: Resolution, rules: Rules, *, author: str = "", content: bytes = b""
) -> ResolveResult:
    """Resolve one path of the pending merge, and make the merge with the last one.

    Raise what `pending_merge.decide` raises; nothing is resolved then.
    """
    _, head, tree = head_tree(worktree)
    held = waiting(worktree)
    ours = None if head is None or held is None else entry_in(worktree, head, held.theirs, path)
    renamed: list[tuple[bytes, bytes]] = []
    # A directory keeps its name anyway, and the file becomes the copy.
    if choice is Resolution.BOTH and ours is not None and ours.mode != TREE and tree is not None:
        name = _free_name(worktree, tree, KeptCopy(path, path, ours), {})
        renamed.append((path, name))
        # Commit ours first, under another name; then theirs may have the name.
        new_tree = edit_tree(worktree.store, tree, {name: ours})
        if new_tree != tree:
            message = f"Keep {shown(path)} as {shown(name)}"
            put(worktree, new_tree, message=message, reason=REASON, author=author)
    if choice is Resolution.EDIT and held is not None and head is not None and tree is not None:
        at = place_in(worktree, head, held.theirs, path)
        _check_free(worktree, tree, at)
        new_tree = edit_tree(worktree.store, tree, {at: _edited(worktree, at, ours, content)})
        if new_tree != tree:
            put(worktree, new_tree, message=f"Merge {shown(path)} by hand", reason=REASON, author=author)
    policy = Policy.THEIRS if choice in (Resolution.COPY, Resolution.BOTH) else Policy.OURS
    done = decide(worktree, path, policy, rules, author=author)
    return ResolveResult(path, choice, head or "", (), tuple(renamed), done.commit, len(done.left), is_waiting=True)


def not_in_conflict(root: str, path: bytes, known: set[bytes]) -> UsageError:
    """Return the error for a path that is not in conflict, with the most similar names that are."""
    name = shown(path)
    like = nearest(name, [shown(each) for each in sorted(known)], count=3)
    if like:
        hint = f"did you mean: {', '.join(like)}?"
    elif known:
        hint = "to list the conflicts: gitsyncctl conflicts"
    else:
        hint = "there are no conflicts in this repository"
    return UsageError(f"{clean(root)}: {name} is not in conflict", hint, code="not-in-conflict")


def _edited(worktree: Worktree, path: bytes, was: TreeEntry | None, content: bytes) -> TreeEntry:
    """Store an edited version as git would for the file `path`; raise OperationError when git cannot."""
    done = worktree.program.run("hash-object", "-w", "--stdin", b"--path=" + path, input=content)
    if not done.ok:
        raise failed(f"git cannot store {shown(path)} in {clean(worktree.root)}", done)
    mode = was.mode if was is not None and was.mode == MODE_EXECUTABLE else MODE_FILE
    return TreeEntry(mode, done.stdout.decode("ascii").strip())


def _only(chosen: tuple[KeptCopy, ...]) -> KeptCopy:
    if len(chosen) > 1:
        names = ", ".join(shown(copy.path) for copy in chosen)
        raise UsageError(
            f"{shown(chosen[0].original)} has {len(chosen)} conflict copies, and only one can take its name",
            f"give the one that you mean: {names}",
            code="several-copies",
        )
    return chosen[0]


def _check_free(worktree: Worktree, tree: str, path: bytes) -> None:
    """Raise OperationError when a file at `path` would replace a directory, or a directory above it a file."""
    parts = path.split(b"/")
    for count in range(1, len(parts) + 1):
        place = b"/".join(parts[:count])
        entry = lookup(worktree.store, tree, place)
        if entry is not None and (entry.mode == TREE) != (count < len(parts)):
            what = "directory" if entry.mode == TREE else "file"
            raise OperationError(
                f"{clean(worktree.root)}: a {what} exists at {shown(place)}, so {shown(path)} cannot be restored there",
                "to keep both under different names: --both; to keep what is there: --name",
                code="in-the-way",
            )


def _free_name(worktree: Worktree, tree: str, copy: KeptCopy, taken: dict[bytes, TreeEntry | None]) -> bytes:
    """Return a name for a copy that stays: `name-kept.ext`, with a number if that is taken."""
    directory, slash, name = copy.original.rpartition(b"/")
    stem, dot, ending = name.rpartition(b".")
    if not stem:
        stem, dot, ending = name, b"", b""
    for count in range(1, 1000):
        found = directory + slash + stem + (b"-kept" if count == 1 else b"-kept-%d" % count) + dot + ending
        if found not in taken and lookup(worktree.store, tree, found) == copy.entry:
            return found  # from an attempt that was overtaken, or equal by chance
        is_on_disk = os.path.lexists(Path(worktree.root) / os.fsdecode(found))
        if found not in taken and not is_on_disk and lookup(worktree.store, tree, found) is None:
            return found
    raise OperationError(f"{clean(worktree.root)}: no free name beside {shown(copy.path)}", code="in-the-way")


def _message(
    original: bytes, choice: Resolution, chosen: tuple[KeptCopy, ...], copy: bytes, renamed: list[tuple[bytes, bytes]]
) -> str:
    """Return the message, which is read on every machine: versions are called by the names of their files."""
    kept = ", ".join(shown(name) for _, name in renamed)
    copies = ", ".join(shown(each.path.rpartition(b"/")[2]) for each in chosen)
    taken = shown(copy.rpartition(b"/")[2]) if copy else copies
    what = {
        Resolution.COPY: f"take {taken}",
        Resolution.NAME: f"keep it, remove {copies}",
        Resolution.EDIT: "merged by hand",
        Resolution.BOTH: f"keep both, one as {kept}",
        Resolution.DONE: "done by hand",
    }
    return f"Resolve {shown(original)}: {what[choice]}"
