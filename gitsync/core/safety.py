"""The brakes: facts that make gitsync stop and ask before a deletion becomes history, and what `busy` means.

Pure, so on no thread and owner of nothing. Each function looks at facts somebody else has gathered and returns the
problem, or None. They are asked again after every resume, so a brake that still has a reason fires again.
"""

from __future__ import annotations

from gitsync.model import Problem
from gitsync.text import as_word

# Below these a deletion is daily life. An emptied root of one file is somebody who deleted a file.
SMALL_DELETION = 20
SMALL_TREE = 1


def mass_deletion(name: str, tracked: int, removed: int, share: float) -> Problem | None:
    """Return the problem when more than `share` of the `tracked` files, and over 20, are gone at once.

    `removed` counts paths whose content is nowhere in the new tree: a renamed directory is no deletion.
    A share of 1 or more switches the brake off.
    """
    if removed <= SMALL_DELETION or removed <= share * tracked:
        return None
    return Problem(
        "mass-deletion",
        f"{name}: {removed} of {tracked} files are gone at once; nothing of it is committed before you say so",
        f"if you mean it: gitsyncctl resume {as_word(name)} --accept; "
        f"else bring them back, then: gitsyncctl resume {as_word(name)}",
    )


def home_emptied(name: str, where: str, tracked: int, removed: int) -> Problem | None:
    """Return the problem when every tracked file is gone at once from one side, home or the mirror (`where`)."""
    if removed < tracked or tracked <= SMALL_TREE:
        return None
    return Problem(
        "home-emptied",
        f"{name}: all {tracked} tracked files are gone from {where} at once; nothing is deleted before you say so",
        f"if you mean it: gitsyncctl resume {as_word(name)} --accept; "
        f"else bring them back, then: gitsyncctl resume {as_word(name)}",
    )


def root_problem(
    name: str,
    path: str,
    *,
    expected: tuple[int, int] | None,
    found: tuple[int, int] | None,
    is_empty: bool,
    tracked: int,
) -> Problem | None:
    """Return the problem when a root is not what it was.

    `expected` and `found` are (device, inode) of the root at the last look and now: None for never looked at and for
    not there. `is_empty` says that it holds nothing but `.git`, `tracked` how many files its HEAD has.
    """
    if found is None:
        return Problem(
            "root-vanished",
            f"{name}: {path} is not there any more",
            f"mount it or bring it back and it goes on by itself; to forget it: gitsyncctl unwatch {as_word(name)}",
        )
    if expected is not None and found != expected:
        return Problem(
            "root-replaced",
            f"{name}: {path} is another directory than before (an unmounted disk, or a new directory of that name)",
            f"look at it; if it is the right one: gitsyncctl resume {as_word(name)} --accept",
        )
    if is_empty and tracked > SMALL_TREE:
        return Problem(
            "root-emptied",
            f"{name}: {path} is empty, but {tracked} files are committed",
            f"if you mean it: gitsyncctl resume {as_word(name)} --accept; "
            f"else bring it back, then: gitsyncctl resume {as_word(name)}",
        )
    return None


_OPEN = {
    "merge": "a merge is open: `git merge --continue` or `git merge --abort` ends it",
    "rebase": "a rebase is open: `git rebase --continue` or `git rebase --abort` ends it",
    "cherry-pick": "a cherry-pick is open: `git cherry-pick --continue` or `git cherry-pick --abort` ends it",
    "revert": "a revert is open: `git revert --continue` or `git revert --abort` ends it",
    "bisect": "a bisect is open: `git bisect reset` ends it",
    "am": "a mailbox is being applied: `git am --continue` or `git am --abort` ends it",
    "stash": "a stash left conflicts: edit the files and `git add` them",
    "detached": "HEAD is detached (on a commit, not on a branch): `git switch BRANCH` ends it",
}
OPEN_OPERATIONS = frozenset(_OPEN)


def open_operation_reason(operation: str) -> str:
    """Return the sentence that says which operation of the user's is open, and what ends it."""
    return _OPEN.get(operation, f"an operation of yours is open ({operation}): `git status` says how to end it")
