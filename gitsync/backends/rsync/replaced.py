"""Files that a send replaced or deleted on the server: rsync keeps them, this module checks them. On the job's thread.

Between the listing of the server and the moment when rsync replaces a file there, another machine may have sent its own
version. So every send and every deletion there moves what it takes away into a hidden directory of the run's own,
`.rsync-partial-replaced-ID-RUN`, which no listing takes for files. Each job owns, on the server, those with its id.
What is in them and is as our listing saw it was meant to go. Anything else is an edit that nobody here has seen: it is
brought here, kept as a copy on both sides, and only then removed there, path by path, so that what came there after we
looked stays. A death at any line leaves it to the next run, and a machine that never comes back to all others, after
`ABANDONED_S`: whatever they do not have themselves they keep.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from gitsync.backends.base import Item, Level
from gitsync.backends.rsync.conflicts import find_differing, not_kept
from gitsync.backends.rsync.copies import copy_of, is_same, put_back
from gitsync.backends.rsync.listing import Listing
from gitsync.backends.rsync.program import MAX_DELETE, PARTIAL, REPLACED_NAME, VANISHED, Rsync
from gitsync.clock import SystemClock
from gitsync.core.pairs import DIRECTORY, LINK, AgreedPair, ListedEntry
from gitsync.errors import OperationError
from gitsync.text import escape

# Longer than any run: what another machine's run that still goes on replaced is its own affair.
ABANDONED_S = 2 * 24 * 3600.0


def keeping_there(rsync: Rsync) -> tuple[str, ...]:
    """Return the options that make rsync keep there what it replaces, unless its user has it kept already."""
    if rsync.keeps_itself:
        return ()
    return ("--backup", "--suffix=", f"--backup-dir={_place(rsync)}")


def settle_replaced(
    rsync: Rsync, there: Mapping[str, ListedEntry], after: Listing, agreed: Mapping[str, AgreedPair]
) -> list[Item]:
    """Look at what was replaced, by this run and by others that died; return the report for the user.

    `there` is what this run saw before and `after` what there is now, `agreed` what was known of the time before. Raise
    as `rsync.run` does, and OperationError when there is no room for it. A version that cannot be kept here remains
    there.
    """
    items: list[Item] = []
    for place in sorted(path for path in after.replaced if "/" not in path):
        if place == _place(rsync):
            items += _settle(rsync, place, after, there)
        elif place.startswith(f"{REPLACED_NAME}{rsync.id}-"):
            items += _settle(rsync, place, after, {path: pair.there for path, pair in agreed.items()})
        elif after.replaced[place].modified + ABANDONED_S < SystemClock().wall():
            items += _settle(rsync, place, after, {})  # what that machine's listing saw is not known here
    return items


def _place(rsync: Rsync) -> str:
    return f"{REPLACED_NAME}{rsync.id}-{rsync.run_id}"


def _settle(rsync: Rsync, place: str, now: Listing, seen: Mapping[str, ListedEntry]) -> list[Item]:
    found = {path: entry for path, entry in now.replaced.items() if path == place or path.startswith(f"{place}/")}
    kept = {path.removeprefix(f"{place}/"): entry for path, entry in found.items() if entry.kind != DIRECTORY}
    unseen = [path for path, entry in kept.items() if not _is_as_seen(entry, seen.get(path))]
    items: list[Item] = []
    lost: set[str] = set()
    if unseen:
        items, lost = _keep(rsync, place, {path: kept[path] for path in unseen}, now)
    _remove(rsync, [f"{place}/{path}" for path in kept if path not in lost], found)
    return items


def _is_as_seen(kept: ListedEntry, seen: ListedEntry | None) -> bool:
    if seen is None or kept.kind != seen.kind:
        return False
    return kept.target == seen.target if kept.kind == LINK else kept[:3] == seen[:3]


def _keep(rsync: Rsync, place: str, unseen: Mapping[str, ListedEntry], now: Listing) -> tuple[list[Item], set[str]]:
    """Bring them here and keep each as a copy on both sides; return the report, and the paths that must stay for
    now.
    """
    state_dir, tree = rsync.order.state_dir, rsync.order.job.path
    incoming, outgoing = state_dir / "incoming", state_dir / "outgoing"
    for directory in (incoming, outgoing):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
    fetching = ("--sparse", "--links", "--times", "--perms", rsync.there, f"{incoming}/")
    paths = [f"{place}/{path}" for path in unseen]
    rsync.run(*fetching, paths=paths, also_ok=(PARTIAL, VANISHED), is_replaced_shown=True)
    # A run that only sends changes nothing here.
    root = tree if rsync.order.direction.is_receiving else outgoing
    items: list[Item] = []
    copies: dict[str, str] = {}
    missing: set[str] = set()
    for path, entry in unseen.items():
        content = incoming / place / path
        if not _is_it(content, entry):
            missing.add(path)
        elif not is_same(content, tree / path):
            is_free = path not in now.entries and not os.path.lexists(tree / path)
            try:
                copies[path] = put_back(root, path, content) if is_free else copy_of(root, path, content)
            except OperationError as error:
                missing.add(path)
                items.append(not_kept(path, error))
                continue
            items.append(_item(path, copies[path]))
    if copies:
        arguments = (*rsync.copying, "--ignore-existing", f"{root}/", rsync.there)
        rsync.run(*arguments, paths=sorted(set(copies.values())), also_ok=(PARTIAL, VANISHED))
    if root == outgoing:
        differing = find_differing(rsync, sorted(set(copies.values())), f"{outgoing}/")
        missing |= {path for path, copy in copies.items() if copy in differing}
    for directory in (incoming, outgoing):
        shutil.rmtree(directory, ignore_errors=True)
    return items, missing


def _is_it(content: Path, entry: ListedEntry) -> bool:
    """Return whether a file that came is the one that was listed: what is taken for it is removed there."""
    try:
        facts = content.lstat()
        if entry.kind == LINK:
            return os.fspath(content.readlink()) == entry.target
    except OSError:
        return False  # it did not come, or is not a link
    modified = facts.st_mtime_ns // 1_000_000_000
    return stat.S_ISREG(facts.st_mode) and (facts.st_size, modified) == (entry.size, entry.modified)


def _item(path: str, copy: str) -> Item:
    name = escape(path)
    if copy == path:
        return Item(path, "kept", f"{name} was deleted on the server in a version that was not seen before: it is back")
    text = f"{name} was changed on the server while yours was sent; the other version is kept as {escape(copy)}"
    return Item(path, "conflict", text, f"compare the two, then delete {escape(copy)}", Level.ATTENTION)


def _remove(rsync: Rsync, files: list[str], found: Mapping[str, ListedEntry]) -> None:
    """Remove the files there, and the directories that are empty then, from the deepest up."""
    levels: dict[int, list[str]] = {}
    for path, entry in found.items():
        if entry.kind == DIRECTORY:
            levels.setdefault(-path.count("/"), []).append(path)
    for group in (files, *(group for _, group in sorted(levels.items()))):
        if group:
            arguments = ("--dirs", "--delete-missing-args", rsync.nowhere, rsync.there)
            rsync.run(*arguments, paths=group, also_ok=(PARTIAL, VANISHED, MAX_DELETE), is_replaced_shown=True)
