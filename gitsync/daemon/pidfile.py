"""The PID file: exists while the daemon runs, for scripts; the lock, not this file, prevents a second daemon.

Runs on the main thread.
"""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

from gitsync.errors import UsageError

logger = logging.getLogger(__name__)


class PidFile:
    """A file that contains this process's PID; `path` None means no file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def check(self) -> None:
        """Raise UsageError when the file cannot be written; called while the user can still see the error."""
        if self._path is None:
            return
        try:
            os.close(self._open(self._path, os.O_APPEND))
        except OSError as error:
            why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
            raise UsageError(
                f"cannot write the PID file {self._path}: {why}", "choose another one with --pid-file"
            ) from error

    def write(self) -> None:
        """Write the PID; an error, such as a full disk, is logged."""
        if self._path is None:
            return
        try:
            with open(self._open(self._path, os.O_TRUNC), "w", encoding="ascii") as stream:
                stream.write(f"{os.getpid()}\n")
        except OSError as error:
            logger.warning("cannot write the PID file %s: %s", self._path, error.strerror)

    @staticmethod
    def _open(path: Path, flags: int) -> int:
        # In a directory that others can write to, a symbolic link could lead to a file of the user's.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
        os.fchmod(handle, 0o600)
        return handle

    def remove(self) -> None:
        """Remove the file."""
        if self._path is None:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("cannot remove the PID file %s: %s", self._path, error.strerror)
