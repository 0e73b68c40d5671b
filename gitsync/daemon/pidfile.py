"""The PID file: there while the daemon runs, for scripts; what keeps a second one away is the lock, not this.

Runs on the main thread.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from gitsync.errors import UsageError

logger = logging.getLogger(__name__)


class PidFile:
    """A file that holds this process's PID; `path` None is none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def check(self) -> None:
        """Raise UsageError when the file cannot be written; called while somebody still hears it."""
        if self._path is None:
            return
        try:
            with self._path.open("a"):
                pass
        except OSError as error:
            raise UsageError(
                f"cannot write the PID file {self._path}: {error.strerror}", "choose another one with --pid-file"
            ) from error

    def write(self) -> None:
        """Write the PID; a disk that is full by now is told to the log."""
        if self._path is None:
            return
        try:
            self._path.write_text(f"{os.getpid()}\n")
        except OSError as error:
            logger.warning("cannot write the PID file %s: %s", self._path, error.strerror)

    def remove(self) -> None:
        """Remove the file."""
        if self._path is None:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("cannot remove the PID file %s: %s", self._path, error.strerror)
