"""Writes small files durably, tells two states of one apart, and classifies file system errors. Any thread."""

from __future__ import annotations

import errno
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

from gitsync.errors import OperationError
from gitsync.git.flush import flush

# Tells apart the temporary files of threads that write at the same time.
_WRITES = count()
# So many bytes are written with one call.
_JOINED = 1 << 16
_NEW = re.compile(r".*\.(?P<pid>\d+)-\d+\.new", re.DOTALL)


def write_new(path: str, data: Sequence[bytes | memoryview], *, mode: int = 0o666) -> None:
    """Create a file that must not exist yet with `data`; raise OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        for piece in _joined(data):
            view = memoryview(piece)
            while view:
                view = view[os.write(handle, view) :]
    finally:
        os.close(handle)


def _joined(data: Sequence[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Yield small pieces together: a system call takes longer than to copy them."""
    waiting: list[bytes | memoryview] = []
    size = 0
    for piece in data:
        if len(piece) < _JOINED:
            waiting.append(piece)
            size += len(piece)
        if waiting and (size >= _JOINED or len(piece) >= _JOINED):
            yield b"".join(waiting)
            waiting, size = [], 0
        if len(piece) >= _JOINED:
            yield piece
    yield b"".join(waiting)


def remove(path: str) -> None:
    """Remove a file that may be gone, with a second try: a lock of a process that lives on is nobody's to remove.

    Raise OSError.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError:
        os.unlink(path)


@contextmanager
def held_open(*paths: str) -> Iterator[None]:
    """Keep open what is at these paths now: one that is replaced meanwhile is freed afterwards."""
    with ExitStack() as stack:
        for path in paths:
            with suppress(OSError):
                stack.callback(os.close, os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        yield


def write_durably(path: Path, data: bytes, unsynced: Iterable[str] = ()) -> None:
    """Replace the file `path` by `data`; a power cut leaves the old or the new content. Raise OperationError.

    The paths in `unsynced` are durable before it is replaced: where that is cheap, by the same flush. Its directory is
    made where it is missing. The temporary file has a name that no other process uses: one that writes the same file at
    the same time must not have its half taken for the whole.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{next(_WRITES)}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(temporary, "wb") as stream:
            stream.write(data)
        flush((str(temporary), *unsynced))
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise storage_error(f"cannot write {path}", error) from error


def sweep_unfinished(directory: Path) -> None:
    """Remove the temporary files that `write_durably` of ended processes left in a directory and below it."""
    for path in directory.rglob("*.new"):
        matched = _NEW.fullmatch(path.name)
        if matched is not None and not _is_running(int(matched["pid"])):
            with suppress(OSError):  # another process has done the same
                path.unlink()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def storage_error(what: str, error: OSError) -> OperationError:
    """Return the error for a failed write: disk-full, read-only, permission, or io with the system's message."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OperationError(f"{what}: the disk is full", "free some disk space", code="disk-full")
    if error.errno == errno.EROFS:
        return OperationError(f"{what}: the file system is read-only", "remount it writable", code="read-only")
    if error.errno in (errno.EACCES, errno.EPERM):
        return _denied(what, error)
    return OperationError(f"{what}: {error.strerror}", "check the path and the disk", code="io")


def _denied(what: str, error: OSError) -> OperationError:
    """Name the file or directory that may not be written to, and whose it is: often root's, after a `sudo git`."""
    path = os.path.abspath(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else ""
    while path and not os.path.lexists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    if not path:
        return OperationError(f"{what}: permission denied", "check the owner and the permissions", code="permission")
    place = shlex.quote(path)
    hint = f"ls -ld {place}"
    if os.lstat(path).st_uid != os.geteuid():
        hint = f'it belongs to another user, as after a `sudo git`: sudo chown -R "$(id -un)" {place}'
    return OperationError(f"{what}: permission denied: {path}", hint, code="permission")


# The coarsest clock that stamps files on a kernel in use (CONFIG_HZ=100): two writes within it look alike.
TICK_NS = 20_000_000
# Inode, size, and the moments of the last change of content and of anything.
Signature = tuple[int, int, int, int]


def signature_of(path: str | bytes, *, is_followed: bool = True) -> Signature | None:
    """Return what differs when a file was changed or replaced, None when it cannot be looked at."""
    try:
        facts = os.stat(path, follow_symlinks=is_followed)
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
