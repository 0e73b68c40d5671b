"""Writes a version of a file or directory to another place, completely or not at all.

Runs on the calling thread; owns a scratch directory beside the destination while it works. git itself writes the files,
with a private index, so that filters, links and executable bits are as in a checkout.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

from gitsync.core.temporary import TEMP_PREFIX
from gitsync.errors import UsageError
from gitsync.git.applying.atomic_replace import move_new
from gitsync.git.files import storage_error
from gitsync.git.history.log import History
from gitsync.git.objects.trees import TreeEntry
from gitsync.git.program import failed
from gitsync.text import clean

# git-lfs may have to download large files.
CHECKOUT_S = 600.0


def place_for(path: bytes, root: str, wanted: str) -> str:
    """Return the destination for a copy of `path`: `wanted`, or inside it under its own name if it is a directory.

    Raise UsageError when the destination exists, or its parent directory does not.
    """
    place = wanted
    if os.path.isdir(wanted):
        place = os.path.join(wanted, os.path.basename(os.fsdecode(path) or root))
    if os.path.lexists(place):
        raise UsageError(
            f"{clean(place)} already exists; nothing was overwritten", "choose another name", code="exists"
        )
    above = os.path.dirname(place)
    if not os.path.isdir(above):
        raise UsageError(
            f"the directory {clean(above)} does not exist",
            f"to create it: mkdir -p {clean(above)}",
            code="no-directory",
        )
    return place


def copy(
    history: History,
    source: bytes,
    path: bytes,
    entries: Mapping[bytes, TreeEntry],
    place: str,
    modes: Mapping[bytes, int] = MappingProxyType({}),
) -> None:
    """Write `entries`, the version of `path` that was at `source`, to `place`, which must not exist.

    A file that is private now is private in the copy, too, and so is a removed one that was private by `modes`. Raise
    UsageError "exists" when the destination has appeared meanwhile, OperationError when it cannot be written.
    """
    above = os.path.dirname(place)
    try:
        with tempfile.TemporaryDirectory(prefix=os.fsdecode(TEMP_PREFIX), dir=above) as scratch:
            made = os.path.join(os.fsencode(scratch), b"files", source)
            os.makedirs(os.path.dirname(made))
            _check_out(history, _renamed(entries, path, source), scratch)
            if not os.path.lexists(made):
                os.mkdir(made)  # a directory without files, as a whole repository may be
            _keep_private(history, path, made, modes)
            _move(made, place)
    except OSError as error:
        raise storage_error(f"cannot write {clean(place)}", error) from error


def _check_out(history: History, entries: Mapping[bytes, TreeEntry], scratch: str) -> None:
    own = {"GIT_INDEX_FILE": os.path.join(scratch, "index")}
    lines = b"".join(b"%o %b\t%b\0" % (entry.mode, entry.id.encode(), name) for name, entry in entries.items())
    for argv, given in (
        (("update-index", "-z", "--index-info"), lines),
        (("checkout-index", "--all", f"--prefix={os.path.join(scratch, 'files')}/"), None),
    ):
        done = history.program.run(*argv, input=given, env=own, deadline_s=CHECKOUT_S)
        if not done.ok:
            raise failed(f"git {argv[0]} failed in {clean(history.root)}", done)


def _renamed(entries: Mapping[bytes, TreeEntry], path: bytes, source: bytes) -> dict[bytes, TreeEntry]:
    """Give renamed files the paths that they had then, which select their filters."""
    return {source + name.removeprefix(path) if path else name: entry for name, entry in entries.items()}


def _keep_private(history: History, path: bytes, made: bytes, modes: Mapping[bytes, int]) -> None:
    """Remove from the new file or directory, and from everything below it, permissions that the present one denies."""
    waiting = [(path, made)]
    while waiting:
        path, made = waiting.pop()
        facts = os.lstat(made)
        if stat.S_ISLNK(facts.st_mode):
            continue
        wanted = modes.get(path)
        with suppress(OSError):  # a path that no longer exists keeps the mode listed
            here = os.stat(history.place(path), follow_symlinks=False)
            wanted = here.st_mode if stat.S_IFMT(here.st_mode) == stat.S_IFMT(facts.st_mode) else wanted
        if stat.S_ISDIR(facts.st_mode):
            waiting += [(path + b"/" + name if path else name, made + b"/" + name) for name in os.listdir(made)]
        if wanted is not None:
            os.chmod(made, stat.S_IMODE(facts.st_mode) & (wanted | 0o700))


def _move(made: bytes, place: str) -> None:
    """Rename to the destination, unless it exists."""
    root = os.open(os.path.dirname(place), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        inner = os.path.relpath(made, os.fsencode(os.path.dirname(place)))
        try:
            move_new(root, inner, os.fsencode(os.path.basename(place)))
        except FileExistsError as error:
            raise UsageError(
                f"{clean(place)} exists by now; nothing was overwritten", "try again", code="exists"
            ) from error
    finally:
        os.close(root)
