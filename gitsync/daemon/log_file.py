"""The log file of a detached daemon: rotated by size, and readable by its owner alone. Any thread may log."""

from __future__ import annotations

import os
from io import FileIO, TextIOWrapper
from logging.handlers import RotatingFileHandler


class PrivateFileHandler(RotatingFileHandler):
    """A rotating log file of mode 0600, whatever the umask is: paths in it are nobody else's business."""

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.fchmod(handle, 0o600)
        return TextIOWrapper(FileIO(handle, "a"), encoding=self.encoding, errors=self.errors, line_buffering=True)
