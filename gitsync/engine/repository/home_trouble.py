"""What is wrong with single home files, in words: paths that cannot be written, what is left out of directories.

Runs on the committer thread, or in the control command while no daemon runs; owns nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from gitsync.core.coverage import parents
from gitsync.mirror.mirror_sync import MirrorSync
from gitsync.model import Problem
from gitsync.text import as_word, shown

OWN = "it belongs to gitsync on this machine; to track it all the same, add it by its own name"
CONTESTED = "it was changed here and in the mirror, and the policy leaves it to you"


def stuck(name: str, keeper: MirrorSync) -> Problem | None:
    """Return the problem when there are paths that nothing can be done about without a person, None else."""
    if not keeper.notes:
        return None
    path, why = min(keeper.notes.items())
    count = len(keeper.notes) - 1
    others = f", and {count} other {'path' if count == 1 else 'paths'}" if count else ""
    return Problem("home-path", f"{name}: ~/{shown(path)} is not brought over: {why}{others}", _hint(keeper, path))


def _hint(keeper: MirrorSync, path: bytes) -> str:
    if keeper.notes[path] == CONTESTED:
        both = [as_word(os.fsdecode(root + b"/" + path)) for root in (keeper.places.home, keeper.mirror.root)]
        return f"make both files the same: diff {' '.join(both)}"
    for at in (*reversed(parents(path)), path):
        if Path(os.fsdecode(keeper.places.home + b"/" + at)).is_symlink():
            link = "~/" + shown(at)
            return (
                f"to track it where it is now: gitsyncctl remove {as_word(link)}, "
                f"then: gitsyncctl add --follow {as_word(link)}; or move it back in place of the link"
            )
    return (
        "move away what is in its place, or give yourself the permission, then: gitsyncctl sync home; "
        f"to stop tracking it: gitsyncctl remove ~/{as_word(shown(path))}"
    )


def left_out(keeper: MirrorSync) -> tuple[tuple[str, str], ...]:
    """Return what is in tracked directories and is not tracked, and why."""
    nested = dict.fromkeys(keeper.nested, "a git repository of its own")
    found = {**nested, **_own(keeper), **keeper.left_out}
    return tuple((os.fsdecode(path), why) for path, why in sorted(found.items()))


def _own(keeper: MirrorSync) -> dict[bytes, str]:
    """Return what gitsync keeps in tracked directories for this machine alone."""
    there = (path for path in keeper.coverage.own_below() if os.path.lexists(keeper.places.home + b"/" + path))
    return dict.fromkeys(there, OWN)


def remarks(keeper: MirrorSync) -> list[str]:
    """Return what a person may want to know of single paths, a line each."""
    lines = [f"~/{shown(path)}: {why}" for path, why in sorted(keeper.notes.items())[1:]]  # the first is the error
    lines += [
        f"~/{shown(path)} is a git repository of its own and left out; "
        f"to watch it: gitsyncctl watch ~/{as_word(shown(path))}"
        for path in sorted(keeper.nested)
    ]
    left_out = {**_own(keeper), **keeper.left_out}
    lines += [f"~/{shown(path)} is left out: {why}" for path, why in sorted(left_out.items())]
    return lines + [
        f"~/{shown(path)}: the extended attributes of the former version could not be kept: {why}"
        for path, why in sorted(keeper.bare.items())
    ]
