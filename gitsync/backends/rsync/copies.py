"""Conflict copies: a version next to its file, named after its content; never over a file. On the job's thread.

The name is the same as everywhere in gitsync, so that two machines that keep the same version keep one file.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import BinaryIO

from gitsync import digests
from gitsync.backends.rsync.program import PARTIAL_NAME
from gitsync.core.conflict import copy_name
from gitsync.errors import OperationError
from gitsync.git.flush import full_fsync
from gitsync.text import escape

_DRAFT_NAME = f"{PARTIAL_NAME}-copy-"
_READ_BYTES = 1024 * 1024
_HOLE_BYTES = 64 * 1024


def copy_of(root: Path, path: str, content: Path) -> str:
    """Write a copy of the file or link `content` next to `path` below `root`; return its path.

    Raise OperationError when that cannot be.
    """
    try:
        found = id_of(content)

        def is_taken(name: bytes) -> bool:
            place = root / os.fsdecode(name)
            return os.path.lexists(place) and not is_same(place, content)

        copy = os.fsdecode(copy_name(os.fsencode(path), found, is_taken))
        if not os.path.lexists(root / copy):  # else the same content is there already
            _put(root, copy, content)
    except OSError as error:
        raise _trouble(path, error) from error
    return copy


def put_back(root: Path, path: str, content: Path) -> str:
    """Write a copy of `content` to `path` if that does not exist, else next to it; return its path."""
    try:
        _put(root, path, content)
    except FileExistsError:
        return path if is_same(root / path, content) else copy_of(root, path, content)
    except OSError as error:
        raise _trouble(path, error) from error
    return path


def is_same(one: Path, other: Path) -> bool:
    """Return whether both are files with the same bytes, or links with the same target; False where one is neither."""
    try:
        if one.is_symlink() or other.is_symlink():
            return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
        return one.is_file() and other.is_file() and id_of(one) == id_of(other)
    except FileNotFoundError:
        return False


def id_of(path: Path) -> str:
    """Return the id that git gives a file's content or a link's target; raise OSError."""
    if path.is_symlink():
        target = os.fsencode(path.readlink())
        return digests.sha1(b"blob %d\0" % len(target) + target).hexdigest()
    digest = digests.sha1(b"blob %d\0" % path.stat().st_size, path.stat().st_size)
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            digest.update(data)
    return digest.hexdigest()


def forget_drafts(root: Path) -> None:
    """Remove copies below `root` that a run which died had not finished."""
    for draft in root.glob(f"{_DRAFT_NAME}*"):
        draft.unlink(missing_ok=True)


def _put(root: Path, path: str, content: Path) -> None:
    """Make `path` a copy of `content`, durably; raise FileExistsError where something is, OSError as it comes."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    name = f"{_DRAFT_NAME}{digests.sha256(os.fsencode(path)).hexdigest()[:16]}"
    try:
        _write(root / name, target, content)  # where the next run finds what a killed one leaves
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        near = target.with_name(name)  # another file system is mounted in between
        near.unlink(missing_ok=True)
        _write(near, target, content)
    sync_directory(target.parent)  # what it is a copy of may go from the disk before it would be there


def _write(draft: Path, target: Path, content: Path) -> None:
    try:
        if content.is_symlink():
            draft.symlink_to(content.readlink())
            shutil.copystat(content, draft, follow_symlinks=False)
        else:
            # Private until it has the permissions of what it is a copy of.
            with content.open("rb") as source, open(draft, "xb", opener=_private) as file:
                _copy_data(source, file)
                shutil.copystat(content, draft)
                file.flush()
                full_fsync(file.fileno())
        os.link(draft, target, follow_symlinks=False)  # unlike a rename, this never replaces what came to be there
    finally:
        draft.unlink(missing_ok=True)


def _copy_data(source: BinaryIO, target: BinaryIO) -> None:
    """Copy a file's content; what is nothing but zeros becomes a hole, as with rsync --sparse."""
    while data := source.read(_HOLE_BYTES):
        if data.count(0) == len(data):
            target.seek(len(data), os.SEEK_CUR)
        else:
            target.write(data)
    target.truncate()


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable; raise OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        full_fsync(handle)
    finally:
        os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _trouble(path: str, error: OSError) -> OperationError:
    return OperationError(
        f"cannot keep the other version of {escape(path)}: {error.strerror}; nothing was overwritten",
        "make room, and check the permissions of the file and its directory",
        code="disk-full" if error.errno == errno.ENOSPC else "failed",
    )
