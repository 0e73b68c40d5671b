"""Writing small files durably, and saying what the file system refused. Any thread."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from gitsync.errors import OperationError


def _write_new(path: str, data: Sequence[bytes | memoryview]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        for piece in data:
            view = memoryview(piece)
            while view:
                view = view[os.write(handle, view) :]
    finally:
        os.close(handle)


def write_durably(path: Path, data: bytes) -> None:
    """Put `data` in place of `path` so that a power cut leaves the old or the new content; raise OperationError."""
    temporary = path.with_name(path.name + ".new")
    try:
        with open(temporary, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise storage_error(f"cannot write {path}", error) from error


def storage_error(what: str, error: OSError) -> OperationError:
    """Return what people know a failed write by: disk-full, read-only, or the system's words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OperationError(f"{what}: the disk is full", "make room", code="disk-full")
    if error.errno == errno.EROFS:
        return OperationError(f"{what}: the file system is read-only", "mount it writable again", code="read-only")
    if error.errno in (errno.EACCES, errno.EPERM):
        return OperationError(f"{what}: permission denied", "check the owner and the permissions", code="permission")
    return OperationError(f"{what}: {error.strerror}", "check the path and the disk below it", code="io")


# Names that begin like this are ours for the moment, never part of anybody's work: watching, staging and ignore rules
# pass them over.
TEMP_PREFIX = b".gitsync-tmp-"


def is_temporary(path: bytes) -> bool:
    """Return whether `path` is a temporary of ours, or below one."""
    return path.startswith(TEMP_PREFIX) or b"/" + TEMP_PREFIX in path
