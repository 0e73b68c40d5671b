"""Safety checks (brakes) that stop gitsync until the user answers, and the meaning of `busy`.

Pure; any thread. Each function takes facts and returns the problem, or None. They run again after every resume, so a
brake whose cause persists stops again.
"""

from __future__ import annotations

from gitsync.model import Problem
from gitsync.text import as_word

# Below this number, deletions are normal. An empty root that had one file is a deleted file.
SMALL_DELETION = 20
SMALL_TREE = 1
# A root that is away with its file system, and expected back.
NOT_MOUNTED = "not-mounted"


def mass_deletion(name: str, tracked: int, removed: int, share: float, committed: int = 0) -> Problem | None:
    """Return the problem when more than `share` of the `tracked` files, and over 20, were removed.

    `removed` counts paths whose content is nowhere in the new tree: a renamed directory is not a deletion. Of them
    `committed` were removed in the last minutes. A share of 1 or more disables the brake.
    """
    if removed <= SMALL_DELETION or removed <= share * tracked:
        return None
    when = f"in the last ten minutes, {committed} of them are committed;" if committed else "at once;"
    return Problem(
        "mass-deletion",
        f"{name}: {removed} of {tracked} files were removed {when} nothing {'more ' if committed else ''}is committed "
        "before you answer",
        f"to accept it: gitsyncctl resume {as_word(name)} --accept; "
        f"otherwise restore them, then: gitsyncctl resume {as_word(name)}",
    )


def still_missing(name: str, asked: int, missing: int) -> Problem:
    """Return the problem of a deletion that was asked about, and of which only a part has been restored."""
    return Problem(
        "mass-deletion",
        f"{name}: {missing} of the {asked} files that you were asked about are still missing; git keeps them until "
        "you answer",
        f"to accept it: gitsyncctl resume {as_word(name)} --accept; "
        f"otherwise restore them, then: gitsyncctl resume {as_word(name)}",
    )


def home_emptied(name: str, where: str, tracked: int, removed: int) -> Problem | None:
    """Return the problem when every tracked file was removed at once on one side, home or the mirror (`where`)."""
    if removed < tracked or tracked <= SMALL_TREE:
        return None
    return Problem(
        "home-emptied",
        f"{name}: all {tracked} tracked files are gone from {where}; nothing is deleted before you answer",
        f"to accept it: gitsyncctl resume {as_word(name)} --accept; "
        f"otherwise restore them, then: gitsyncctl resume {as_word(name)}",
    )


def root_problem(
    name: str,
    path: str,
    *,
    is_away: bool = False,
    is_missing: bool = False,
    is_other: bool = False,
    is_empty: bool = False,
    tracked: int = 0,
) -> Problem | None:
    """Return the problem when the root directory is not the one that was watched.

    It is away with its file system, missing, or another one. `is_empty` says that it contains nothing except `.git`,
    `tracked` how many files HEAD has.
    """
    if is_away:
        return Problem(
            NOT_MOUNTED,
            f"{name}: {path} is not mounted",
            f"it goes on by itself when it is mounted; to stop watching it: gitsyncctl unwatch {as_word(name)}",
        )
    if is_missing:
        return Problem(
            "root-vanished",
            f"{name}: {path} does not exist any more",
            f"mount or restore it; or, to stop watching it: gitsyncctl unwatch {as_word(name)}",
        )
    if is_other:
        return Problem(
            "root-replaced",
            f"{name}: {path} is a different directory than before (an unmounted disk, or a new directory of that name)",
            f"check it; if it is the right one: gitsyncctl resume {as_word(name)} --accept",
        )
    if is_empty and tracked > SMALL_TREE:
        return Problem(
            "root-emptied",
            f"{name}: {path} is empty, but {tracked} files are committed",
            f"to accept that: gitsyncctl resume {as_word(name)} --accept; "
            f"otherwise restore the files, then: gitsyncctl resume {as_word(name)}",
        )
    return None


_OPEN = {
    "merge": "a merge is in progress: `git merge --continue` or `git merge --abort` ends it",
    "rebase": "a rebase is in progress: `git rebase --continue` or `git rebase --abort` ends it",
    "cherry-pick": "a cherry-pick is in progress: `git cherry-pick --continue` or `git cherry-pick --abort` ends it",
    "revert": "a revert is in progress: `git revert --continue` or `git revert --abort` ends it",
    "bisect": "a bisect is in progress: `git bisect reset` ends it",
    "am": "a mailbox is being applied: `git am --continue` or `git am --abort` ends it",
    "squash": "a squash merge left conflicts: edit the files, `git add` them and `git commit`",
    "conflicts": "files are left in conflict: edit them and `git add` them; `git status` names them",
    "detached": "HEAD is detached (on a commit, not on a branch): `git switch BRANCH` ends it",
}
OPEN_OPERATIONS = frozenset(_OPEN)


def open_operation_reason(operation: str) -> str:
    """Return the sentence that names the git operation in progress, and how to end it."""
    return _OPEN.get(operation, f"a git operation is in progress ({operation}): `git status` says how to end it")
