"""Deletions: here of what the listing saw and nothing newer, there by rsync. Runs on the job's thread.

Between a look at a file here and its removal it could be saved. So it is renamed to a hidden name beside it first,
which takes whatever is there at that instant, looked at under that name, and removed only when it is what was listed
and nobody has it open for writing; else it gets its name back, or that of a conflict copy where the name was taken.
What is about to be renamed is noted in `deleting.json` before, so that the next run puts back what a death left hidden.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from gitsync import digests
from gitsync.backends import state_file
from gitsync.backends.base import Item, Level, Order, summed
from gitsync.backends.rsync.copies import id_of, is_same, sync_directory
from gitsync.backends.rsync.listing import is_as_listed
from gitsync.backends.rsync.program import MAX_DELETE, PARTIAL_NAME, VANISHED, Rsync
from gitsync.backends.rsync.replaced import keeping_there
from gitsync.core.conflict import copy_name
from gitsync.core.pairs import DIRECTORY, Decision, ListedEntry
from gitsync.errors import OperationError
from gitsync.git.applying import atomic_replace
from gitsync.git.applying.directories import parent_of
from gitsync.git.probe import Probe, no_probe
from gitsync.text import escape

DELETING_FILE = "deleting.json"


def delete(rsync: Rsync, decision: Decision, here: Mapping[str, ListedEntry]) -> list[Item]:
    """Delete on both sides what was decided, as far as it still is as listed; return the report for the user."""
    items: list[Item] = []
    if decision.drop_here:
        items += delete_here(rsync.order, decision.drop_here, here)
    if decision.drop_there:
        _delete_there(rsync, decision.drop_there)
        items.append(summed("deleted-there", "deleted on the server, as here", decision.drop_there))
    return items


def delete_here(
    order: Order, paths: list[str], listed: Mapping[str, ListedEntry], probe: Probe = no_probe
) -> list[Item]:
    """Delete here what is still as it was listed; return the report for the user. Raise OperationError."""
    state_file.write(
        order.state_dir / DELETING_FILE, {"paths": [path for path in paths if listed[path].kind != DIRECTORY]}
    )
    sync_directory(order.state_dir)
    items: list[Item] = []
    gone: list[str] = []
    root = os.open(order.job.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path in reversed(paths):  # what is in a directory goes before it
            try:
                item = _delete_one(order.job.path, root, path, listed[path], probe)
            except FileNotFoundError:
                continue
            except OSError:  # a directory that got something new, or one that may not be written
                item = _kept(path)
            if item is None:
                gone.append(path)
            else:
                items.append(item)
    finally:
        os.close(root)
    return [*([summed("deleted", "deleted here, as on the server", sorted(gone))] if gone else []), *items]


def find_interrupted(order: Order) -> list[Item]:
    """Put back what a run that died while it deleted had hidden; return the report for the user. Raise OSError."""
    noted = state_file.read(order.state_dir / DELETING_FILE).get("paths")
    items: list[Item] = []
    if isinstance(noted, list):
        root = os.open(order.job.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for path in map(str, noted):
                if atomic_replace.exists(root, os.fsencode(_hidden(path))):
                    items.append(_put_back(order.job.path, root, path))
        finally:
            os.close(root)
    return items


def forget_interrupted(order: Order) -> None:
    """Forget what was to be deleted: the run got to its end, so that no disk was missing where it would be hidden."""
    (order.state_dir / DELETING_FILE).unlink(missing_ok=True)


def _delete_one(tree: Path, root: int, path: str, entry: ListedEntry, probe: Probe) -> Item | None:
    """Delete a path and return None, or what it came to instead; raise OSError."""
    name = os.fsencode(path)
    if entry.kind == DIRECTORY:
        with parent_of(root, name) as (at, last):
            os.rmdir(last, dir_fd=at)
        return None
    if atomic_replace.is_directory(root, name):
        return _kept(path)
    hidden = os.fsencode(_hidden(path))
    probe("look", name)
    atomic_replace.move_new(root, name, hidden)
    probe("hidden", name)
    with suppress(OSError):  # what cannot be looked at or removed gets its name back
        if _is_closed_and_as_listed(root, hidden, entry):
            atomic_replace.remove(root, hidden)
            return None
    try:
        return _put_back(tree, root, path)
    except OSError as error:
        raise OperationError(
            f"{escape(path)} cannot get its name back: {error.strerror}; it is {escape(_hidden(path))}",
            "check its directory; the next run tries again",
        ) from error


def _is_closed_and_as_listed(root: int, hidden: bytes, entry: ListedEntry) -> bool:
    """Return whether it is as listed, and no process can still write it: it has no name, and is not open.

    Where the system cannot tell whether somebody has it open for writing, it is taken that nobody has.
    """
    with parent_of(root, hidden) as (at, name):
        facts = os.stat(name, dir_fd=at, follow_symlinks=False)
        if stat.S_ISREG(facts.st_mode) and os.access(name, os.R_OK, dir_fd=at):
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
            try:
                if atomic_replace.is_open_for_writing(handle):
                    return False
                facts = os.fstat(handle)
            finally:
                os.close(handle)
    return is_as_listed(facts, entry)


def _put_back(tree: Path, root: int, path: str) -> Item:
    """Give what was hidden its name again, or that of a conflict copy where the name is taken; raise OSError."""
    hidden = os.fsencode(_hidden(path))
    try:
        atomic_replace.move_new(root, hidden, os.fsencode(path))
    except FileExistsError:
        content = tree / _hidden(path)

        def is_taken(name: bytes) -> bool:
            place = tree / os.fsdecode(name)
            return os.path.lexists(place) and not is_same(place, content)

        copy = copy_name(os.fsencode(path), id_of(content), is_taken)
        if atomic_replace.exists(root, copy):
            atomic_replace.remove(root, hidden)  # the same content is there already
        else:
            atomic_replace.move_new(root, hidden, copy)
        shown = escape(os.fsdecode(copy))
        text = f"{escape(path)} was changed twice while it was deleted here; one version is {shown}"
        return Item(path, "conflict", text, f"compare the two, then delete {shown}", Level.ATTENTION)
    return _kept(path)


def _kept(path: str) -> Item:
    return Item(path, "kept", f"{escape(path)} was changed meanwhile: kept")


def _hidden(path: str) -> str:
    """Return the hidden name, in the directory of `path`, that a file has just before it is deleted."""
    above, slash, _ = path.rpartition("/")
    return f"{above}{slash}{PARTIAL_NAME}-deleted-{digests.sha256(os.fsencode(path)).hexdigest()[:16]}"


def _delete_there(rsync: Rsync, paths: Iterable[str]) -> None:
    """Delete there what is missing here: files first, then directories from the deepest up, the empty ones only."""
    levels: dict[int, list[str]] = {}
    for path in paths:
        levels.setdefault(-path.count("/"), []).append(path)
    # A file that reappeared here meanwhile is not a missing argument: rsync sends it instead.
    more = ("--dirs", "--delete-missing-args", *keeping_there(rsync))
    for _, group in sorted(levels.items()):
        # The brake has counted the files; rsync counts directories, too.
        arguments = (*more, f"--max-delete={len(group)}", rsync.here, rsync.there)
        rsync.run(*arguments, paths=group, also_ok=(VANISHED, MAX_DELETE))
