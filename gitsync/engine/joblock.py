"""The lock of a job: a flock, which the kernel takes away with the process. On the thread of who runs the job."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from gitsync.clock import sleep
from gitsync.errors import AlreadyRunningError, TransientError

LOOK_EVERY_S = 0.2


@contextlib.contextmanager
def locked(path: Path, name: str, is_cancelled: Callable[[], bool] | None = None) -> Iterator[None]:
    """Hold a job's lock; with `is_cancelled`, wait for another job of this process that has the same directory.

    Raise AlreadyRunningError when it is taken, TransientError when the wait was cancelled.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while not _is_taken_now(fd):
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            # Nothing is written yet, or any more, where it was taken or is given back at this instant.
            is_ours = holder in ("", str(os.getpid()))
            if is_cancelled is None or not is_ours:
                who = "is running" if is_ours else f"is being run by another gitsync with PID {holder}"
                raise AlreadyRunningError(f"{name} {who}", "wait until it has ended")
            if is_cancelled():
                raise TransientError(f"{name}: stopped before its turn came", code="cancelled")
            sleep(LOOK_EVERY_S)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def _is_taken_now(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
