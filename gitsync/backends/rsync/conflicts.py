"""Files that changed on both sides: the newer one wins, the other becomes a conflict copy. Runs on the job's thread.

Equal contents are not a conflict. The conflict copy is called as everywhere in gitsync, after its content, so that two
machines that keep the same version keep one file. It is there before anything is overwritten.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitsync.backends.base import Item, Level
from gitsync.backends.rsync.copies import copy_of
from gitsync.backends.rsync.program import PARTIAL, VANISHED, Rsync
from gitsync.core.pairs import FILE, ListedEntry, is_alike
from gitsync.errors import OperationError, TransientError
from gitsync.git.remote.errors import last_line
from gitsync.text import clean, escape


@dataclass(slots=True)
class PairResolution:
    """The result: paths to take and to send now, and the items of the report."""

    take: list[str] = field(default_factory=list)
    send: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


def settle(
    rsync: Rsync, paths: list[str], here: Mapping[str, ListedEntry], there: Mapping[str, ListedEntry]
) -> PairResolution:
    """Decide for each path which side wins, and keep the other's version. Raise OperationError when that cannot be."""
    settled = PairResolution()
    both_files = [path for path in paths if here[path].kind == there[path].kind == FILE]
    differing = find_differing(rsync, both_files, rsync.here)
    for path in paths:
        is_file = here[path].kind == there[path].kind == FILE
        has_newer_there = there[path].modified >= here[path].modified
        if is_file and path not in differing:
            if not is_alike(here[path], there[path]):
                _align(settled, rsync, path, has_newer_there=has_newer_there)
        elif not (is_file and rsync.order.direction.is_sending and rsync.order.direction.is_receiving):
            _leave(settled, path)
        else:
            try:
                _keep(settled, rsync, path, has_newer_there=has_newer_there)
            except OperationError as error:
                settled.items.append(not_kept(path, error))
    return settled


def not_kept(path: str, error: OperationError) -> Item:
    """Return the report of a version that cannot be kept; re-raise errors that do not concern that file."""
    if isinstance(error, TransientError) or error.code == "disk-full":
        raise error
    text = f"{escape(path)} was changed on both sides, and waits: {error.message}"
    return Item(path, "conflict", text, error.hint, Level.ATTENTION)


def find_differing(rsync: Rsync, paths: list[str], here: str) -> set[str]:
    """Return those of `paths` whose contents there and in `here` differ; rsync compares by checksum, sends nothing."""
    if not paths:
        return set()
    by_id = {os.fsencode(path): path for path in paths}
    done = rsync.run(
        "--dry-run",
        "--checksum",
        "--links",
        "--no-perms",
        "--no-times",
        "--out-format=%n",
        rsync.there,
        here,
        paths=paths,
        also_ok=(PARTIAL, VANISHED),
    )
    if done.returncode:
        return set(paths)
    said = set(done.stdout.splitlines())
    # A name that rsync escapes is taken as one that differs: then it is read as a whole and compared.
    return {path for raw, path in by_id.items() if raw in said or any(byte < 32 or byte == 92 for byte in raw)}


def _align(settled: PairResolution, rsync: Rsync, path: str, *, has_newer_there: bool) -> None:
    """The contents are the same: only the time is to be made so, where the direction lets it."""
    if has_newer_there and rsync.order.direction.is_receiving:
        settled.take.append(path)
    elif not has_newer_there and rsync.order.direction.is_sending:
        settled.send.append(path)


def _leave(settled: PairResolution, path: str) -> None:
    settled.items.append(
        Item(
            path,
            "conflict",
            f"{escape(path)} was changed on both sides; both were left alone",
            'copy one over the other, or set mode = "both" to keep both',
            Level.ATTENTION,
        )
    )


def _keep(settled: PairResolution, rsync: Rsync, path: str, *, has_newer_there: bool) -> None:
    root = rsync.order.job.path
    if has_newer_there:
        copy = copy_of(root, path, root / path)
        settled.take.append(path)
    else:
        incoming = rsync.order.state_dir / "incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir(mode=0o700)
        # Through its place in the tree, so that the name is never an argument.
        fetching = ("--sparse", "--times", "--perms", rsync.there, f"{incoming}/")
        done = rsync.run(*fetching, paths=[path], also_ok=(PARTIAL, VANISHED))
        if done.returncode:
            raise OperationError(
                f"it cannot be read on the server: {clean(last_line(done.errors.partition('rsync error')[0]))}",
                "check its permissions there",
            )
        copy = copy_of(root, path, incoming / path)
        shutil.rmtree(incoming, ignore_errors=True)
        settled.send.append(path)
    if copy == path:
        return  # it held the same after all
    settled.send.append(copy)
    winner = "the server" if has_newer_there else "here"
    settled.items.append(
        Item(
            path,
            "conflict",
            f"{escape(path)} was changed on both sides; the newer version, from {winner}, stays, "
            f"the other is kept as {escape(copy)}",
            f"compare the two, then delete {escape(copy)}",
            Level.ATTENTION,
        )
    )
