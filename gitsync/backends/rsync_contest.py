"""Files that changed on both sides: the newer one wins, the other is kept beside it. Runs on the job's thread.

Equal contents are no conflict. The kept copy is called as everywhere in gitsync, after its content, so that two
machines that keep the same version keep one file. It is there before anything is overwritten.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitsync.backends.base import Item, Level
from gitsync.backends.rsync_program import PARTIAL, VANISHED, Rsync
from gitsync.core.conflict import copy_name
from gitsync.core.names import shown_text
from gitsync.core.pairs import FILE, Entry
from gitsync.errors import OperationError

_READ_BYTES = 1024 * 1024


@dataclass(slots=True)
class Settled:
    """What comes of it: paths to take and to send now, the items of the report, and the conflicts that it lists."""

    take: list[str] = field(default_factory=list)
    send: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def settle(rsync: Rsync, paths: list[str], here: Mapping[str, Entry], there: Mapping[str, Entry]) -> Settled:
    """Decide for each path which side wins, and keep the other's version. Raise OperationError when that cannot be."""
    settled = Settled()
    differing = _differing(rsync, [path for path in paths if here[path].kind == there[path].kind == FILE])
    for path in paths:
        is_file = here[path].kind == there[path].kind == FILE
        has_newer_there = there[path].modified >= here[path].modified
        if is_file and path not in differing:
            _align(settled, rsync, path, has_newer_there=has_newer_there)
        elif not (is_file and rsync.order.direction.is_sending and rsync.order.direction.is_receiving):
            _leave(settled, path)
        else:
            _keep(settled, rsync, path, has_newer_there=has_newer_there)
    return settled


def _differing(rsync: Rsync, paths: list[str]) -> set[str]:
    """Return those of `paths` whose contents differ; rsync compares by checksum and sends nothing."""
    if not paths:
        return set()
    by_id = {os.fsencode(path): path for path in paths}
    done = rsync.run(
        "--dry-run",
        "--checksum",
        "--no-perms",
        "--no-times",
        "--out-format=%n",
        rsync.there,
        rsync.here,
        paths=paths,
        also_ok=(PARTIAL, VANISHED),
    )
    if done.returncode:
        return set(paths)
    said = set(done.stdout.splitlines())
    # A name that rsync escapes is taken as one that differs: then it is read as a whole and compared.
    return {path for raw, path in by_id.items() if raw in said or any(byte < 32 or byte == 92 for byte in raw)}


def _align(settled: Settled, rsync: Rsync, path: str, *, has_newer_there: bool) -> None:
    """The contents are the same: only the time is to be made so, where the direction lets it."""
    if has_newer_there and rsync.order.direction.is_receiving:
        settled.take.append(path)
    elif not has_newer_there and rsync.order.direction.is_sending:
        settled.send.append(path)


def _leave(settled: Settled, path: str) -> None:
    settled.conflicts.append(path)
    settled.items.append(
        Item(
            path,
            "conflict",
            f"{shown_text(path)} was changed on both sides; both were left alone",
            'copy one over the other, or set mode = "both" to keep both',
            Level.ATTENTION,
        )
    )


def _keep(settled: Settled, rsync: Rsync, path: str, *, has_newer_there: bool) -> None:
    root = rsync.order.job.path
    if has_newer_there:
        copy = copy_of(root, path, root / path)
        settled.take.append(path)
    else:
        incoming = rsync.order.notes_dir / "incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir(mode=0o700)
        # Through its place in the tree, so that the name is never an argument.
        rsync.run("--times", "--perms", rsync.there, f"{incoming}/", paths=[path])
        copy = copy_of(root, path, incoming / path)
        shutil.rmtree(incoming, ignore_errors=True)
        settled.send.append(path)
    if copy == path:
        return  # it held the same after all
    settled.send.append(copy)
    settled.conflicts.append(path)
    winner = "the server" if has_newer_there else "here"
    settled.items.append(
        Item(
            path,
            "conflict",
            f"{shown_text(path)} was changed on both sides; the newer version, from {winner}, stays, "
            f"the other is kept as {shown_text(copy)}",
            f"compare the two, then delete {shown_text(copy)}",
            Level.ATTENTION,
        )
    )


def copy_of(root: Path, path: str, content: Path) -> str:
    """Put a copy of the file `content` beside `path` in the tree, durably and over nothing; return its path."""
    try:
        found = _blob_id(content)

        def is_taken(name: bytes) -> bool:
            place = root / os.fsdecode(name)
            return os.path.lexists(place) and (place.is_symlink() or not place.is_file() or _blob_id(place) != found)

        copy = os.fsdecode(copy_name(os.fsencode(path), found, is_taken))
        target = root / copy
        if os.path.lexists(target):
            return copy  # the same content is there already
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".rsync-partial-{found[:16]}")
        draft.unlink(missing_ok=True)
        # Private until it has the permissions of what it is a copy of.
        with content.open("rb") as source, open(draft, "xb", opener=_private) as file:
            shutil.copyfileobj(source, file)
            shutil.copystat(content, draft)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, target)  # unlike a rename, this never replaces what came to be there
        draft.unlink()
    except OSError as error:
        raise OperationError(
            f"cannot keep the other version of {shown_text(path)}: {error.strerror}; nothing was overwritten",
            "make room and check the permissions of its directory",
            code="disk-full" if error.errno == 28 else "failed",
        ) from error
    return copy


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _blob_id(path: Path) -> str:
    """Return the id that git gives a file's content, which kept copies are named by."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            digest.update(data)
    return digest.hexdigest()
